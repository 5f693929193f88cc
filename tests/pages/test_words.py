"""Numbers on a page are as exact as they are known, and no more."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.model.measurement import Effect
from clew.pages.words import counted, decimals, moment, percent, signed, signed_percent, spaced


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (counted(12_345), "12,345"),
        (counted(100), "100"),
        (counted(812.504), "812.5"),
        (signed(0.1234, 2), "+0.12"),
        (signed(-1234.5, 1), "−1,234.5"),
        (percent(0.0481), "4.8 %"),
        (signed_percent(-0.25), "−25.0 %"),
        (moment(datetime(2026, 4, 1, 9, 5, tzinfo=UTC)), "1 Apr 2026, 09:05:00 UTC"),
        (spaced("still_measuring"), "still measuring"),
    ],
)
def test_they_are_readable(text: str, expected: str) -> None:
    """Thousands stand apart, differences have a sign, shares are percents."""
    assert text == expected


@pytest.mark.parametrize(
    ("lower", "upper", "digits"),
    [(0.09, 0.15, 2), (-30.0, 20.0, 0), (0.001, 0.002, 4), (0.5, 0.5, 6), (0.0, float("inf"), 6)],
)
def test_an_effect_has_the_decimals_it_is_worth(lower: float, upper: float, digits: int) -> None:
    """The wider the interval, the fewer decimals are written."""
    assert decimals(Effect(estimate=lower, lower=lower, upper=upper)) == digits


@given(width=st.floats(1e-4, 1e6))
def test_an_interval_is_never_rounded_to_a_point(width: float) -> None:
    """Both ends of an interval are told apart however they are rounded."""
    effect = Effect(estimate=0.3, lower=0.3, upper=0.3 + width)
    digits = decimals(effect)
    assert signed(effect.lower, digits) != signed(effect.upper, digits)
