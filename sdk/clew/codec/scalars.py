"""
Texts, numbers and instants between JSON and models.

Nothing is coerced: "1" is no number, and true is no integer.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any

__all__ = ["INSTANT", "SCALARS", "FieldError", "Reader", "Writer", "mismatch", "write_instant"]

#: Makes a value of JSON, given with the annotation of the field, into a value of the model.
Reader = Callable[[Any, Any], Any]
#: The way back.
Writer = Callable[[Any], Any]

#: How an instant is spelled; as `instant` in `schemas/common.schema.json`.
INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z"

_is_instant = re.compile(INSTANT).fullmatch


class FieldError(ValueError):
    """A value that is not what its field takes, and the rule of the schema that says so."""

    def __init__(self, keyword: str, message: str) -> None:
        super().__init__(message)
        self.keyword = keyword


def mismatch(value: object, wanted: str) -> FieldError:
    if value is None:
        return FieldError("type", f"this is null; it must be {wanted}: leave out what has no value")
    return FieldError("type", f"{value!r:.60} is not {wanted}")


def _read_text(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise mismatch(value, "text")
    return value


def _read_number(value: Any, _: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise mismatch(value, "a number")
    return value


def _read_integer(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        raise mismatch(value, "a whole number")
    return int(value)


def _read_boolean(value: Any, _: Any) -> bool:
    if not isinstance(value, bool):
        raise mismatch(value, "true or false")
    return value


def _read_instant(value: Any, _: Any) -> datetime:
    if not isinstance(value, str):
        raise mismatch(value, "an instant as text")
    if not _is_instant(value):
        raise FieldError("pattern", f"{value!r:.60} is no RFC 3339 instant in UTC that ends in `Z`")
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise FieldError("format", f"{value!r} is not in the calendar: {error}") from None


SCALARS: Mapping[type, Reader] = {
    str: _read_text,
    float: _read_number,
    int: _read_integer,
    bool: _read_boolean,
    datetime: _read_instant,
}


def write_instant(value: datetime) -> str:
    """
    Write an instant in UTC with microseconds, as `clew.clock.to_text` does.

    Raises:
        ValueError: it has no offset from UTC.
    """
    if value.tzinfo is None:
        raise ValueError(f"{value} has no offset from UTC: make it aware")
    return f"{value.astimezone(UTC).isoformat(timespec='microseconds')[:-6]}Z"
