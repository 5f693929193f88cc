"""The marks of an axis of time are few, round and in order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.pages.dates import marks

BEGAN = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "texts"),
    [
        pytest.param({"seconds": 60}, ["09:30:00", "09:30:30", "09:31:00"], id="seconds"),
        pytest.param({"hours": 2}, ["10:00", "11:00"], id="hours"),
        pytest.param({"days": 3}, ["2 Mar", "3 Mar", "4 Mar"], id="days"),
        pytest.param({"days": 20}, ["8 Mar", "15 Mar"], id="weeks"),
    ],
)
def test_marks_are_what_people_count_in(length: dict[str, int], texts: list[str]) -> None:
    """Marks lie at round times of day, or at beginnings of days."""
    found = marks(BEGAN, BEGAN + timedelta(**length), most=4)
    assert [text for _, text in found] == texts


@given(seconds=st.floats(0.001, 1e9), most=st.integers(1, 8))
def test_marks_are_few_and_inside(seconds: float, most: int) -> None:
    """However long the time: no more marks than fit, rising, none outside."""
    until = BEGAN + timedelta(seconds=seconds)
    found = [at for at, _ in marks(BEGAN, until, most=most)]
    assert len(found) <= most
    assert found == sorted(set(found))
    assert all(BEGAN <= at <= until for at in found)
