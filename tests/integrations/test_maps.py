"""A map is checked whole before the first row is read."""

import copy
from pathlib import Path
from typing import Any

import pytest

from clew.engine.compile import compile_policy
from clew.errors import DocumentError
from clew.integrations.importing import load_map
from clew.integrations.importing.maps import check_against
from clew.policy import load_policy
from integrations.tills import MAP, POLICY, write_map


def faults(folder: Path, **changes: Any) -> list[tuple[str, str]]:
    """Place and keyword of all that is wrong with the map so changed."""
    with pytest.raises(DocumentError) as caught:
        load_map(write_map(folder, **changes))
    return [(problem.pointer, problem.keyword) for problem in caught.value.problems]


def test_a_sound_map_is_taken(tmp_path: Path) -> None:
    """A map without faults compiles, and knows its policy relative to itself."""
    how = load_map(write_map(tmp_path))
    assert how.policy == tmp_path / "policy.json"
    assert [kind.kind.name for kind in how.kinds] == ["bag", "sale"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"zone": "x"}, ("/zone", "additionalProperties"), id="unknown-field"),
        pytest.param({"id": None}, ("", "required"), id="no-id"),
        pytest.param({"subject": "crad"}, ("/subject", "unknown_column"), id="subject"),
        pytest.param({"anonymous": ["x"]}, ("/anonymous/0", "unknown_column"), id="anonymous"),
        pytest.param({"encoding": "utf-9"}, ("/encoding", "unknown_encoding"), id="encoding"),
        pytest.param(
            {"time": {"column": "sold_at", "zone": "Europe/Viena"}},
            ("/time/zone", "unknown_zone"),
            id="zone",
        ),
        pytest.param(
            {"time": {"column": "sold_at", "zone": "Europe"}},
            ("/time/zone", "unknown_zone"),
            id="folder-of-zones",
        ),
        pytest.param(
            {"time": {"column": "sold_at", "format": "%Q"}},
            ("/time/format", "unknown_format"),
            id="format",
        ),
        pytest.param(
            {"time": {"column": "when"}}, ("/time/column", "unknown_column"), id="time-column"
        ),
        pytest.param(
            {"kinds": [{"name": "a", "when": {"==": [{"var": "skew"}, 1]}}]},
            ("/kinds/0/when", "unknown_column"),
            id="column-of-a-rule",
        ),
    ],
)
def test_a_fault_is_told_with_its_place(
    tmp_path: Path, changes: Any, expected: tuple[str, str]
) -> None:
    """A fault is told with the pointer to it; unknown fields are refused (F2)."""
    assert faults(tmp_path, **changes) == [expected]


def test_a_rule_that_is_none_is_refused(tmp_path: Path) -> None:
    """An operator that does not exist is told with the place within the rule."""
    kinds = [{"name": "a", "signal": "b", "data": {"x": {"plus": [1, 2]}}}]
    [(pointer, _)] = faults(tmp_path, kinds=kinds)
    assert pointer.startswith("/kinds/0/data/x")


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    """Several faults are one error."""
    changes = {"subject": "x", "encoding": "y", "anonymous": ["z"]}
    assert {pointer for pointer, _ in faults(tmp_path, **changes)} == {
        "/subject", "/encoding", "/anonymous/0",
    }  # fmt: skip


def test_what_is_no_json_is_refused(tmp_path: Path) -> None:
    """A file that is no JSON is refused with line and column."""
    path = tmp_path / "map.json"
    path.write_text("{,}", encoding="utf-8")
    with pytest.raises(DocumentError, match="line 1, column 2"):
        load_map(path)


def test_the_policy_takes_what_the_map_makes(tmp_path: Path) -> None:
    """A signal or purpose that the policy does not know is told before any row is read."""
    policy = compile_policy(load_policy(POLICY).policy)
    check_against(load_map(write_map(tmp_path)), policy)
    kinds = copy.deepcopy(MAP["kinds"])
    kinds[1]["signal"] = "item_orderd"
    ground = {"purposes": ["personalize"], "basis": "consent"}
    how = load_map(write_map(tmp_path, kinds=kinds, ground=ground))
    with pytest.raises(DocumentError) as caught:
        check_against(how, policy)
    assert [(p.pointer, p.keyword) for p in caught.value.problems] == [
        ("/kinds/1/signal", "unknown_signal"),
        ("/ground/purposes/0", "unknown_purpose"),
    ]
    assert "did you mean `item_ordered`" in str(caught.value)
