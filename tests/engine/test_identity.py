"""Linking and undoing it, on documents alone (RULES I)."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.engine.identity import link, refusal, unmerge
from clew.engine.person import empty
from clew.engine.trial import opened


def documents(*links: tuple[str, str]) -> dict:
    """Four identities, some of them linked."""
    made = {name: empty() for name in ("a-1", "a-2", "u-1", "u-2")}
    for anonymous, subject in links:
        link(anonymous, subject, made, at=1.0, windows={})
    return made


@pytest.mark.parametrize(
    ("links", "pair", "cause"),
    [
        ([], ("a-1", "u-1"), None),
        ([("a-1", "u-1")], ("a-2", "u-1"), None),
        ([("a-1", "u-1")], ("a-1", "u-1"), "linked"),
        ([("a-1", "u-1")], ("a-1", "u-2"), "linked_elsewhere"),
        ([("a-1", "u-1")], ("u-1", "u-2"), "known_subject"),
        ([("a-1", "u-1")], ("u-2", "a-1"), "anonymous_subject"),
        ([], ("u-1", "u-1"), "known_subject"),
    ],
)
def test_who_may_be_linked(links, pair, cause):
    """An anonymous id links to one known id, and two known ids never do (I1)."""
    assert refusal(*pair, documents(*links)) == cause


@given(st.permutations(["a-1", "a-2"]), st.integers(1, 2))
def test_unmerging_restores_the_documents(order, count):
    """Links that are undone, in any order, leave no trace (I2)."""
    made = documents()
    before = copy.deepcopy(made)
    for name in order[:count]:
        link(name, "u-1", made, at=1.0, windows={})
    assert made["u-1"]["members"] == sorted(order[:count])
    for name in order[:count]:
        assert unmerge(name, "u-1", made) == 0
    made["u-1"].pop("members")
    assert made == before


@pytest.mark.parametrize(("arm", "crossovers"), [("treated", 0), ("holdout", 1)])
def test_unmerging_takes_crossovers_back(arm, crossovers):
    """A link that is undone gives back the crossovers that it has made, each time (I2, M7)."""
    made = documents()
    for name, which in (("a-1", arm), ("u-1", "treated")):
        opening = opened(("half", "e", which), at=1.0, owner=name, policy_version="1")
        made[name]["trials"]["half:e"] = opening
    for _ in range(2):
        found = link("a-1", "u-1", made, at=2.0, windows={"orders": 9.0})
        assert found == crossovers
        assert unmerge("a-1", "u-1", made) == crossovers
