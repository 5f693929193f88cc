"""
Creatives and catalogues kept as tables: CSV (RFC 4180) in UTF-8, the first row naming the columns.

Cells are text; an empty cell is a field that is left out. `|` separates the entries of a list,
`true` and `false` are booleans, and `when` holds a rule as JSON. Rows are numbered as spreadsheets
number them: the header is row 1.
"""

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import orjson

from clew.errors import Problem
from clew.policy.depth import DEPTH_MAX, beyond
from clew.schema import nearest

__all__ = ["Rows", "catalogue_items", "creatives"]

#: What the rows hold, by their number.
Rows: TypeAlias = dict[int, dict[str, Any]]

_Cell: TypeAlias = Callable[[str], Any]

_CONTENT = "content."
_DATA = "data"
# Behind `content.` there are a locale and a field.
_CONTENT_STEPS = 3


def _listed(cell: str) -> list[str]:
    return [entry.strip() for entry in cell.split("|")]


def _boolean(cell: str) -> bool:
    try:
        return {"true": True, "false": False}[cell.strip().lower()]
    except KeyError:
        raise ValueError(f"{cell!r:.60} is neither `true` nor `false`") from None


def _number(cell: str) -> float:
    try:
        value = orjson.loads(cell)
    except orjson.JSONDecodeError:
        value = None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{cell!r:.60} is not a number")  # noqa: TRY004 - a fault of the file
    return value


def _json(cell: str) -> Any:
    try:
        value = orjson.loads(cell)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"this is no JSON: {error.msg}, character {error.pos + 1}") from None
    if beyond(value) is not None:
        raise ValueError(f"it is nested more than {DEPTH_MAX} deep; split or flatten it")
    return value


_CREATIVE: Mapping[str, _Cell] = {
    **dict.fromkeys(("id", "version", "status", "starts_at", "ends_at", "learning_key"), str),
    **dict.fromkeys(("slots", "tags", "channels"), _listed),
    "owner": str,
    "priority": _number,
    "essential": _boolean,
    "when": _json,
}
_ITEM: Mapping[str, _Cell] = {"id": str, "name": str, "price": _number, "available": _boolean}


def creatives(text: str, report: Callable[[Problem], None]) -> Rows:
    """Read creatives; text of the content stands in columns such as `content.en.headline`."""
    table = _Table(report)
    return {
        number: _creative(table, number, cells)
        for number, cells in table.read(text, _known_of_creatives).items()
    }


def catalogue_items(text: str, report: Callable[[Problem], None]) -> Rows:
    """Read the items of one catalogue; columns without a meaning of their own go to `data`."""
    table = _Table(report)
    return {
        number: _item(table, number, cells)
        for number, cells in table.read(text, lambda _: None).items()
    }


class _Table:
    """Reads one table and reports what is wrong with it."""

    def __init__(self, report: Callable[[Problem], None]) -> None:
        self._report = report

    def fault(self, row: int, column: str, message: str) -> None:
        """Report what is wrong in a row, or in one cell of it."""
        place = f"row {row}, column `{column}`" if column else f"row {row}"
        pointer = f"/{row}/{column}" if column else f"/{row}"
        self._report(Problem(pointer, "csv", f"{place}: {message}"))

    def read(self, text: str, unknown: Callable[[str], str | None]) -> dict[int, dict[str, str]]:
        """Read the cells that are not empty, by row and column; *unknown* refuses a column."""
        rows = self._rows(text)
        if not rows:
            self.fault(1, "", "the table is empty; its first row names the columns")
            return {}
        header = [name.strip() for name in rows.pop(min(rows))]
        for column in dict.fromkeys(header):
            if header.count(column) > 1:
                self.fault(1, column, "two columns have this name; rename or remove one")
            elif message := unknown(column):
                self.fault(1, column, message)
        return {number: self._cells(number, header, row) for number, row in rows.items()}

    def _rows(self, text: str) -> dict[int, list[str]]:
        """Split the text into rows, without blank ones, by their number."""
        rows: dict[int, list[str]] = {}
        number = 0
        try:
            for number, row in enumerate(csv.reader(io.StringIO(text), strict=True), start=1):
                if row:
                    rows[number] = row
        except csv.Error as error:
            self.fault(number + 1, "", f"this is no CSV: {error}")
        return rows

    def _cells(self, number: int, header: list[str], row: list[str]) -> dict[str, str]:
        if len(row) != len(header):
            message = f"it has {len(row)} cells, the header has {len(header)}; make them agree"
            self.fault(number, "", message)
        return {name: cell for name, cell in zip(header, row, strict=False) if cell.strip()}

    def fields(
        self, number: int, cells: Mapping[str, str], kinds: Mapping[str, _Cell]
    ) -> dict[str, Any]:
        """Read the cells whose columns have a kind."""
        fields = {}
        for column, cell in cells.items():
            if column in kinds:
                try:
                    fields[column] = kinds[column](cell)
                except ValueError as error:
                    self.fault(number, column, str(error))
        return fields


def _known_of_creatives(column: str) -> str | None:
    if column in _CREATIVE:
        return None
    if column.startswith(_CONTENT):
        if all(column.split(".", _CONTENT_STEPS - 1)[1:]) and column.count(".") > 1:
            return None
        return "a column of content names locale and field, as in `content.en.headline`"
    hint = nearest(column, _CREATIVE) or "; remove it"
    return f"it is not a field of a creative{hint}"


def _creative(table: _Table, number: int, cells: Mapping[str, str]) -> dict[str, Any]:
    content: dict[str, dict[str, str]] = {}
    for column, cell in cells.items():
        if column.startswith(_CONTENT) and column.count(".") > 1:
            _, locale, field = column.split(".", _CONTENT_STEPS - 1)
            content.setdefault(locale, {})[field] = cell
    return {**table.fields(number, cells, _CREATIVE), "content": content}


def _item(table: _Table, number: int, cells: Mapping[str, str]) -> dict[str, Any]:
    item = table.fields(number, cells, _ITEM)
    data = {column: cell for column, cell in cells.items() if column not in _ITEM}
    return {**item, _DATA: data} if data else item
