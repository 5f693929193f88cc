"""The bundle: the same bytes, however a policy is split into files and ordered."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.errors import DocumentError
from clew.policy import build_bundle, load_policy
from clew.policy.sections import SECTIONS, SETS
from policy.samples import policy

BUNDLE = build_bundle(load_policy(policy()))


def test_bundle() -> None:
    """A bundle is the whole policy, and is loaded as such."""
    again = load_policy(json.loads(BUNDLE))
    assert build_bundle(again) == BUNDLE
    assert again.sha256 == hashlib.sha256(BUNDLE).hexdigest()
    assert b'"window_seconds":172800' in BUNDLE


def test_faulty() -> None:
    """Of a policy with faults there is no bundle."""
    with pytest.raises(DocumentError, match="there is no creative `sale`"):
        build_bundle(load_policy(policy() | {"creatives": policy()["creatives"][:1]}))


def shuffled(draw: Callable[..., Any], value: Any) -> Any:
    """Put the names of every object in another order."""
    if isinstance(value, dict):
        names = draw(st.permutations(list(value)))
        return {name: shuffled(draw, value[name]) for name in names}
    return [shuffled(draw, one) for one in value] if isinstance(value, list) else value


@st.composite
def documents(draw: Callable[..., Any]) -> dict[str, Any]:
    """Draw the same policy with parts, sets and names in any order."""
    document = policy()
    for field in SETS[""]:
        document[field] = draw(st.permutations(document[field]))
    for section in SECTIONS:
        document[section] = draw(st.permutations(document[section]))
        for part in document[section]:
            for field in SETS.get(section, ()):
                if isinstance(part.get(field), list):
                    part[field] = draw(st.permutations(part[field]))
    return shuffled(draw, document)


@given(document=documents())
def test_order_is_no_matter(document: dict[str, Any]) -> None:
    """Names, parts and sets in another order give the same bytes."""
    assert build_bundle(load_policy(document)) == BUNDLE


@given(document=documents(), data=st.data())
def test_files_are_no_matter(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any], data: st.DataObject
) -> None:
    """Parts spread over files of any number and name give the same bytes."""
    folder: Path = tmp_path_factory.mktemp("policy")
    names = st.sampled_from(["a.json", "b.json", "below/c.json", "below/deeper/d.json"])
    for section in SECTIONS:
        files: dict[str, list[Any]] = {}
        for part in document.pop(section):
            files.setdefault(data.draw(names), []).append(part)
        for name, parts in files.items():
            path = folder / section / name
            path.parent.mkdir(parents=True, exist_ok=True)
            single = len(parts) == 1 and data.draw(st.booleans())
            path.write_text(json.dumps(parts[0] if single else parts), encoding="utf-8")
    (folder / "policy.json").write_text(json.dumps(document), encoding="utf-8")
    assert build_bundle(load_policy(folder)) == BUNDLE
