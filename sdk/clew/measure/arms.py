"""
What one arm of a holdout sums up to; sums of arms, days or machines are added with `+`.

Every subject enters once, when it is mature, with its value fixed (RULES M5). The covariate is the
subject's value before the trigger; where it is unknown the subject is counted in `unknown` and
enters the sums of the covariate as zero (RULES M11).
"""

import math

from attrs import Factory, asdict, field, frozen, validators

__all__ = ["ArmTotals", "Moments", "cross_spread", "spread"]

_count = validators.ge(0)

#: Below this part of what is subtracted from, a sum of squared deviations is rounding alone.
_ROUNDING = 1e-11


def cross_spread(products: float, total: float, other: float, subjects: int) -> float:
    """Sum of products of deviations from the means; 0 where it cannot be told from rounding."""
    expected = total * other / subjects
    deviations = products - expected
    return deviations if abs(deviations) > _ROUNDING * abs(expected) else 0.0


def spread(squares: float, total: float, subjects: int) -> float:
    """Sum of squared deviations from the mean, at least 0."""
    return max(0.0, cross_spread(squares, total, total, subjects))


@frozen
class Moments:
    """The mean of an arm's subjects and their variance."""

    subjects: int
    mean: float
    #: Of one subject's value, unbiased.
    variance: float

    @property
    def mean_variance(self) -> float:
        """Variance of the mean: the squared standard error."""
        return self.variance / self.subjects


@frozen(kw_only=True)
class ArmTotals:
    """Sums over the mature subjects of an arm."""

    subjects: int = field(default=0, validator=_count)
    #: Of them: with at least one outcome.
    converting: int = field(default=0, validator=_count)
    #: Of the subjects' values.
    total: float = 0.0
    squares: float = 0.0
    #: Of their absolute values; by default what it is where all have one sign.
    magnitude: float = Factory(lambda self: abs(self.total), takes_self=True)
    #: Of the subjects' covariates.
    pre_total: float = 0.0
    pre_squares: float = 0.0
    #: Of value times covariate.
    cross: float = 0.0
    #: Subjects whose covariate is unknown, and the sum of their values.
    unknown: int = field(default=0, validator=_count)
    unknown_total: float = 0.0

    @classmethod
    def of_subject(
        cls, value: float, *, converted: bool, pre_value: float | None = None
    ) -> "ArmTotals":
        """Totals of one mature subject."""
        pre = pre_value if pre_value is not None else 0.0
        unknown = pre_value is None
        return cls(
            subjects=1,
            converting=int(converted),
            total=value,
            squares=value * value,
            magnitude=abs(value),
            pre_total=pre,
            pre_squares=pre * pre,
            cross=value * pre,
            unknown=int(unknown),
            unknown_total=value if unknown else 0.0,
        )

    def __add__(self, other: "ArmTotals") -> "ArmTotals":
        """Totals of the subjects of both, who are different people."""
        mine, theirs = asdict(self), asdict(other)
        return ArmTotals(**{name: mine[name] + theirs[name] for name in mine})

    @property
    def design_effect(self) -> float:
        """
        How many converting subjects it takes to be worth one of equal value.

        1 where all have the same value; the more, the more a few of them carry.

        Source: Kish 1965, "Survey sampling" (1 plus the squared coefficient of variation).
        """
        if not self.magnitude:
            return math.inf
        return self.converting * self.squares / self.magnitude**2

    def moments(self) -> Moments:
        """Mean and variance of a subject's value; asks for at least two subjects."""
        return Moments(
            subjects=self.subjects,
            mean=self.total / self.subjects,
            variance=spread(self.squares, self.total, self.subjects) / (self.subjects - 1),
        )
