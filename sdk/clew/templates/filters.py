"""
The filters a template may use, each as in Shopify's Liquid (shopify.dev/docs/api/liquid/filters).

Two rules are stricter than Liquid's, so that no sentence has a hole or a made-up number in it:

- A missing value (see `clew.templates.values`) stays missing through every filter, and so does the
  result of a filter one of whose arguments is missing. Liquid makes "Hi !" of a missing name.
- What a filter cannot work on (`plus` on "abc", `date` on "soon", division by zero) is missing.

`default` is the way out, and works on what is missing; `clew.templates.expressions` compiles it.
"""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from attrs import frozen

from clew.templates.dates import DIRECTIVES, moment_of, pattern_of, write
from clew.templates.values import MAX_TEXT, joined, number_of, text_of, whole_of

__all__ = ["FILTERS", "Argument", "Filter", "escape"]


@frozen
class Argument:
    """What an argument of a filter has to be."""

    #: Reads a value as what the filter needs; None when it is not that.
    read: Callable[[Any], Any]
    #: What it is, for an error message.
    words: str
    #: Whether it has to be written in the template, so that it is read once, at compile time.
    literal: bool = False


@frozen
class Filter:
    """One filter: how its input is read, what it does, and what arguments it takes."""

    read: Callable[[Any], Any]
    apply: Callable[..., Any]
    arguments: tuple[Argument, ...] = ()
    #: How many of the arguments must be given.
    required: int = 0


def escape(text: str) -> str:
    """Make text safe in HTML elements and quoted attributes, with the entities Liquid writes."""
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )


def _truncate(text: str, length: int = 50, ellipsis: str = "...") -> str:
    """Cut text to `length` characters, the ellipsis included."""
    if len(text) <= length:
        return text
    return text[: max(length - len(ellipsis), 0)] + ellipsis


def _replace(text: str, old: str, new: str) -> str | None:
    """Replace every `old`; the result is measured first, since it may be the product of two."""
    length = len(text) + text.count(old) * (len(new) - len(old))
    return text.replace(old, new) if length <= MAX_TEXT else None


#: Liquid calculates in decimals, so 0.1 + 0.2 is 0.3; 2**63 to 20 places needs 40 digits.
_DECIMALS = Context(prec=40, traps=[])
_MAX_PLACES = 20


def _decimal(number: float) -> Decimal:
    return Decimal(repr(number))


def _plus(left: float, right: float) -> float:
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    return float(_DECIMALS.add(_decimal(left), _decimal(right)))


def _minus(left: float, right: float) -> float:
    return _plus(left, -right)


def _times(left: float, right: float) -> float:
    if isinstance(left, int) and isinstance(right, int):
        return left * right
    return float(_DECIMALS.multiply(_decimal(left), _decimal(right)))


def _divided_by(left: float, right: float) -> float | None:
    """Divide; whole numbers give the whole number below, as in Ruby."""
    if not right:
        return None
    if isinstance(left, int) and isinstance(right, int):
        return left // right
    return float(_DECIMALS.divide(_decimal(left), _decimal(right)))


def _round(number: float, places: int = 0) -> float | None:
    """Round halves away from zero; the result is whole when no places are asked for."""
    if not 0 <= places <= _MAX_PLACES:
        return None
    if isinstance(number, int):
        return number
    step = Decimal(1).scaleb(-places)
    rounded = _decimal(number).quantize(step, rounding=ROUND_HALF_UP, context=_DECIMALS)
    return float(rounded) if places else int(rounded)


def _list(value: Any) -> list[Any] | tuple[Any, ...] | None:
    return value if isinstance(value, list | tuple) and value else None


def _sized(value: Any) -> Any:
    return value if isinstance(value, str | list | tuple | dict) and value != "" else None


def _join(value: Any, glue: str = " ") -> str | None:
    return joined(value, glue) if isinstance(value, list | tuple) else text_of(value)


def _as_is(value: Any) -> Any:
    return value


_TEXT = Argument(text_of, "text")
_NUMBER = Argument(number_of, "a number")
_WHOLE = Argument(whole_of, "a whole number")
_FORMAT = Argument(
    pattern_of,
    "a strftime format, written out in quotes, of the directives "
    + " ".join(f"%{letter}" for letter in DIRECTIVES),
    literal=True,
)

FILTERS: dict[str, Filter] = {
    "append": Filter(text_of, lambda text, end: text + end, (_TEXT,), 1),
    "capitalize": Filter(text_of, str.capitalize),
    "date": Filter(moment_of, write, (_FORMAT,), 1),
    "divided_by": Filter(number_of, _divided_by, (_NUMBER,), 1),
    "downcase": Filter(text_of, str.lower),
    "escape": Filter(text_of, escape),
    "first": Filter(_list, lambda items: items[0]),
    "join": Filter(_as_is, _join, (_TEXT,)),
    "last": Filter(_list, lambda items: items[-1]),
    "minus": Filter(number_of, _minus, (_NUMBER,), 1),
    "plus": Filter(number_of, _plus, (_NUMBER,), 1),
    "prepend": Filter(text_of, lambda text, start: start + text, (_TEXT,), 1),
    "replace": Filter(text_of, _replace, (_TEXT, _TEXT), 2),
    "round": Filter(number_of, _round, (_WHOLE,)),
    "size": Filter(_sized, len),
    "strip": Filter(text_of, str.strip),
    "times": Filter(number_of, _times, (_NUMBER,), 1),
    "truncate": Filter(text_of, _truncate, (_WHOLE, _TEXT)),
    "upcase": Filter(text_of, str.upper),
}
