"""Lift and its interval, per objective (`schemas/measurement.schema.json`, RULES M)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from attrs import Factory, field, frozen, validators

from clew.model.limits import optional_share, share
from clew.model.words import Arm

__all__ = [
    "ArmFigures",
    "CreativeFigures",
    "Effect",
    "Look",
    "Measurement",
    "SampleRatio",
    "State",
]

State = Literal["measured", "still_measuring", "not_trustworthy", "no_holdout"]


@frozen(kw_only=True)
class Effect:
    """An estimate with the interval that holds at every look."""

    estimate: float
    lower: float
    upper: float
    #: Anytime-valid p-value.
    p: float | None = None


@frozen(kw_only=True)
class ArmFigures:
    """What is known of one side of the holdout."""

    arm: Arm
    #: Triggered subjects.
    subjects: int
    #: Of them: still inside their window, not yet counted.
    maturing: int
    #: Of the mature ones: with at least one outcome.
    converting: int
    total: float
    mean: float | None = None
    #: Share of decisions that were displayed.
    display_rate: float | None = None


@frozen(kw_only=True)
class SampleRatio:
    """Whether the arms have the sizes they should have (RULES M8)."""

    expected: Mapping[str, float]
    observed: Mapping[str, int]
    p: float = field(validator=share)
    trustworthy: bool


@frozen(kw_only=True)
class CreativeFigures:
    """Description of one creative in one slot; never a test (RULES M9)."""

    slot: str
    creative: str
    decisions: int
    #: Of the decisions of the slot that were drawn.
    share: float
    displays: int
    #: Self-normalised inverse-propensity mean of the reward.
    mean: float | None = None
    #: Only in `split` slots with fixed shares.
    interval: Effect | None = None


@frozen(kw_only=True)
class Look:
    """What a measurement would have said at an instant before, and what was decided since."""

    as_of: datetime
    state: State
    #: Triggered subjects of both arms by then.
    subjects: int
    #: Of them: inside their window then, not yet counted.
    maturing: int
    #: As `Measurement.absolute`, from what was known and mature then.
    absolute: Effect | None = None
    #: Made since the look before, of the slots in scope; of the first, since the first trigger.
    decisions: int
    #: Of them: share that fell back to a default; None where there was none.
    fallback: float | None = field(default=None, validator=optional_share)
    #: By slot: of the creatives chosen for the treated since the look before, the share of each.
    shares: Mapping[str, Mapping[str, float]] = Factory(dict)


@frozen(kw_only=True)
class Measurement:
    """What a policy earned against its holdout, as of an instant."""

    objective: str
    as_of: datetime
    #: What the number is, in words.
    estimand: str
    state: State
    holdout: str | None = None
    #: Began when salt, scope or share last changed.
    epoch: str | None = None
    arms: tuple[ArmFigures, ...] = ()
    #: Treated minus holdout, per triggered subject.
    absolute: Effect | None = None
    #: The same relative to the holdout's mean.
    relative: Effect | None = None
    #: 1 minus the confidence of the interval.
    alpha: float = field(default=0.05, validator=share)
    #: The number of subjects the interval is tightest at.
    n_star: float | None = field(default=None, validator=validators.optional(validators.gt(0)))
    sample_ratio: SampleRatio | None = None
    creatives: tuple[CreativeFigures, ...] = ()
    #: Value of outcomes credited to decisions; descriptive, not lift.
    attributed: float = 0.0
    #: Of all decisions of the slots in scope: share that fell back to a default, by reason.
    fallbacks: Mapping[str, float] = Factory(dict)
    #: Decisions not counted, by traffic.
    excluded: Mapping[str, int] = Factory(dict)
    #: Outcomes that came after their subject was mature.
    late: int = 0
    crossovers: int = 0
    #: Values cut to the objective's bounds.
    clipped: int = 0
    notes: tuple[str, ...] = ()
    #: How it came about, oldest first; the last is of `as_of`. Empty unless asked for.
    looks: tuple[Look, ...] = ()
