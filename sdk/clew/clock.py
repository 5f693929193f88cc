"""
Time is injected: nothing below the clients reads a clock of its own.

Inside clew an instant is a `float`: seconds since 1970-01-01T00:00:00Z (POSIX time), which is
cheap to compare and to bucket. At the borders it is text as RFC 3339 section 5.6, in UTC.
"""

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

__all__ = ["Clock", "SystemClock", "instant", "to_text"]


#: In microseconds.
_SECOND = 1_000_000


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> float:
        """The present instant, in seconds since the epoch, UTC."""
        ...


class SystemClock:
    """The machine's wall clock."""

    now = staticmethod(time.time)


def to_text(at: float) -> str:
    """
    Write an instant as RFC 3339 text in UTC with microseconds.

    They are rounded as `datetime.fromtimestamp` does it: the seconds apart, half to even.

    >>> to_text(0.0)
    '1970-01-01T00:00:00.000000Z'
    """
    second = int(at)
    microseconds = round((at - second) * 1e6)
    if not 0 <= microseconds < _SECOND:  # before the epoch, or rounded up to the next second
        more, microseconds = divmod(microseconds, _SECOND)
        second += more
    return "%s.%06dZ" % (_second_to_text(second), microseconds)  # noqa: UP031 - twice as fast


# On the path of every signal, and most of them fall into the same second as the one before.
@lru_cache(maxsize=64)
def _second_to_text(second: int) -> str:
    # By isoformat, as `%Y` leaves out the zeros of an early year.
    return datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00")


def instant(value: "str | float | datetime") -> float:
    """
    Read an instant from RFC 3339 text, an aware `datetime` or seconds since the epoch.

    Raises:
        ValueError: the text is no RFC 3339 instant, or has no offset from UTC.
    """
    if isinstance(value, str):
        return _aware(datetime.fromisoformat(value))
    if isinstance(value, datetime):
        return _aware(value)
    if isinstance(value, bool):
        raise ValueError("an instant is RFC 3339 text, an aware datetime or seconds, not a boolean")  # noqa: TRY004
    return float(value)


def _aware(moment: datetime) -> float:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset from UTC: add 'Z' or '+00:00'")
    return moment.timestamp()
