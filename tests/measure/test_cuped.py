"""Variance that is explained by the past."""

import numpy as np
import pytest

from clew.measure.arms import ArmTotals
from clew.measure.cuped import adjust
from clew.measure.lift import lift_of
from measure.people import Trial
from measure.simulation import share, simulate


def arm(values: np.ndarray, past: np.ndarray) -> ArmTotals:
    """Totals of an arm; a past of NaN is unknown."""
    unknown = np.isnan(past)
    pre = np.where(unknown, 0, past)
    return ArmTotals(
        subjects=len(values),
        converting=len(values),
        total=values.sum(),
        squares=(values**2).sum(),
        magnitude=np.abs(values).sum(),
        pre_total=pre.sum(),
        pre_squares=(pre**2).sum(),
        cross=(pre * values).sum(),
        unknown=int(unknown.sum()),
        unknown_total=values[unknown].sum(),
    )


def sample(unknown: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, pasts and arms of people of whose pasts a share is unknown."""
    rng = np.random.default_rng(5)
    past = rng.gamma(2.0, 3.0, 400)
    treated = rng.random(400) < 0.8
    values = 2.0 * past + treated + rng.normal(0, 2, 400)
    return values, np.where(rng.random(400) < unknown, np.nan, past), treated


@pytest.mark.parametrize("unknown", [0.0, 0.3, 1.0])
def test_the_effect_is_that_of_least_squares(unknown: float) -> None:
    """The difference is the coefficient of the arm in a regression with both covariates (M11)."""
    values, past, treated = sample(unknown)
    columns = [np.ones(400), treated, np.nan_to_num(past), np.isnan(past)]
    coefficients = np.linalg.lstsq(np.stack(columns, 1).astype(float), values)[0]
    ours, theirs = adjust(
        arm(values[treated], past[treated]), arm(values[~treated], past[~treated])
    )
    assert ours.mean - theirs.mean == pytest.approx(coefficients[1])
    for moments, members in ((ours, treated), (theirs, ~treated)):
        explained = coefficients[2] * np.nan_to_num(past) + coefficients[3] * np.isnan(past)
        assert moments.variance == pytest.approx(np.var((values - explained)[members], ddof=1))


def test_the_common_mean_stays() -> None:
    """Adjusting moves value from one arm to the other, and makes none."""
    values, past, treated = sample(0.3)
    ours, theirs = adjust(
        arm(values[treated], past[treated]), arm(values[~treated], past[~treated])
    )
    both = (ours.mean * ours.subjects + theirs.mean * theirs.subjects) / 400
    assert both == pytest.approx(values.mean())


def test_a_past_that_explains_much_narrows_the_interval() -> None:
    """Where the value is mostly the past, the interval shrinks to what is left (M11)."""
    values, past, treated = sample(0.0)
    arms = {
        "treated": arm(values[treated], past[treated]),
        "holdout": arm(values[~treated], past[~treated]),
    }
    plain, adjusted = lift_of(**arms).absolute, lift_of(**arms, adjusted=True).absolute
    assert adjusted.upper - adjusted.lower < 0.5 * (plain.upper - plain.lower)


@pytest.mark.parametrize(
    "past",
    [
        pytest.param(np.full(100, np.nan), id="nothing-known"),
        pytest.param(np.full(100, 7.0), id="the-same-for-all"),
    ],
)
def test_a_past_that_tells_nothing_changes_nothing(past: np.ndarray) -> None:
    """Without a covariate that varies the moments are the plain ones."""
    values = np.arange(100.0)
    treated, holdout = arm(values[:70], past[:70]), arm(values[70:], past[70:])
    assert adjust(treated, holdout) == (treated.moments(), holdout.moments())


@pytest.mark.parametrize("number", [0.0, 4.0])
def test_a_past_that_is_one_number_where_known_is_used_once(number: float) -> None:
    """Covariates that say the same, or one that says nothing, leave what the other explains."""
    rng = np.random.default_rng(3)
    past = np.where(rng.random(200) < 0.5, number, np.nan)
    values = 4.0 * np.isnan(past) + rng.normal(0, 1, 200)
    treated, holdout = arm(values[:150], past[:150]), arm(values[150:], past[150:])
    ours, _ = adjust(treated, holdout)
    assert ours.variance == pytest.approx(1.0, abs=0.3)


def test_adjusted_intervals_exclude_zero_seldom_without_an_effect() -> None:
    """Of experiments without an effect at most 5 % ever claim one after adjusting (M6, M11)."""
    runs = list(simulate(Trial(6_000, 0.1), runs=60, adjusted=True))
    assert all(run.speaks for run in runs)
    assert share(run.claims for run in runs) <= 0.05
