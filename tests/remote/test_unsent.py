"""The signals a decision brings along: bounded, and forgotten once they are delivered."""

from hypothesis import given
from hypothesis import strategies as st

from clew.backends.http import unsent
from clew.backends.http.unsent import Unsent


def signal(name: str, subject: str = "u-1") -> dict[str, str]:
    """As much of a signal as matters here."""
    return {"id": name, "subject": subject}


def test_what_is_not_delivered_is_given_in_order():
    """A subject's signals are given oldest first; another's are not among them."""
    held = Unsent()
    for name in ("a", "b", "c"):
        held.add(signal(name))
    held.add(signal("d", "u-2"))
    held.settle(["b", "no such"])
    assert [each["id"] for each in held.of(["u-1", None])] == ["a", "c"]
    assert [each["id"] for each in held.of(["u-2", "u-1"])] == ["d", "a", "c"]
    assert held.of([None, "u-3"]) == []


def test_one_subject_is_bounded():
    """Beyond the bound the oldest signals of a subject are delivered, but not brought along."""
    held = Unsent()
    for number in range(unsent.SIGNALS_OF_ONE_MAX + 3):
        held.add(signal(f"s-{number}"))
    assert held.of(["u-1"])[0]["id"] == "s-3"
    assert len(held.of(["u-1"])) == unsent.SIGNALS_OF_ONE_MAX


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.booleans()), max_size=120))
def test_nothing_is_left_behind(steps):
    """Once all is settled nothing is held, whatever was added, and the bound always holds."""
    held = Unsent()
    for name, subject, is_settled in steps:
        if is_settled:
            held.settle([f"s-{name}"])
        else:
            held.settle([f"s-{name}"])
            held.add(signal(f"s-{name}", f"u-{subject}"))
        given_now = [each["id"] for each in held.of(f"u-{n}" for n in range(6))]
        assert len(given_now) == len(set(given_now)) == len(held._subjects)
    held.settle([f"s-{n}" for n in range(41)])
    assert (held._subjects, held._signals) == ({}, {})


def test_all_subjects_together_are_bounded(monkeypatch):
    """Beyond the bound on all subjects the oldest signals give way."""
    monkeypatch.setattr(unsent, "SIGNALS_MAX", 5)
    held = Unsent()
    for number in range(8):
        held.add(signal(f"s-{number}", f"u-{number}"))
    assert [bool(held.of([f"u-{number}"])) for number in range(8)] == [False] * 3 + [True] * 5
