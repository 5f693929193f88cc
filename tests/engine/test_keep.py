"""How long a decision is kept (RULES D3)."""

import pytest

from clew.engine.keep import kept
from client.worlds import policy, slot
from engine.situations import NOW, compiled

ENTRY = {
    "reason": "bandit",
    "policy": ["shop", "1"],
    "at": NOW - 100,
    "session": "s-1",
    "view": "v-1",
}


def asked(sticky: str, entry=ENTRY, **given):
    """Whether an entry is kept for a request."""
    seconds = {"sticky_seconds": 100} if sticky == "seconds" else {}
    law = compiled(policy(slots=[slot(sticky=sticky, **seconds)]))
    request = {"now": NOW, "active_at": 0.0, "session_id": "s-1", "view_id": "v-1", **given}
    return kept(law, law.slots["hero"], entry, **request) is not None


@pytest.mark.parametrize(
    ("sticky", "given", "expected"),
    [
        ("none", {}, False),
        ("view", {}, True),
        ("view", {"view_id": "v-2"}, False),
        ("view", {"view_id": None}, False),
        ("seconds", {}, True),
        ("seconds", {"now": NOW + 1}, False),
        ("session", {}, True),
        ("session", {"session_id": "s-2"}, False),
        ("session", {"session_id": None}, True),
        ("session", {"now": NOW + 1_700}, True),
        ("session", {"now": NOW + 1_701}, False),
        ("session", {"now": NOW + 1_701, "active_at": NOW}, True),
        ("session", {"now": NOW + 86_301, "active_at": NOW + 86_300}, False),
    ],
)
def test_what_is_kept(sticky, given, expected):
    """A slot keeps its decision for a view, a session in use, or some seconds (D3)."""
    assert asked(sticky, **given) is expected


@pytest.mark.parametrize("reason", ["consent_denied", "no_eligible", "error", "deadline"])
def test_a_fall_back_is_never_kept(reason):
    """What becomes possible a moment later is not hidden by a fall-back (D3)."""
    assert not asked("session", {**ENTRY, "reason": reason})


@pytest.mark.parametrize("named", [["shop", "2"], ["other", "1"]])
def test_another_policy_ends_it(named):
    """A decision is not kept beyond its policy version (D3)."""
    assert not asked("session", {**ENTRY, "policy": named})


def test_nothing_to_keep():
    """Who was shown nothing yet has nothing kept."""
    assert not asked("session", None)
