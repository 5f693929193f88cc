"""
CUPED: take out of a subject's value what was known before the trigger (RULES M11).

The value y becomes y - t * (x - mean of x), where x is the same objective before the trigger. As
chance alone made x differ between the arms, the difference of means stays what it was on average,
and varies less. Where x is unknown, a second covariate (unknown: 1, known: 0) takes its place.

The slopes are those of ordinary least squares of the value on arm and covariates (analysis of
covariance): one pair for both arms, because the holdout alone is too small to tell its own.

Source: Deng, Xu, Kohavi and Walker 2013, "Improving the sensitivity of online controlled
experiments by utilizing pre-experiment data", WSDM.
"""

from attrs import frozen

from clew.measure.arms import ArmTotals, Moments, cross_spread, spread

__all__ = ["adjust"]

#: A determinant below this part of its diagonal means that one covariate follows from the other.
_COLLINEAR = 1e-9


@frozen
class _Deviations:
    """Sums of products of deviations from the arm's means: y value, x covariate, u unknown."""

    yy: float
    xx: float
    uu: float
    xu: float
    xy: float
    uy: float

    @classmethod
    def of(cls, arm: ArmTotals) -> "_Deviations":
        n = arm.subjects
        return cls(
            yy=spread(arm.squares, arm.total, n),
            xx=spread(arm.pre_squares, arm.pre_total, n),
            uu=spread(arm.unknown, arm.unknown, n),
            xu=cross_spread(0.0, arm.pre_total, arm.unknown, n),
            xy=cross_spread(arm.cross, arm.pre_total, arm.total, n),
            uy=cross_spread(arm.unknown_total, arm.unknown, arm.total, n),
        )


def adjust(treated: ArmTotals, holdout: ArmTotals) -> tuple[Moments, Moments]:
    """
    Give the moments of both arms, treated first, at the covariates' common mean.

    Without a covariate that varies they are the plain moments. Asks for two subjects in each arm.
    """
    of_treated, of_holdout = _Deviations.of(treated), _Deviations.of(holdout)
    slopes = _slopes(of_treated, of_holdout)
    both = treated + holdout
    centre = (both.pre_total / both.subjects, both.unknown / both.subjects)
    return (
        _residual(treated, of_treated, slopes, centre),
        _residual(holdout, of_holdout, slopes, centre),
    )


def _slopes(one: _Deviations, other: _Deviations) -> tuple[float, float]:
    """Least-squares slopes of the value on the covariate and on its being unknown, within arms."""
    xx, uu, xu = one.xx + other.xx, one.uu + other.uu, one.xu + other.xu
    xy, uy = one.xy + other.xy, one.uy + other.uy
    determinant = xx * uu - xu * xu
    if determinant > _COLLINEAR * xx * uu:
        return (xy * uu - uy * xu) / determinant, (uy * xx - xy * xu) / determinant
    if xx > 0.0:
        return xy / xx, 0.0
    return 0.0, (uy / uu if uu > 0.0 else 0.0)


def _residual(
    arm: ArmTotals,
    around: _Deviations,
    slopes: tuple[float, float],
    centre: tuple[float, float],
) -> Moments:
    """Moments of an arm's value less what the covariates explain of it."""
    x, u = slopes
    n = arm.subjects
    explained = 2.0 * (x * around.xy + u * around.uy)
    of_covariates = x * x * around.xx + u * u * around.uu + 2.0 * x * u * around.xu
    left = max(0.0, around.yy - explained + of_covariates)
    return Moments(
        subjects=n,
        mean=arm.total / n
        - x * (arm.pre_total / n - centre[0])
        - u * (arm.unknown / n - centre[1]),
        variance=left / (n - 1),
    )
