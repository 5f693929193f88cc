"""The rules of `schemas/RULES.md`: what is cited is there, and what is there is proven."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_NAME = re.compile(r"\b[FIDLMK][1-9][0-9]?\b")
#: A rule opens a point of a list; one in italics is not enforced yet.
_RULE = re.compile(r"^- (\*\*?)([FIDLMK][0-9]+)\b", re.MULTILINE)
RULES = {
    name: stars == "**" for stars, name in _RULE.findall((ROOT / "schemas/RULES.md").read_text())
}


def cited(*where: str) -> Iterator[tuple[Path, str]]:
    """Every rule that is cited in some files, with the file."""
    for pattern in where:
        for path in ROOT.glob(pattern):
            for name in _NAME.findall(path.read_text()):
                yield path, name


def test_what_is_cited_is_a_rule() -> None:
    """No code, test or requirement cites a rule that there is not."""
    places = cited("sdk/**/*.py", "edge/**/*.py", "tests/**/*.py", "schemas/*.md", "README.md")
    unknown = {str(path.relative_to(ROOT)): name for path, name in places if name not in RULES}
    assert unknown == {}


@pytest.mark.parametrize("name", [name for name, enforced in RULES.items() if enforced])
def test_a_rule_is_proven(name: str) -> None:
    """A test cites each rule that is enforced."""
    here = Path(__file__)
    assert any(found == name for path, found in cited("tests/**/*.py") if path != here)
