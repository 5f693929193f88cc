"""Sums over the subjects of an arm."""

import math
import statistics

import pytest
from attrs import asdict
from hypothesis import given
from hypothesis import strategies as st

from clew.measure.arms import ArmTotals

#: Value and covariate of a subject, in whole numbers so that sums are exact.
subjects = st.tuples(st.integers(-50, 50), st.none() | st.integers(0, 50))
people = st.lists(subjects, max_size=30)


def totals(members: list[tuple[float, float | None]]) -> ArmTotals:
    """Sums of people who convert where they have a value."""
    each = (
        ArmTotals.of_subject(value, converted=value != 0, pre_value=pre) for value, pre in members
    )
    return sum(each, ArmTotals())


@given(people, people)
def test_totals_add_up(one: list, other: list) -> None:
    """The totals of two groups together are the sum of theirs."""
    assert totals(one) + totals(other) == totals(one + other)


@given(people.flatmap(lambda members: st.tuples(st.just(members), st.permutations(members))))
def test_order_does_not_matter(orders: tuple[list, list]) -> None:
    """Subjects may enter in any order."""
    one, other = orders
    assert totals(one) == totals(other)


def test_each_sum_is_what_it_says() -> None:
    """Counts, powers and products of values and pasts; an unknown past enters as zero (M11)."""
    arm = totals([(3.0, 2.0), (0.0, 1.0), (-2.0, None)])
    assert asdict(arm) == {
        "subjects": 3,
        "converting": 2,
        "total": 1.0,
        "squares": 13.0,
        "magnitude": 5.0,
        "pre_total": 3.0,
        "pre_squares": 5.0,
        "cross": 6.0,
        "unknown": 1,
        "unknown_total": -2.0,
    }


@given(st.lists(st.integers(-50, 50), min_size=2, max_size=30))
def test_moments_are_the_sample_mean_and_variance(values: list[int]) -> None:
    """They equal what `statistics` says of the values themselves."""
    moments = totals([(value, None) for value in values]).moments()
    assert moments.mean == pytest.approx(statistics.fmean(values))
    assert moments.variance == pytest.approx(statistics.variance(values))
    assert moments.mean_variance == pytest.approx(statistics.variance(values) / len(values))


@pytest.mark.parametrize("value", [0.1, 1 / 3, 23.90, 1e9])
def test_equal_values_have_no_variance(value: float) -> None:
    """What rounding leaves of equal values is not taken for a spread."""
    assert totals([(value, None)] * 1000).moments().variance == 0.0


@pytest.mark.parametrize(
    ("values", "design_effect"),
    [
        pytest.param([5.0] * 7 + [0.0] * 100, 1.0, id="equal-values"),
        pytest.param([1.0] * 10 + [-1.0] * 10, 1.0, id="signs-do-not-matter"),
        pytest.param([1.0, 3.0], 1.25, id="one-plus-squared-variation"),
        pytest.param([1.0] * 10 + [1000.0], 10.78, id="one-outweighs-all"),
        pytest.param([0.0, 0.0], math.inf, id="nobody-converts"),
    ],
)
def test_the_design_effect_tells_how_unequal_values_are(
    values: list[float], design_effect: float
) -> None:
    """It is the number of converting subjects that are worth one of equal value."""
    arm = totals([(value, None) for value in values])
    assert arm.design_effect == pytest.approx(design_effect, 1e-3)


def test_magnitude_is_the_total_of_values_of_one_sign() -> None:
    """Sums that come without it are taken to be of one sign."""
    assert ArmTotals(subjects=3, converting=2, total=-4.0, squares=8.0).magnitude == 4.0


def test_a_negative_count_is_refused() -> None:
    """There are no fewer than no subjects."""
    with pytest.raises(ValueError, match="subjects"):
        ArmTotals(subjects=-1)
