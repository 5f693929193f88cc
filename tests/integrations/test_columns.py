"""Cells are read as their column declares, or the row is refused: nothing is guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.clock import instant
from clew.integrations.importing.columns import BadRowError, compile_columns, compile_time
from clew.model.import_map import TimeColumn


def cell(kind: Any, value: Any) -> Any:
    """Read one cell."""
    return compile_columns({"c": kind})({"c": value})["c"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        pytest.param("text", " a ", " a ", id="text-as-it-is"),
        pytest.param("text", 17841, "17841", id="a-number-that-is-an-id"),
        pytest.param("number", " -1.50 ", -1.5, id="number-with-blanks"),
        pytest.param("number", "1e3", 1000.0, id="number-with-exponent"),
        pytest.param("number", 2, 2, id="json-number"),
        pytest.param("integer", "-3", -3, id="negative-integer"),
        pytest.param("boolean", "Yes", True, id="yes"),
        pytest.param("boolean", False, False, id="json-boolean"),
        pytest.param("integer", "", None, id="empty-is-absent"),
        pytest.param("text", None, None, id="null-is-absent"),
    ],
)
def test_a_cell_of_its_type_is_read(kind: str, value: Any, expected: Any) -> None:
    """A cell becomes a value of the type its column declares; an empty one is absent."""
    assert cell(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param("number", "1,50", id="decimal-comma"),
        pytest.param("number", "1_000", id="underscore"),
        pytest.param("number", "nan", id="not-a-number"),
        pytest.param("number", "1e999", id="infinite"),
        pytest.param("number", True, id="boolean-as-number"),
        pytest.param("integer", "3.0", id="fraction-as-integer"),
        pytest.param("integer", 3.0, id="json-fraction-as-integer"),
        pytest.param("integer", "9" * 19, id="beyond-64-bits"),
        pytest.param("boolean", "maybe", id="no-boolean"),
        pytest.param("text", ["a"], id="list-as-text"),
    ],
)
def test_a_cell_of_another_type_is_refused(kind: str, value: Any) -> None:
    """What does not fit its column's type is refused with a pointer to the cell."""
    with pytest.raises(BadRowError) as caught:
        cell(kind, value)
    [problem] = caught.value.problems
    assert problem.pointer == "/c"
    assert "it must be" in problem.message


def test_all_faults_of_a_row_are_told() -> None:
    """Every cell at fault is named, not only the first."""
    read = compile_columns({"a": "integer", "b": "number", "c": "text"})
    with pytest.raises(BadRowError) as caught:
        read({"a": "x", "b": "y", "c": "z"})
    assert [problem.pointer for problem in caught.value.problems] == ["/a", "/b"]


@given(st.integers(-(10**17), 10**17))
def test_integers_are_exact(number: int) -> None:
    """An integer of up to 18 digits comes out of its text as it went in."""
    assert cell("integer", str(number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_exact(number: float) -> None:
    """A number comes out of its text as it went in."""
    assert cell("number", repr(number)) == number


@pytest.mark.parametrize(
    ("time", "value", "expected"),
    [
        pytest.param({"format": "%d.%m.%Y", "zone": "Europe/Vienna"}, "01.07.2026",
                     "2026-06-30T22:00:00Z", id="summer-time"),
        pytest.param({"format": "%d.%m.%Y", "zone": "Europe/Vienna"}, "01.01.2026",
                     "2025-12-31T23:00:00Z", id="winter-time"),
        pytest.param({"format": "%Y-%m-%d %H:%M", "zone": "Europe/Vienna"}, "2026-10-25 02:30",
                     "2026-10-25T00:30:00Z", id="the-first-of-two-equal-hours"),
        pytest.param({"zone": "Europe/Vienna"}, "2026-07-01T00:00:00+00:00",
                     "2026-07-01T00:00:00Z", id="an-offset-beats-the-zone"),
        pytest.param({}, "2026-07-01 12:00", "2026-07-01T12:00:00Z", id="utc-by-default"),
        pytest.param({}, 1_782_907_200, "2026-07-01T12:00:00Z", id="seconds-since-the-epoch"),
    ],
)  # fmt: skip
def test_instants_are_read_in_their_zone(time: Any, value: Any, expected: str) -> None:
    """Local time is of the declared zone, with its summer time; an offset in the text wins."""
    assert compile_time(TimeColumn(column="at", **time))(value) == instant(expected)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("31.02.2026", id="not-in-the-calendar"),
        pytest.param("2026-02-01", id="another-format"),
        pytest.param(True, id="boolean"),
        pytest.param(None, id="empty"),
    ],
)
def test_a_wrong_instant_is_refused(value: Any) -> None:
    """What is no instant of the declared format is refused with a pointer to the column."""
    read = compile_time(TimeColumn(column="at", format="%d.%m.%Y"))
    with pytest.raises(BadRowError) as caught:
        read(value)
    assert caught.value.problems[0].pointer == "/at"
