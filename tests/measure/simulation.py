"""
Experiments whose truth is known by design, to see whether measured lift keeps its promises.

Each is looked at `LOOKS` times. How rows become the sums of the arms is a function of its own, so
that a rule can be broken on purpose to show what it protects from.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from attrs import frozen

from clew.measure.arms import ArmTotals
from clew.measure.lift import Lift, lift_of
from measure.people import HORIZON, Array, Mask, Rows, Trial, draw

__all__ = [
    "LOOKS",
    "Run",
    "decisions",
    "mature_subjects",
    "share",
    "simulate",
    "triggered_subjects",
    "without_crossovers",
]

LOOKS = 50
#: When one looks: often at first, where samples are small; at last, when everyone is mature.
LOOK_TIMES = 1.0 + np.geomspace(HORIZON / 200, HORIZON, LOOKS)

#: Treated and holdout, at each look.
Looks = list[tuple[ArmTotals, ArmTotals]]
Count = Callable[[Rows], Looks]


@frozen
class Run:
    """One experiment, look by look."""

    lifts: list[Lift]
    #: Average effect on the mature subjects at each look, by design.
    truths: list[float]

    @property
    def speaks(self) -> bool:
        """Whether an interval is shown at any look."""
        return any(lift.absolute is not None for lift in self.lifts)

    @property
    def claims(self) -> bool:
        """Whether an interval excludes zero at any look."""
        return not covers_all((lift, 0.0) for lift in self.lifts)

    @property
    def misses(self) -> bool:
        """Whether an interval excludes the truth of its look at any look."""
        return not covers_all(zip(self.lifts, self.truths, strict=True))


def covers_all(pairs: Iterable[tuple[Lift, float]]) -> bool:
    """Whether every interval there is covers its value."""
    return all(
        lift.absolute.lower <= value <= lift.absolute.upper
        for lift, value in pairs
        if lift.absolute is not None
    )


def share(flags: Iterable[bool]) -> float:
    """Share of what is true."""
    return float(np.mean(list(flags)))


def mature_subjects(rows: Rows) -> Looks:
    """Count as the rules do: each subject once, when mature, with its value fixed (M3, M5)."""
    return at_looks(rows, rows.triggers.triggered_at + 1)


def triggered_subjects(rows: Rows) -> Looks:
    """Break M5: count every triggered subject, with what came of it until now."""
    triggered_at = rows.triggers.triggered_at
    return at_looks(rows, triggered_at, outcome_at=triggered_at + rows.delay)


def without_crossovers(rows: Rows) -> Looks:
    """Break M7: leave out people whose devices were in different arms."""
    never = np.where(rows.triggers.crossover, np.inf, rows.triggers.triggered_at + 1)
    return at_looks(rows, never)


def decisions(rows: Rows) -> Looks:
    """Break M3: count every decision, credited with its subject's outcome."""
    return at_looks(rows, rows.triggers.triggered_at + 1, weight=rows.triggers.decisions)


def simulate(
    trial: Trial,
    *,
    runs: int,
    seed: int = 1,
    count: Count = mature_subjects,
    adjusted: bool = False,
) -> Iterator[Run]:
    """Run an experiment many times; another `count` breaks a rule."""
    rng = np.random.default_rng(seed)
    for _ in range(runs):
        rows = draw(trial, rng)
        lifts = [
            lift_of(treated=treated, holdout=holdout, adjusted=adjusted)
            for treated, holdout in count(rows)
        ]
        mature_at = rows.triggers.triggered_at + 1
        truths = running(mature_at, rows.effect) / running(mature_at, np.ones_like(mature_at))
        yield Run(lifts, truths.tolist())


def at_looks(
    rows: Rows, subject_at: Array, outcome_at: Array | None = None, weight: Array | float = 1.0
) -> Looks:
    """Sum up subjects and outcomes that have come by each look."""
    outcome_at = subject_at if outcome_at is None else outcome_at
    unknown = np.isnan(rows.pre_value)
    pre = np.where(unknown, 0.0, rows.pre_value)
    of_subject = {
        "subjects": np.ones_like(pre),
        "pre_total": pre,
        "pre_squares": pre**2,
        "unknown": unknown,
    }
    of_outcome = {
        "converting": rows.conversions > 0,
        "total": rows.value,
        "squares": rows.value**2,
        "magnitude": rows.value,
        "cross": rows.value * pre,
        "unknown_total": rows.value * unknown,
    }

    def arm(members: Mask) -> list[ArmTotals]:
        sums = {
            name: running(at[members], (amount * weight)[members]).tolist()
            for at, amounts in ((subject_at, of_subject), (outcome_at, of_outcome))
            for name, amount in amounts.items()
        }
        return [
            ArmTotals(**{name: looks[look] for name, looks in sums.items()})
            for look in range(LOOKS)
        ]

    treated = rows.triggers.treated
    return list(zip(arm(treated), arm(~treated), strict=True))


def running(at: Array, amount: Array) -> Array:
    """Sum of the amounts that have come by each look; what comes after the last is dropped."""
    look = np.searchsorted(LOOK_TIMES, at)
    return np.cumsum(np.bincount(look, amount, minlength=LOOKS + 1)[:LOOKS])
