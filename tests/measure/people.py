"""
People of a simulated experiment: when they come, what they are served and what comes of it.

A person takes 1 to 50 decisions in the window after the first one. Those who take more convert
more, per decision too, and come earlier, so that the mix of people drifts while one looks. Time is
counted in windows of the objective.
"""

from functools import cached_property

import numpy as np
from attrs import astuple, frozen
from numpy.typing import NDArray

__all__ = ["HORIZON", "ORDER_MEAN", "Rows", "Trial", "draw"]

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

HOLDOUT = 0.1
#: Windows over which people come.
HORIZON = 6.0

ACTIVITIES = np.arange(1, 51)
ACTIVITY_SHARES = ACTIVITIES**-1.5 / np.sum(ACTIVITIES**-1.5)

#: Log-normal order values: their mean is exp(3.5), about 33, their skewness 6.2.
ORDER_LOG_MEAN, ORDER_LOG_SD = 3.0, 1.0
ORDER_MEAN = float(np.exp(ORDER_LOG_MEAN + ORDER_LOG_SD**2 / 2))

#: Chance of people with two devices to convert at a decision, as a multiple of the others'.
LINKED_BOOST = 4.0

#: Share of subjects whose past is known, and how many windows of it.
KNOWN, PAST_WINDOWS = 0.7, 4


@frozen(slots=False)
class Trial:
    """The design of an experiment."""

    people: int
    #: Share of held-out subjects who convert within the window, of those with one device.
    base_rate: float
    #: What treatment adds to the chance of a decision to convert, as a share of it.
    effect: float = 0.0
    #: The treated convert earlier within the window: a delay u becomes u to this power.
    haste: float = 1.0
    #: Share of people who link a second device in the middle, and convert four times as often.
    linking: float = 0.0
    #: Whether a subject's value is the sum of its orders' values, or 1 for the first outcome.
    orders: bool = False

    @cached_property
    def chance(self) -> float:
        """Chance per decision of the least active, by bisection on the base rate."""
        low, high = 0.0, 1.0
        for _ in range(50):
            middle = (low + high) / 2
            missed = (1 - chances(middle, ACTIVITIES)) ** ACTIVITIES
            too_low = 1 - ACTIVITY_SHARES @ missed < self.base_rate
            low, high = (middle, high) if too_low else (low, middle)
        return low


def chances(least: float, activity: Array) -> Array:
    """Chance of each decision to convert: it grows with activity."""
    return np.minimum(least * np.sqrt(activity), 0.16)


@frozen
class Triggers:
    """Trigger rows before anything came of them, one per triggered subject."""

    triggered_at: Array
    treated: Mask
    #: Within the window.
    decisions: NDArray[np.int64]
    #: Decisions per window of the person.
    activity: NDArray[np.int64]
    #: Multiple of the chance to convert.
    boost: Array
    #: Two devices were in different arms when they were linked.
    crossover: Mask

    def __add__(self, other: "Triggers") -> "Triggers":
        """Rows of both."""
        columns = zip(astuple(self, recurse=False), astuple(other, recurse=False), strict=True)
        return Triggers(*map(np.concatenate, columns))


@frozen
class Rows:
    """Trigger rows and what came of them."""

    triggers: Triggers
    conversions: NDArray[np.int64]
    value: Array
    #: From trigger to outcome.
    delay: Array
    #: The same value over the past, NaN where it is unknown.
    pre_value: Array
    #: What treatment adds to this subject's value on average: the truth, by design.
    effect: Array


def draw(trial: Trial, rng: np.random.Generator) -> Rows:
    """Draw everyone of an experiment."""
    linking = rng.binomial(trial.people, trial.linking)
    rows = one_device(trial.people - linking, rng) + two_devices(linking, rng)
    chance = chances(trial.chance, rows.activity) * rows.boost
    raised = chance * (1 + trial.effect)
    conversions = rng.binomial(rows.decisions, np.where(rows.treated, raised, chance))
    past = rng.binomial(rows.activity * PAST_WINDOWS, chance)
    known = rng.random(len(chance)) < KNOWN
    return Rows(
        triggers=rows,
        conversions=conversions,
        value=values(trial, conversions, rng),
        delay=rng.random(len(chance)) ** np.where(rows.treated, trial.haste, 1.0),
        pre_value=np.where(known, values(trial, past, rng), np.nan),
        effect=expected(trial, rows.decisions, raised) - expected(trial, rows.decisions, chance),
    )


def values(trial: Trial, conversions: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """Value of each subject, given how often it converted."""
    if not trial.orders:
        return np.minimum(conversions, 1.0)
    subject = np.repeat(np.arange(len(conversions)), conversions)
    orders = rng.lognormal(ORDER_LOG_MEAN, ORDER_LOG_SD, len(subject))
    return np.bincount(subject, orders, minlength=len(conversions))


def expected(trial: Trial, decisions: NDArray[np.int64], chance: Array) -> Array:
    """Mean value of a subject, given its decisions and their chance to convert."""
    return decisions * chance * ORDER_MEAN if trial.orders else 1 - (1 - chance) ** decisions


def device(people: int, rng: np.random.Generator) -> tuple[Array, Mask, NDArray[np.int64]]:
    """First decision, arm and activity: the first of many decisions comes early."""
    activity = rng.choice(ACTIVITIES, people, p=ACTIVITY_SHARES)
    first_at = HORIZON * (1 - rng.random(people) ** (1 / activity))
    return first_at, rng.random(people) >= HOLDOUT, activity


def one_device(people: int, rng: np.random.Generator) -> Triggers:
    """Rows of people who are one subject."""
    first_at, treated, activity = device(people, rng)
    never = np.zeros(people, dtype=bool)
    return Triggers(first_at, treated, activity, activity, np.ones(people), never)


def two_devices(people: int, rng: np.random.Generator) -> Triggers:
    """
    Rows of people whose known subject is linked with an anonymous one (RULES M7).

    The known subject's row stays; where it has none, the anonymous one's moves; where neither has,
    the known subject triggers later, in its own arm. From the link on the pair's decisions and
    outcomes belong to the row, and its arm is served. The other row leaves unless it is mature.
    """
    known_at, known_treated, known_activity = device(people, rng)
    other_at, other_treated, other_activity = device(people, rng)
    linked_at = HORIZON * rng.uniform(0.25, 0.75, people)
    known_has, other_has = known_at < linked_at, other_at < linked_at
    moves = other_has & ~known_has
    triggered_at = np.where(
        known_has, known_at, np.where(moves, other_at, np.minimum(known_at, other_at))
    )

    def within(activity: NDArray[np.int64], since: Array) -> NDArray[np.int64]:
        """Decisions of a device in the row's window, once they belong to the row."""
        return rng.binomial(activity, np.clip(triggered_at + 1 - since, 0, 1))

    after_link = np.maximum(linked_at, np.where(moves, known_at, other_at))
    known_decisions = within(known_activity, np.where(moves, after_link, known_at))
    other_decisions = within(other_activity, np.where(moves, other_at, after_link))
    activity = np.maximum(known_activity, other_activity)
    pair = Triggers(
        triggered_at=triggered_at,
        treated=np.where(moves, other_treated, known_treated),
        decisions=known_decisions + other_decisions,
        activity=activity,
        boost=np.full(people, LINKED_BOOST),
        crossover=known_has & other_has & (known_treated != other_treated),
    )
    mature = known_has & (other_at + 1 <= linked_at)
    beside = Triggers(
        triggered_at=other_at[mature],
        treated=other_treated[mature],
        decisions=other_activity[mature],
        activity=activity[mature],
        boost=np.full(mature.sum(), LINKED_BOOST),
        crossover=np.zeros(mature.sum(), dtype=bool),
    )
    return pair + beside
