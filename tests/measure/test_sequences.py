"""Intervals that hold at every look."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.measure.sequences import NormalMixture

alphas = st.floats(0.001, 0.5)
times = st.floats(1.0, 1e7)
estimates = st.floats(-1e3, 1e3)
variances = st.floats(1e-6, 1e3)


def test_the_boundary_has_the_published_numbers() -> None:
    """The two-sided normal mixture equals the R reference of confseq at v = 100, alpha = .05."""
    mixture = NormalMixture.tightest_at(100, 0.05)
    assert mixture.rho == pytest.approx(12.60056, abs=1e-5)
    assert mixture.log_mixture(10, 100) == pytest.approx(-0.6510052, abs=1e-7)
    assert mixture.bound(100) == pytest.approx(30.35209, abs=1e-5)


@given(n_star=times, alpha=alphas, estimate=estimates, variance=variances, subjects=times)
def test_the_interval_is_the_asymptotic_confidence_sequence(
    n_star: float, alpha: float, estimate: float, variance: float, subjects: float
) -> None:
    """The half width is equation 9 of arXiv 2103.06476, written with rho squared (M6)."""
    chances = -2 * math.log(alpha)
    rho2 = (chances + math.log(chances + 1)) / n_star
    grown = subjects * rho2 + 1
    half_width = math.sqrt(variance * subjects) * math.sqrt(
        2 * grown * math.log(math.sqrt(grown) / alpha) / (subjects**2 * rho2)
    )
    effect = NormalMixture.tightest_at(n_star, alpha).effect(estimate, variance, subjects)
    assert effect.upper - effect.estimate == pytest.approx(half_width, rel=1e-6, abs=1e-9)
    assert effect.estimate - effect.lower == pytest.approx(half_width, rel=1e-6, abs=1e-9)


def test_the_interval_of_proportions_has_the_published_numbers() -> None:
    """1396 of 3000 against 2422 of 3461 with n* = 5000, relative, is what gbstats says."""
    base, other = 1396 / 3000, 2422 / 3461
    base_variance, other_variance = base * (1 - base), other * (1 - other)
    variance = other_variance / (base**2 * 3461) + base_variance * other**2 / (base**4 * 3000)
    effect = NormalMixture.tightest_at(5000, 0.05).effect(other / base - 1, variance, 6461)
    assert math.sqrt(variance) == pytest.approx(0.03386, abs=1e-5)
    assert effect.estimate == pytest.approx(0.50386, abs=1e-5)
    assert (effect.lower, effect.upper) == pytest.approx((0.40098, 0.60675), abs=1e-5)


@given(alpha=alphas, rho=times, estimate=estimates, variance=variances, subjects=times)
def test_p_agrees_with_the_interval(
    alpha: float, rho: float, estimate: float, variance: float, subjects: float
) -> None:
    """The p-value is below alpha exactly where the interval excludes zero."""
    effect = NormalMixture(alpha, rho).effect(estimate, variance, subjects)
    nearest = min(abs(effect.lower), abs(effect.upper))
    if nearest > 1e-9 * (effect.upper - effect.lower):
        assert (effect.p < alpha) == (effect.lower > 0 or effect.upper < 0)
    assert 0 <= effect.p <= 1


@given(n_star=st.floats(100, 1e6), alpha=alphas, factor=st.floats(1.5, 100))
def test_the_interval_is_tightest_at_n_star(n_star: float, alpha: float, factor: float) -> None:
    """In standard errors the bound is nowhere smaller than near n*, on either side (M6)."""
    mixture = NormalMixture.tightest_at(n_star, alpha)

    def in_errors(subjects: float) -> float:
        return mixture.bound(subjects) / math.sqrt(subjects)

    assert in_errors(n_star) < in_errors(n_star * factor * 2)
    assert in_errors(n_star) < in_errors(n_star / factor)


@pytest.mark.parametrize(
    ("alpha", "rho"),
    [
        pytest.param(0.0, 1.0, id="certain"),
        pytest.param(1.0, 1.0, id="never"),
        pytest.param(0.05, 0.0, id="no-rho"),
    ],
)
def test_a_boundary_that_promises_nothing_is_refused(alpha: float, rho: float) -> None:
    """`alpha` lies within (0, 1) and `rho` above 0."""
    with pytest.raises(ValueError, match=r"alpha|rho"):
        NormalMixture(alpha, rho)
