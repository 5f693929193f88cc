"""
What JSON values mean to a rule: truth, number, text, equality and order.

Rules of the file:

- Null and missing are one thing. It equals only itself, has no order, and is no number.
- A number is an IEEE 754 double, as in JavaScript and RFC 8259 section 6: integers are exact up to
  2^53 - 1, and what is not finite is no value at all (null).
- Text counts as a number where it reads as one ("10", " 1.5 ", "1e3"); blank text does not.
- Arrays and objects have identity only, as in JavaScript: they equal nothing and have no order.
"""

import math
import re
from collections.abc import Callable
from typing import Any

__all__ = [
    "ARRAYS",
    "MOST_EXACT",
    "finite",
    "loosely_equal",
    "number",
    "ordered",
    "strictly_equal",
    "text",
    "truthy",
]

#: What counts as a JSON array.
ARRAYS = (list, tuple)

#: ECMA-262, Number.MAX_SAFE_INTEGER.
MOST_EXACT = 2**53 - 1
# ECMA-262, Number::toString: from here on integers are written with an exponent.
_MOST_DIGITS = 1e21
# Reading longer text as a number would be work without use.
_LONGEST_NUMBER = 64
_NUMERIC = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)


def truthy(value: Any) -> bool:
    """
    Whether a value counts as true: all but null, false, 0, "" and the empty array.

    An object is always true, even an empty one: a lazy one need not be filled to be asked.
    """
    return isinstance(value, dict) or bool(value)


def finite(value: float) -> float | None:
    """Bring a number into the range of a double; None when it is not finite."""
    if isinstance(value, int) and -MOST_EXACT <= value <= MOST_EXACT:
        return value
    try:
        double = float(value)
    except OverflowError:
        return None
    return double if math.isfinite(double) else None


def number(value: Any) -> float | None:
    """Read a value as a number; None when it is none. True is 1 and false 0."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return finite(value)
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _NUMERIC.fullmatch(value):
        return finite(float(value))
    return None


def text(value: Any) -> str | None:
    """
    Write a value as text; None for arrays and objects, which have none.

    Null is "", true is "true", and a number with no fraction has no point: 4.0 is "4".
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    exact = number(value)
    if exact is None:
        return None
    whole = exact == int(exact) and abs(exact) < _MOST_DIGITS
    return str(int(exact)) if whole else repr(exact)


def strictly_equal(one: Any, other: Any) -> bool:
    """Whether two scalars have one type and one value; 1 and 1.0 are the same number."""
    kind = _kind(one)
    if kind is None or kind is not _kind(other) or one != other:
        return False
    # An integer beyond any double is no number, so it equals nothing, not even itself.
    return kind is not float or finite(one) is not None


def loosely_equal(one: Any, other: Any) -> bool:
    """Whether two scalars are the same text, or read as the same number; null equals only null."""
    if one is None or other is None:
        return one is other
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    first = number(one)
    return first is not None and first == number(other)


def ordered(holds: Callable[[Any, Any], bool], one: Any, other: Any) -> bool:
    """
    Whether an ordering holds between two values.

    Two texts compare by code point, all else as numbers; false where a side is no number.
    """
    if one is None or other is None:
        return False
    if isinstance(one, str) and isinstance(other, str):
        return holds(one, other)
    first, second = number(one), number(other)
    return first is not None and second is not None and holds(first, second)


def _kind(value: Any) -> type | None:
    """The JSON type of a scalar; None for arrays and objects."""
    if value is None:
        return type(None)
    for kind in (str, bool):
        if isinstance(value, kind):
            return kind
    return float if isinstance(value, int | float) else None
