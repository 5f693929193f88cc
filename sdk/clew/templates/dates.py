"""
Dates in templates: strftime in UTC, in English, the same on every machine.

The platform's strftime follows the process's locale, knows other directives on other systems, and
takes a width (`%1000000000d`) that fills the memory. Ours are the common ones of Ruby's
`Time#strftime`, which Liquid uses; a `-` after the `%` drops the padding.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from clew.clock import instant
from clew.templates.values import number_of

__all__ = ["DIRECTIVES", "Pattern", "moment_of", "pattern_of", "write"]

#: A strftime format, read: literal text and directives in order.
Pattern = tuple[str | Callable[[datetime], str], ...]

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

DIRECTIVES: dict[str, Callable[[datetime], str]] = {
    "A": lambda at: _DAYS[at.weekday()],
    "B": lambda at: _MONTHS[at.month - 1],
    "D": lambda at: f"{at.month:02}/{at.day:02}/{at.year % 100:02}",
    "F": lambda at: f"{at.year:04}-{at.month:02}-{at.day:02}",
    "H": lambda at: f"{at.hour:02}",
    "I": lambda at: f"{_hour12(at):02}",
    "L": lambda at: f"{at.microsecond // 1000:03}",
    "M": lambda at: f"{at.minute:02}",
    "P": lambda at: "am" if at.hour < _NOON else "pm",
    "R": lambda at: f"{at.hour:02}:{at.minute:02}",
    "S": lambda at: f"{at.second:02}",
    "T": lambda at: f"{at.hour:02}:{at.minute:02}:{at.second:02}",
    "Y": lambda at: f"{at.year:04}",
    "Z": lambda _: "UTC",
    "a": lambda at: _DAYS[at.weekday()][:3],
    "b": lambda at: _MONTHS[at.month - 1][:3],
    "d": lambda at: f"{at.day:02}",
    "e": lambda at: f"{at.day:2}",
    "j": lambda at: f"{at.timetuple().tm_yday:03}",
    "l": lambda at: f"{_hour12(at):2}",
    "m": lambda at: f"{at.month:02}",
    "p": lambda at: "AM" if at.hour < _NOON else "PM",
    "s": lambda at: str(int(at.timestamp() // 1)),
    "u": lambda at: str(at.isoweekday()),
    "y": lambda at: f"{at.year % 100:02}",
    "z": lambda _: "+0000",
    "%": lambda _: "%",
}
_NOON = 12
_PADDED = frozenset("HILMSYdejlmy")

_DIRECTIVE = re.compile(r"%(-?)(.?)", re.DOTALL)
_DATE_ONLY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def moment_of(value: Any) -> datetime | None:
    """
    Read RFC 3339 text (a date alone is its midnight in UTC) or seconds since the epoch.

    Anything else is missing, "now" and "today" too: rendering has no clock.
    """
    try:
        if isinstance(value, str):
            at = instant(f"{value}T00:00:00Z" if _DATE_ONLY.fullmatch(value) else value)
        else:
            seconds = None if isinstance(value, bool) else number_of(value)
            if seconds is None:
                return None
            at = float(seconds)
        return datetime.fromtimestamp(at, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def pattern_of(value: Any) -> Pattern | None:
    """Read a strftime format, or return None when it is no text or has an unknown directive."""
    if not isinstance(value, str):
        return None
    parts: list[str | Callable[[datetime], str]] = []
    end = 0
    for match in _DIRECTIVE.finditer(value):
        flag, letter = match.groups()
        directive = DIRECTIVES.get(letter)
        if directive is None or (flag and letter not in _PADDED):
            return None
        parts += [value[end : match.start()], _unpadded(directive) if flag else directive]
        end = match.end()
    return (*parts, value[end:])


def write(at: datetime, pattern: Pattern) -> str:
    """Write a moment by a pattern."""
    return "".join(part if isinstance(part, str) else part(at) for part in pattern)


def _unpadded(directive: Callable[[datetime], str]) -> Callable[[datetime], str]:
    return lambda at: directive(at).lstrip("0 ") or "0"


def _hour12(at: datetime) -> int:
    return at.hour % _NOON or _NOON
