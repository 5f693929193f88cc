"""Lift against a holdout."""

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from clew.measure.arms import ArmTotals
from clew.measure.lift import CONVERTING_MIN, Lift, lift_of
from clew.model.measurement import Effect


@st.composite
def arms(draw: st.DrawFn) -> ArmTotals:
    """An arm which speaks: enough converting subjects, others who are not, values that vary."""
    small, large, idle = (draw(st.integers(20, 500)) for _ in range(3))
    return ArmTotals(
        subjects=small + large + idle,
        converting=small + large,
        total=small * 1.0 + large * 2.5,
        squares=small * 1.0 + large * 6.25,
    )


def bounds(effect: Effect) -> tuple[float, float, float]:
    """The numbers of an effect."""
    return effect.lower, effect.estimate, effect.upper


def binary(converting: int, subjects: int) -> ArmTotals:
    """An arm whose converting subjects have a value of 1."""
    return ArmTotals(subjects=subjects, converting=converting, total=converting, squares=converting)


def test_the_relative_lift_has_the_published_numbers() -> None:
    """Sums 1396.87 and 2422.7 with n* = 1000 give the sequential interval of gbstats."""
    lift = lift_of(
        holdout=ArmTotals(subjects=3000, converting=900, total=1396.87, squares=52377.9767),
        treated=ArmTotals(subjects=3461, converting=999, total=2422.7, squares=134698.29),
        n_star=1000,
    )
    assert bounds(lift.relative) == pytest.approx((-0.55844, 0.50336, 1.56516), abs=1e-5)
    assert lift.relative.p == 1.0


def test_the_absolute_lift_is_per_subject() -> None:
    """It is the difference of the means over subjects, treated minus holdout (M3)."""
    lift = lift_of(treated=binary(60, 200), holdout=binary(30, 150))
    assert lift.absolute.estimate == pytest.approx(60 / 200 - 30 / 150)
    assert lift.relative.estimate == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("treated", "holdout", "speaks"),
    [
        pytest.param(20, 20, True, id="enough-in-both"),
        pytest.param(500, 19, False, id="too-few-held-out"),
        pytest.param(19, 500, False, id="too-few-treated"),
        pytest.param(0, 0, False, id="nobody"),
    ],
)
def test_it_speaks_from_twenty_converting_subjects_of_each_arm(
    treated: int, holdout: int, *, speaks: bool
) -> None:
    """Before that there is no interval, however many subjects there are (M6)."""
    lift = lift_of(treated=binary(treated, 10_000), holdout=binary(holdout, 10_000))
    assert (lift.absolute is not None, lift.relative is not None) == (speaks, speaks)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 23.90])
def test_twenty_equal_values_are_enough_whatever_they_are(value: float) -> None:
    """Rounding of their sums does not make fewer of them (M6)."""
    one = ArmTotals.of_subject(value, converted=True)
    arm = sum([one] * CONVERTING_MIN, ArmTotals(subjects=100))
    assert lift_of(treated=arm, holdout=arm).absolute is not None


def test_one_large_value_does_not_make_an_arm_speak() -> None:
    """Forty converting subjects of whom one has all the value are as good as one (M6)."""
    small = binary(40, 1000)
    skewed = small + ArmTotals.of_subject(10_000.0, converted=True)
    assert lift_of(treated=small, holdout=small).absolute is not None
    assert lift_of(treated=skewed, holdout=small).absolute is None
    assert lift_of(treated=small, holdout=skewed).absolute is None


def test_values_that_take_away_make_nobody_convert() -> None:
    """Where all outcomes are negative nobody has converted, and nothing is said (M6)."""
    lost = ArmTotals.of_subject(-5.0, converted=False)
    arm = sum([lost, ArmTotals.of_subject(-7.0, converted=False)] * 30, ArmTotals(subjects=100))
    assert lift_of(treated=arm, holdout=arm) == lift_of(treated=lost, holdout=lost) == Lift()


@pytest.mark.parametrize("adjusted", [False, True])
def test_an_arm_of_equal_values_does_not_speak(*, adjusted: bool) -> None:
    """Without a spread there is no standard error, not one of zero."""
    lift = lift_of(treated=binary(50, 50), holdout=binary(50, 100), adjusted=adjusted)
    assert lift == Lift()


@pytest.mark.parametrize(
    "sign", [pytest.param(0.0, id="zero-mean"), pytest.param(-1.0, id="negative-mean")]
)
def test_there_is_no_relative_lift_over_nothing(sign: float) -> None:
    """Where the holdout's mean is not above zero only the absolute lift is shown."""
    holdout = evolve(binary(50, 200), total=sign * 50)
    lift = lift_of(treated=binary(60, 200), holdout=holdout)
    assert lift.absolute.estimate == pytest.approx(0.3 - sign / 4)
    assert lift.relative is None


def test_the_terms_are_stated() -> None:
    """Confidence and n* are part of the answer, shown or not (M6)."""
    for arm in (binary(50, 200), ArmTotals()):
        lift = lift_of(treated=arm, holdout=arm, alpha=0.01, n_star=500)
        assert (lift.alpha, lift.n_star) == (0.01, 500)


@given(arms(), arms())
def test_swapping_the_arms_negates_the_lift(one: ArmTotals, other: ArmTotals) -> None:
    """What the one gains the other loses, with the same certainty."""
    there = lift_of(treated=one, holdout=other).absolute
    back = lift_of(treated=other, holdout=one).absolute
    assert bounds(back) == pytest.approx(tuple(-bound for bound in reversed(bounds(there))))
    assert back.p == pytest.approx(there.p)


@given(arms(), arms(), st.sampled_from([0.01, 3.0, 1e6]))
def test_the_unit_of_value_does_not_matter(
    treated: ArmTotals, holdout: ArmTotals, scale: float
) -> None:
    """In cents the absolute lift is a hundredfold, and the relative one and p are the same."""
    in_units = lift_of(treated=treated, holdout=holdout)
    scaled = [
        evolve(
            arm,
            total=arm.total * scale,
            squares=arm.squares * scale**2,
            magnitude=arm.magnitude * scale,
        )
        for arm in (treated, holdout)
    ]
    in_parts = lift_of(treated=scaled[0], holdout=scaled[1])
    assert bounds(in_parts.absolute) == pytest.approx(
        tuple(bound * scale for bound in bounds(in_units.absolute))
    )
    assert bounds(in_parts.relative) == pytest.approx(bounds(in_units.relative))
    assert in_parts.absolute.p == pytest.approx(in_units.absolute.p)


@given(arms(), arms(), st.integers(2, 50))
def test_more_of_the_same_narrows_the_interval(
    treated: ArmTotals, holdout: ArmTotals, times: int
) -> None:
    """The same experiment several times over has the same estimate and a narrower interval."""
    once = lift_of(treated=treated, holdout=holdout).absolute
    more = lift_of(
        treated=sum([treated] * times, ArmTotals()), holdout=sum([holdout] * times, ArmTotals())
    ).absolute
    assert more.estimate == pytest.approx(once.estimate)
    assert more.upper - more.lower < once.upper - once.lower
