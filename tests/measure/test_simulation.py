"""
Whether measured lift keeps its promises in experiments whose truth is known.

Every experiment holds out a tenth and is looked at 50 times. A small guard runs with the other
tests; the full sizes are marked slow.
"""

from collections.abc import Callable

import pytest

from measure.people import Rows, Trial
from measure.simulation import (
    Looks,
    Run,
    covers_all,
    decisions,
    mature_subjects,
    share,
    simulate,
    triggered_subjects,
    without_crossovers,
)

NOMINAL = 0.05
EFFECT = 0.5

#: Base rate, and so many people that the holdout has about 60 converting subjects at last.
RATES = [(0.01, 60_000), (0.03, 20_000), (0.1, 6_000)]

#: Kinds of experiments; it takes more orders than 20 to weigh as much as 20 equal ones.
KINDS: dict[str, Callable[[int, float, float], Trial]] = {
    "unequal-activity": Trial,
    "faster-purchases": lambda people, rate, effect: Trial(people, rate, effect, haste=10.0),
    "linked-devices": lambda people, rate, effect: Trial(people, rate, effect, linking=0.3),
    "log-normal-orders": lambda people, rate, effect: Trial(3 * people, rate, effect, orders=True),
}

guard = [pytest.param(kind, 0.1, 6_000, 60, id=f"{kind}-guard") for kind in KINDS]
full = [
    pytest.param(kind, rate, people, 500, id=f"{kind}-{rate}", marks=pytest.mark.slow)
    for kind in KINDS
    for rate, people in RATES
]
sizes = pytest.mark.parametrize(("kind", "rate", "people", "runs"), guard + full)


def outcome(kind: str, rate: float, people: int, runs: int, effect: float) -> list[Run]:
    """Runs of one kind of experiment."""
    trial = KINDS[kind](people, rate, effect)
    return list(simulate(trial, runs=runs, seed=1 + list(KINDS).index(kind)))


@sizes
def test_no_effect_is_seldom_claimed(kind: str, rate: float, people: int, runs: int) -> None:
    """Without an effect at most 5 % of experiments exclude zero at any look (M3, M5, M6, M7)."""
    seen = outcome(kind, rate, people, runs, 0.0)
    assert all(run.speaks for run in seen)
    assert share(run.claims for run in seen) <= NOMINAL


@sizes
def test_an_effect_is_covered(kind: str, rate: float, people: int, runs: int) -> None:
    """
    In 95 % of experiments the last interval covers the average effect, and all cover theirs.

    Theirs is the average over the subjects who are mature at that look. (M6)
    """
    seen = outcome(kind, rate, people, runs, EFFECT)
    average = sum(run.truths[-1] for run in seen) / runs
    assert average > 0
    assert all(run.speaks for run in seen)
    assert share(not covers_all([(run.lifts[-1], average)]) for run in seen) <= NOMINAL
    assert share(run.misses for run in seen) <= NOMINAL
    assert share(run.claims for run in seen) > NOMINAL


@pytest.mark.parametrize(
    ("trial", "broken"),
    [
        pytest.param(Trial(6_000, 0.1), decisions, id="M3-unit"),
        pytest.param(Trial(20_000, 0.1, haste=10.0), triggered_subjects, id="M5-maturity"),
        pytest.param(Trial(20_000, 0.1, linking=0.3), without_crossovers, id="M7-crossovers"),
    ],
)
def test_a_broken_rule_claims_effects_that_are_not_there(
    trial: Trial, broken: Callable[[Rows], Looks]
) -> None:
    """People of no effect, counted against one rule, often seem to have one (M3, M5, M7)."""
    right, wrong = (
        share(run.claims for run in simulate(trial, runs=40, count=count))
        for count in (mature_subjects, broken)
    )
    assert right <= NOMINAL
    assert wrong >= 4 * NOMINAL
