"""Trials: what counts in them, joining and parting (RULES M4, M5, M7, M11)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.engine.compiled import CompiledObjective
from clew.engine.trial import COVARIATE_SECONDS, count, join, opened, remember, restore
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
    ("at", "received_at", "since", "verdict"),
    [
        (999, 999, 0, "outside"),
        (1000, 1000, 0, "counted"),
        (1000 + DAY, 1000 + DAY, 0, "counted"),
        (1001 + DAY, 1001 + DAY, 0, "outside"),
        (1001, 1001 + DAY, 0, "late"),
        (1500, 1500, 2000, "outside"),
        (2000, 2000, 2000, "counted"),
    ],
)
def test_what_counts(at, received_at, since, verdict):
    """An outcome counts inside the window, if known by its end and the subject's by then (M5)."""
    one = trial()
    found = count(one, objective(), 1.0, at=at, received_at=received_at, since=since)
    assert found == verdict
    assert bool(one["values"]) is (verdict == "counted")


def test_who_left_counts_no_more():
    """A trial that was left by a link takes nothing (M7)."""
    one = trial() | {"left": 1500.0}
    assert count(one, objective(), 1.0, at=2000, received_at=2000) == "outside"


@given(
    st.lists(st.floats(-99, 99), max_size=5).flatmap(
        lambda values: st.permutations(
            [*((value, False) for value in values), *((value, True) for value in values[::2])]
        )
    ),
    st.sampled_from(["first", "every", "sum"]),
    st.sampled_from([-60.0, -10.0, 0.0, 10.0]),
)
def test_reversals_in_any_order(told, mode, least):
    """Of outcomes, whatever their values, those not reversed are left, in any order (M2, F6)."""
    one = trial()
    counting = objective(mode, value_min=least)
    for value, is_reversal in told:
        count(one, counting, value, at=2000, received_at=2000, is_reversal=is_reversal)
    total, outcomes, _ = one["values"].get("orders", [0.0, 0, 0.0])
    left = sum(-1 if is_reversal else 1 for _, is_reversal in told)
    worth = sum(
        (-1 if is_reversal else 1) * min(max(value, least), 50.0) for value, is_reversal in told
    )
    assert outcomes == left
    assert total == pytest.approx({"first": float(left > 0), "every": left, "sum": worth}[mode])


@pytest.mark.parametrize(
    ("age", "mode", "value", "covariate"),
    [
        (1, "sum", 80, 50.0),
        (COVARIATE_SECONDS, "sum", 8, 8.0),
        (COVARIATE_SECONDS + 1, "sum", 8, None),
        (0, "sum", 8, None),
        (1, "first", 8, 1.0),
        (1, "every", 8, 1.0),
        (1, "sum", -8, 0.0),
        (1, "every", -8, 1.0),
    ],
)
def test_the_covariate(age, mode, value, covariate):
    """The 28 days before the trigger are remembered, the trigger itself is not (M11)."""
    one = trial(at=1e9)
    remember(one, objective(mode), value, at=1e9 - age)
    assert one["values"].get("orders", [0, 0, None])[2] == covariate


@pytest.mark.parametrize(
    ("known", "anonymous", "crossovers"),
    [("treated", "treated", 0), ("treated", "holdout", 1), ("holdout", "treated", 1)],
)
def test_joining_and_restoring(known, anonymous, crossovers):
    """The known trial stays, the other leaves, and undoing the link restores both (M7, I2)."""
    ours, theirs = {"half:e": trial(known)}, {"half:e": trial(anonymous, owner="a-1")}
    changed, found = join(ours, theirs, at=2000, windows={"orders": DAY})
    assert (len(changed), found) == (1, crossovers)
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
