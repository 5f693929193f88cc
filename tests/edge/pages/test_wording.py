"""The words of the why page."""

from datetime import UTC, datetime, timedelta

import pytest

from clew.model.decision import Candidate, Decision, Draw, Explanation, ListItem, Method
from clew.model.profile import Permission
from clew_edge.pages import wording

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def decision(reason="bandit", **more):
    """A decision as it is told."""
    return Decision(id="d", slot="hero", decided_at=NOW, reason=reason, **more)


def drawn(*scores, rounds=3):
    """A draw between candidates of these scores, after so many decisions that were counted."""
    candidates = tuple(Candidate(creative="c", score=s, probability=0.5) for s in scores)
    return Draw(candidates=candidates, rounds=rounds)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (decision(draws=(drawn(0.1, 0.2),)), "Works best so far"),
        (decision(draws=(drawn(0.1, 0.1),)), "Chosen to learn"),
        (decision(draws=(drawn(0.1),)), "Works best so far"),
        (decision(draws=(drawn(0.1, 0.2, rounds=0),)), "Chosen to learn"),
        (
            decision(explanation=Explanation(method=Method(kind="bandit", exploration=True))),
            "Chosen to learn",
        ),
        (decision("split"), "Part of a comparison"),
        (decision("no_eligible"), "The standard page"),
        (decision("deadline"), "The standard page"),
    ],
)
def test_how_it_was_chosen(made, said):
    """What was learned is told from what is tried out; everything else is the standard page."""
    assert wording.method(made) == said


@pytest.mark.parametrize(
    ("reason", "share", "said"),
    [
        ("bandit", 0.331, "33 in 100"),
        ("split", 0.5, "50 in 100"),
        ("bandit", 0.001, "fewer than 1 in 100"),
        ("bandit", 0.9999, "more than 99 in 100"),
        ("bandit", 1.0, None),
        ("bandit", None, None),
        ("priority", 0.5, None),
    ],
)
def test_how_likely_it_was(reason, share, said):
    """Chances are told where chance chose, and never as certainty."""
    assert wording.chance(decision(reason, propensity=share)) == said


def test_the_entries_of_a_list_are_told_in_order():
    """Each by its texts, and an item without any by its name."""
    entries = (
        ListItem(position=0, content={"headline": "First", "url": "/x"}, reason="pinned"),
        ListItem(position=1, item="hawaiian", reason="bandit"),
    )
    assert wording.shown(decision(items=entries)) == ["First", "hawaiian"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"theme": "night", "sku": "garlic_bread", "text": "Start here"}, ["Start here"]),
        ({"link": "#menu", "next": "/x", "text": "Start"}, ["Start"]),
        ({"theme": "night", "text": "pizza"}, ["night", "pizza"]),
    ],
    ids=["codes", "addresses", "nothing else"],
)
def test_what_is_meant_for_the_page_is_not_read_out(content, said):
    """Addresses, and names in code beside what reads as text, are no part of what was shown."""
    assert wording.shown(decision(content=content)) == said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "not known"),
        (True, "yes"),
        (False, "no"),
        (3, "3"),
        (3.0, "3"),
        (0.1 + 0.2, "0.3"),
        ("a", "a"),
        (["a", 2], "a, 2"),
        ({"top_one": "a", "n": [1]}, "top one: a, n: 1"),
    ],
)
def test_values(given, said):
    """Values are told as a reader would write them."""
    assert wording.value(given) == said


@pytest.mark.parametrize(
    ("permission", "said"),
    [
        (
            Permission(
                purpose="p", permitted=True, basis="consent", state="granted", occurred_at=NOW
            ),
            "Yes: you allowed this on 21 November 2026.",
        ),
        (
            Permission(purpose="p", permitted=False, state="granted", occurred_at=NOW),
            "No: you have not allowed this, so it is not done.",
        ),
        (
            Permission(purpose="p", permitted=False, state="withdrawn", occurred_at=NOW),
            "No: you withdrew this on 21 November 2026.",
        ),
        (
            Permission(purpose="p", permitted=False, state="objected"),
            "No: you objected to this.",
        ),
        (
            Permission(purpose="p", permitted=True, basis="legitimate_interests"),
            "Yes: we have a legitimate interest, and you may object.",
        ),
        (
            Permission(purpose="p", permitted=False),
            "No: you have not allowed this, so it is not done.",
        ),
    ],
)
def test_grounds(permission, said):
    """Whether, why and since when something is permitted."""
    assert wording.ground(permission) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "just now"),
        (59.9, "just now"),
        (60, "1 minute ago"),
        (3_599, "59 minutes ago"),
        (3_600, "1 hour ago"),
        (86_399, "23 hours ago"),
        (86_400, "20 November 2026"),
    ],
)
def test_how_long_ago(seconds, said):
    """Roughly; a clock that runs behind is now."""
    assert wording.ago(NOW - timedelta(seconds=seconds), NOW) == said
