"""A clock that is moved by hand."""

from datetime import datetime

from clew.clock import instant

__all__ = ["HandClock"]


class HandClock:
    """
    Stands still until it is moved.

    >>> clock = HandClock("2026-01-01T00:00:00Z")
    >>> clock.move(days=1).now() - HandClock("2026-01-01T00:00:00Z").now()
    86400.0
    """

    def __init__(self, at: str | float | datetime = "2026-01-01T12:00:00Z") -> None:
        self._now = instant(at)

    def now(self) -> float:
        """The present instant, in seconds since the epoch."""
        return self._now

    def move(
        self, seconds: float = 0.0, *, minutes: float = 0.0, hours: float = 0.0, days: float = 0.0
    ) -> "HandClock":
        """Move on (or back, with negative numbers)."""
        self._now += seconds + 60.0 * minutes + 3600.0 * hours + 86_400.0 * days
        return self

    def set(self, at: str | float | datetime) -> "HandClock":
        """Move to an instant."""
        self._now = instant(at)
        return self
