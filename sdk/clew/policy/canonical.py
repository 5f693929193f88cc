"""
JSON of which there is one spelling only, so that equal documents have equal bytes.

Names are sorted by their UTF-16 code units, numbers are written as ECMAScript writes doubles, text
is escaped only where it must be, and there is no white space.

Source: RFC 8785 (JCS), sections 3.2.2 and 3.2.3; ECMA-262, Number::toString.
"""

import json
from decimal import Decimal
from typing import Any

__all__ = ["canonical"]

# Integers up to here are doubles, digit by digit.
_EXACT = 2**53
# From this many digits before the point, and this many zeros behind it, there is an exponent.
_WIDEST = 21
_SMALLEST = -6


def canonical(value: Any) -> bytes:
    """
    Write JSON in its canonical form, in UTF-8.

    >>> canonical({"b": 2592000.0, "a": [1e21, None]})
    b'{"a":[1e+21,null],"b":2592000}'

    Raises:
        TypeError: it holds something that is no JSON.
        ValueError: it holds a number that is no finite double, or half a surrogate pair.
    """
    return _write(value).encode()


def _write(value: Any) -> str:
    match value:
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return _number(value)
        case list():
            return f"[{','.join(map(_write, value))}]"
        case dict():
            members = (
                f"{_write(name)}:{_write(value[name])}" for name in sorted(value, key=_utf16)
            )
            return f"{{{','.join(members)}}}"
    raise TypeError(f"{value!r:.60} is no JSON value")


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")


def _number(value: float) -> str:
    if isinstance(value, int) and -_EXACT <= value <= _EXACT:
        return str(value)
    # `repr` finds the fewest digits that tell a double from all others, as ECMAScript asks for.
    sign, digits, exponent = Decimal(repr(float(value))).as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"{value} is no JSON number: it must be finite")  # noqa: TRY004
    text = "".join(map(str, digits))
    point = len(text) + exponent
    text = text.rstrip("0")
    return f"{'-' if sign and text else ''}{_positioned(text, point)}"


def _positioned(digits: str, point: int) -> str:
    """Write digits, without zeros at their end, with a point behind so many of them."""
    if not digits:
        return "0"
    if _SMALLEST < point <= 0:
        return f"0.{'0' * -point}{digits}"
    if 0 < point <= _WIDEST:
        whole, fraction = digits[:point].ljust(point, "0"), digits[point:]
        return f"{whole}.{fraction}" if fraction else whole
    mantissa = f"{digits[0]}.{digits[1:]}" if digits[1:] else digits
    return f"{mantissa}e{point - 1:+d}"
