"""Instants as text: what `datetime` would write, and never a second of 1,000,000 microseconds."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clew.clock import instant, to_text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.floats(-1e9, 4e9))
@example(0.0)
@example(-0.25)
@example(1.9999999)
@example(1_767_268_800.9999998)
@example(-1e-9)
def test_an_instant_is_written_as_datetime_rounds_it(at):
    """To whole microseconds, the seconds apart and half to even, before the epoch too."""
    fraction, second = math.modf(at)
    expected = EPOCH + timedelta(seconds=int(second), microseconds=round(fraction * 1e6))
    assert to_text(at) == expected.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert abs(instant(to_text(at)) - at) <= 1e-6


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00:00.000000Z", "0999-12-31T23:59:59.500000Z", "9999-12-31T23:59:59.000000Z"],
)
def test_a_year_has_four_digits(text):
    """Of the earliest years, too: what is written can be read again (RFC 3339, 5.6)."""
    assert to_text(instant(text)) == text
