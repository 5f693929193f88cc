"""
Lift: what being treated adds to a subject's value, against the holdout (RULES M3, M6).

The unit is the triggered subject, once it is mature. `absolute` decides; `relative` is shown beside
it. Both hold at every look.
"""

from attrs import field, frozen, validators

from clew.measure.arms import ArmTotals, Moments
from clew.measure.cuped import adjust
from clew.measure.sequences import NormalMixture
from clew.model.measurement import Effect

__all__ = ["ALPHA", "CONVERTING_MIN", "N_STAR", "Lift", "lift_of"]

#: Share of experiments in which an interval may exclude the truth at any look.
ALPHA = 0.05

#: Converting subjects of each arm before there is an interval (RULES M6): with fewer, the mean of
#: an arm is too skewed for a normal approximation. Where values differ, it takes so many that they
#: are worth 20 of equal value. By the bare count, log-normal orders (sd of the logarithm 1) against
#: a holdout of a tenth miss the truth at some look in 5.8 % of experiments; so, in 3.3 %.
CONVERTING_MIN = 20

#: Rounding of sums must not make 20 equal values less than 20.
_ENOUGH = CONVERTING_MIN * (1.0 - 1e-9)

#: Number of subjects, of both arms, at which the interval is tightest. A holdout of a tenth has its
#: twentieth converting subject at 2,000 subjects if a tenth of them convert, and at 20,000 if a
#: hundredth do; the bound lies between 3.0 and 3.4 standard errors from a fifth of n* to twenty
#: times n*, so that one n* serves them all.
N_STAR = 10_000


@frozen(kw_only=True)
class Lift:
    """
    Treated minus holdout, of the mean value of a subject.

    None instead of an interval says that it is too early: an arm's converting subjects are worth
    fewer than `CONVERTING_MIN` of equal value, or its subjects all have one value, which tells
    nothing of how they spread.
    """

    absolute: Effect | None = None
    #: The same as a share of the holdout's mean; None also where that mean is not above zero.
    relative: Effect | None = None
    #: 1 minus the confidence of both intervals.
    alpha: float = ALPHA
    #: The number of subjects the intervals are tightest at.
    n_star: float = field(default=N_STAR, validator=validators.gt(0))


def lift_of(
    *,
    treated: ArmTotals,
    holdout: ArmTotals,
    adjusted: bool = False,
    alpha: float = ALPHA,
    n_star: float = N_STAR,
) -> Lift:
    """
    Compare the arms.

    `alpha` and `n_star` are chosen before the first look and stay: to choose them by what is seen
    forfeits the promise.

    Args:
        treated: sums over the mature subjects who were treated.
        holdout: sums over the mature subjects who were held out.
        adjusted: whether to reduce the variance by the covariate (`clew.measure.cuped`).
        alpha: in (0, 1).
        n_star: subjects of both arms at which the interval is tightest, > 0.
    """
    unknown = Lift(alpha=alpha, n_star=n_star)
    if not _speak(treated, holdout):
        return unknown
    arms = adjust(treated, holdout) if adjusted else (treated.moments(), holdout.moments())
    if min(arm.variance for arm in arms) == 0.0:
        return unknown
    mixture = NormalMixture.tightest_at(n_star, alpha)
    return Lift(
        absolute=_absolute(*arms, mixture),
        relative=_relative(*arms, mixture),
        alpha=alpha,
        n_star=n_star,
    )


def _speak(treated: ArmTotals, holdout: ArmTotals) -> bool:
    """
    Whether both arms have enough converting subjects.

    How unequal values are is told by both arms together. The holdout alone seems equal just when
    its large values are missing, and would be let speak when it is most wrong.
    """
    fewest = min(treated.converting, holdout.converting)
    # Never fewer, whatever they are worth: values that take away may leave nobody converting.
    return fewest >= _ENOUGH and fewest >= _ENOUGH * (treated + holdout).design_effect


def _absolute(treated: Moments, holdout: Moments, mixture: NormalMixture) -> Effect:
    """Difference of the means; its variance keeps the arms apart, as Welch's does."""
    return mixture.effect(
        treated.mean - holdout.mean,
        treated.mean_variance + holdout.mean_variance,
        treated.subjects + holdout.subjects,
    )


def _relative(treated: Moments, holdout: Moments, mixture: NormalMixture) -> Effect | None:
    """
    Ratio of the means less one.

    Source: the delta method for a ratio of independent means; Deng, Knoblich and Lu 2018, "Applying
    the delta method in metric analytics", KDD.
    """
    if holdout.mean <= 0.0:
        return None
    ratio = treated.mean / holdout.mean
    variance = treated.mean_variance + ratio * ratio * holdout.mean_variance
    return mixture.effect(
        ratio - 1.0, variance / holdout.mean**2, treated.subjects + holdout.subjects
    )
