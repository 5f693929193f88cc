"""Waiting is injected, so that tests move time by hand."""

import threading
import time
from typing import Protocol

__all__ = ["MonotonicTiming", "Timing"]


class Timing(Protocol):
    """A clock that never goes back, and waiting by it."""

    def now(self) -> float:
        """Seconds since an arbitrary moment; only differences mean something."""
        ...

    def wait(self, condition: threading.Condition, seconds: float | None, /) -> None:
        """
        Wait until the condition is notified or the time is over (None: without end).

        The caller holds the condition's lock, and looks for itself what has changed.
        """
        ...


class MonotonicTiming:
    """The machine's monotonic clock."""

    now = staticmethod(time.monotonic)

    def wait(self, condition: threading.Condition, seconds: float | None, /) -> None:
        """Wait as `threading.Condition.wait`."""
        condition.wait(seconds)
