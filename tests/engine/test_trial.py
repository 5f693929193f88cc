"""Trials: what counts in them, joining and parting (RULES M4, M5, M7, M11)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.engine.compiled import CompiledObjective
from clew.engine.trial import (
    COVARIATE_SECONDS,
    Event,
    Reversal,
    count,
    join,
    opened,
    recount,
    restore,
    standing,
)
from clew.model.policy import Objective

DAY = 86_400.0


def objective(mode: str = "first", **more: Any) -> CompiledObjective:
    """An objective over a day, worth at most 50 each."""
    declared: dict[str, Any] = {"id": "orders", "signal": "order_completed", "value_max": 50}
    declared |= more
    return CompiledObjective(Objective(count=mode, window_seconds=DAY, **declared), None)


def trial(arm: str = "treated", at: float = 1000.0, owner: str = "u-1") -> dict[str, Any]:
    """A trial that has just been opened."""
    return opened(("half", "e", arm), at=at, owner=owner, policy_version="1")


@pytest.mark.parametrize(
    ("at", "received_at", "since", "expected"),
    [
        (999, 999, 0, "outside"),
        (1000, 1000, 0, "counts"),
        (1000 + DAY, 1000 + DAY, 0, "counts"),
        (1001 + DAY, 1001 + DAY, 0, "outside"),
        (1001, 1001 + DAY, 0, "late"),
        (1500, 1500, 2000, "outside"),
        (2000, 2000, 2000, "counts"),
    ],
)
def test_what_counts(at, received_at, since, expected):
    """An outcome counts inside the window, if known by its end and the subject's by then (M5)."""
    assert standing(trial(), objective(), Event(at, received_at, 1.0), since) == expected


def test_who_left_counts_no_more():
    """A trial that was left by a link takes nothing (M7)."""
    one = trial() | {"left": 1500.0}
    assert standing(one, objective(), Event(2000, 2000, 1.0)) == "outside"


@given(
    st.lists(st.tuples(st.floats(-99, 99), st.booleans()), max_size=5).flatmap(st.permutations),
    st.sampled_from(["first", "every", "sum"]),
    st.sampled_from([-60.0, -10.0, 0.0, 10.0]),
)
def test_what_was_taken_back_is_no_more(told, mode, least):
    """Of outcomes, whatever their values, those not reversed are left, in any order (M2, F6)."""
    one = trial()
    undone = Reversal(2001, "r", 2001, None)
    events = [
        Event(2000, 2000, value, reversals=[undone] if is_undone else [])
        for value, is_undone in told
    ]
    recount(one, objective(mode, value_min=least), events, is_opened=False)
    total, outcomes, _ = one["values"].get("orders", [0.0, 0, 0.0])
    left = [min(max(value, least), 50.0) for value, is_undone in told if not is_undone]
    assert outcomes == len(left)
    expected = {"first": float(bool(left)), "every": len(left), "sum": sum(left)}
    assert total == pytest.approx(expected[mode])


@pytest.mark.parametrize(
    ("age", "mode", "value", "covariate"),
    [
        (1, "sum", 80, 50.0),
        (COVARIATE_SECONDS, "sum", 8, 8.0),
        (COVARIATE_SECONDS + 1, "sum", 8, 0.0),
        (0, "sum", 8, 0.0),
        (1, "first", 8, 1.0),
        (1, "every", 8, 1.0),
        (1, "sum", -8, 0.0),
        (1, "every", -8, 1.0),
    ],
)
def test_the_covariate(age, mode, value, covariate):
    """The 28 days before the trigger are remembered, the trigger itself is not (M11)."""
    one = trial(at=1e9)
    before = Event(1e9 - age, 1e9 - age, value)
    recount(one, objective(mode), [before], is_opened=True)
    assert one["values"].get("orders", [0, 0, 0.0])[2] == covariate
    recount(one, objective(mode), [before, before], is_opened=False)
    assert one["values"].get("orders", [0, 0, 0.0])[2] == covariate
    told_of_the_trigger = Event(1e9 - age, 1e9 - age, value, decided_at=1e9)
    recount(one, objective(mode), [before, told_of_the_trigger], is_opened=True)
    assert one["values"].get("orders", [0, 0, 0.0])[2] == covariate


@given(
    mode=st.sampled_from(["first", "every", "sum"]),
    told=st.lists(st.tuples(st.floats(900, 1e5), st.floats(0, 1e5), st.floats(-90, 90))),
)
def test_counted_anew_is_as_counted_one_by_one(mode, told):
    """Where nothing was taken back, the log says what was counted as it came (F6)."""
    one, anew = trial(), trial()
    for at, delay, worth in told:
        if standing(one, objective(mode), Event(at, at + delay, worth)) == "counts":
            count(one, objective(mode), worth)
    events = [Event(at, at + delay, worth) for at, delay, worth in told if at >= anew["at"]]
    recount(anew, objective(mode), events, is_opened=True)
    assert anew["values"].get("orders", [0, 0, 0]) == pytest.approx(
        one["values"].get("orders", [0, 0, 0])
    )


@pytest.mark.parametrize(
    ("mode", "reversals", "left"),
    [
        pytest.param("sum", [(2, None)], (0.0, 0), id="all of it"),
        pytest.param("sum", [(2, 10.0)], (20.0, 1), id="a part"),
        pytest.param("sum", [(2, -10.0)], (20.0, 1), id="a part, told with the other sign"),
        pytest.param("sum", [(2, 10.0), (3, 25.0)], (0.0, 0), id="more than all, in parts"),
        pytest.param("sum", [(2, None), (3, 10.0)], (0.0, 0), id="all, and then a part"),
        pytest.param("sum", [(2 * DAY, None)], (30.0, 1), id="after the window (M5)"),
        pytest.param("first", [(2, None)], (0.0, 0), id="the first"),
        pytest.param("every", [(2, 10.0)], (0.0, 0), id="one of every"),
    ],
)
def test_what_is_left_of_a_purchase(mode, reversals, left):
    """A refund takes its purchase out of the trial as far as it goes, if it came in time (M2)."""
    assert after_reversals(30.0, reversals, objective(mode)) == left


@pytest.mark.parametrize(
    ("bought", "refunded", "least", "left"),
    [
        pytest.param(80.0, 20.0, 0.0, 50.0, id="still worth the most"),
        pytest.param(80.0, 60.0, 0.0, 20.0, id="more than what was above the most"),
        pytest.param(30.0, 5.0, 10.0, 25.0, id="less than the least"),
        pytest.param(30.0, 25.0, 10.0, 10.0, id="down to less than the least"),
    ],
)
def test_what_is_left_is_clipped_not_what_is_refunded(bought, refunded, least, left):
    """The bounds are for what somebody has spent in the end (L5)."""
    counting = objective("sum", value_min=least)
    assert after_reversals(bought, [(2, refunded)], counting) == (left, 1)


def after_reversals(bought, reversals, counting):
    """Value and number of outcomes after a purchase and what takes it back, in either order."""
    taken = [Reversal(1000 + at, f"r-{at}", 1000 + at, value) for at, value in reversals]
    found = []
    for order in (taken, taken[::-1]):
        one = trial()
        recount(one, counting, [Event(1001, 1001, bought, reversals=order)], is_opened=True)
        found.append(tuple(one["values"].get("orders", (0.0, 0, 0.0))[:2]))
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize(
    ("known", "anonymous", "crossovers"),
    [("treated", "treated", 0), ("treated", "holdout", 1), ("holdout", "treated", 1)],
)
def test_joining_and_restoring(known, anonymous, crossovers):
    """The known trial stays, the other leaves, and undoing the link restores both (M7, I2)."""
    ours, theirs = {"half:e": trial(known)}, {"half:e": trial(anonymous, owner="a-1")}
    assert join(ours, theirs, at=2000, windows={"orders": DAY}) == crossovers
    assert (ours["half:e"]["left"], theirs["half:e"]["left"]) == (None, 2000)
    restore(ours, theirs, "a-1")
    assert (ours["half:e"]["left"], theirs["half:e"]["left"]) == (None, None)
    assert (ours["half:e"]["arm"], theirs["half:e"]["arm"]) == (known, anonymous)


def test_moving_and_restoring():
    """A trial moves to a known subject that has none, and comes back (M7, I2)."""
    ours: dict[str, Any] = {}
    theirs = {"half:e": trial(owner="a-1")}
    join(ours, theirs, at=2000, windows={"orders": DAY})
    assert (list(ours), list(theirs)) == (["half:e"], [])
    restore(ours, theirs, "a-1")
    assert (list(ours), list(theirs)) == ([], ["half:e"])


def test_a_mature_trial_stays():
    """What has been measured to its end does not leave (M5, M7)."""
    ours, theirs = {"half:e": trial()}, {"half:e": trial(owner="a-1")}
    join(ours, theirs, at=1001 + DAY, windows={"orders": DAY})
    assert theirs["half:e"]["left"] is None
