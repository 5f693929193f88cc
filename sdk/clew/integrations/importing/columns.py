"""
Cells: what a row of text or JSON holds, as the type its column declares.

An empty cell is absent (None), whatever its type. What does not fit its type is refused, never
guessed: a price that a spreadsheet has turned into `1,50` must not become 150.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from clew.clock import instant
from clew.errors import Problem
from clew.model.import_map import ColumnType, TimeColumn
from clew.schema import pointer

__all__ = ["BadRowError", "Cell", "compile_columns", "compile_time"]

#: A cell as it was read: text from CSV, any JSON value from NDJSON, None where there is none.
Cell: TypeAlias = Any

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

#: Rows of one order share their instant; so many different ones are remembered.
_INSTANTS_REMEMBERED = 4096


class BadRowError(ValueError):
    """A row that cannot become a signal; `problems` say why, by pointer into the row."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(problem.message for problem in problems))


def compile_columns(
    columns: Mapping[str, ColumnType],
) -> Callable[[Mapping[str, Cell]], dict[str, Any]]:
    """
    Make the function that reads the declared columns of a row; others are not looked at.

    The function raises `BadRowError`, with all cells at fault.
    """
    readers = tuple((name, _READERS[kind]) for name, kind in columns.items())

    def read(row: Mapping[str, Cell]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, reader in readers:
            cell = row.get(name)
            if cell is None or cell == "":
                values[name] = None
                continue
            try:
                values[name] = reader(cell)
            except ValueError as error:
                message = f"`{name}` is {cell!r:.60}; it must be {error}"
                problems.append(Problem(pointer([name]), "type", message))
        if problems:
            raise BadRowError(*problems)
        return values

    return read


def compile_time(time: TimeColumn) -> Callable[[Any], float]:
    """
    Make the function from a cell to seconds since the epoch.

    Text without an offset is local time of the declared zone. Where clocks are set back, the first
    of two equal times is meant (`fold=0`, PEP 495).

    Raises:
        zoneinfo.ZoneInfoNotFoundError, ValueError, OSError: there is no such zone.
    """
    zone: tzinfo = UTC if time.zone == "UTC" else ZoneInfo(time.zone)
    where = pointer([time.column])

    @lru_cache(_INSTANTS_REMEMBERED)
    def parse(text: str) -> float:
        if time.format is not None:
            moment = datetime.strptime(text, time.format)  # noqa: DTZ007 - the zone comes next
        else:
            moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()

    def read(value: Any) -> float:
        if value is None:
            message = f"`{time.column}` is empty; a row says when it happened"
            raise BadRowError(Problem(where, "required", message))
        try:
            return parse(value) if isinstance(value, str) else instant(value)
        except (ValueError, OverflowError, OSError):
            expected = f"written as {time.format}" if time.format else "RFC 3339 or ISO 8601 text"
            message = f"`{time.column}` is {value!r:.60}; expected an instant {expected}"
            raise BadRowError(Problem(where, "format", message)) from None

    return read


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)  # ids are numbers in many a file
    raise ValueError("text")


def _number(cell: Cell) -> float:
    if isinstance(cell, str) and _NUMBER.fullmatch(cell.strip()):
        cell = float(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float) or not math.isfinite(cell):
        raise ValueError("a number with a decimal point and no other marks")
    return cell


def _integer(cell: Cell) -> int:
    if isinstance(cell, str) and _INTEGER.fullmatch(cell.strip()):
        cell = int(cell)
    if isinstance(cell, bool) or not isinstance(cell, int):
        raise ValueError("a whole number")  # noqa: TRY004 - a fault of the row, not of the program
    return cell


def _boolean(cell: Cell) -> bool:
    found = cell if isinstance(cell, bool) else _BOOLEANS.get(str(cell).strip().lower())
    if found is None:
        raise ValueError("true or false, yes or no, 1 or 0")
    return found


_READERS: Mapping[ColumnType, Callable[[Cell], Any]] = {
    "text": _text,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
}
