"""
The circuit breaker: a server that does not answer is left alone, and asked again one at a time.

Source: M. Nygard, "Release It!", 2nd edition, 2018, section 5.2.
"""

import threading
from collections.abc import Callable

__all__ = ["Breaker"]


class Breaker:
    """
    Closed while requests succeed; open after several in a row have failed.

    Open, it lets one request through each time a pause is over (the probe). The probe's success
    closes it; its failure doubles the pause. A probe of which nothing is heard counts as failed.

    Args:
        now: monotonic seconds.
        failures: how many in a row open it.
        pause_seconds: the first pause.
        pause_max_seconds: the longest pause.
    """

    def __init__(
        self,
        now: Callable[[], float],
        *,
        failures: int = 5,
        pause_seconds: float = 0.5,
        pause_max_seconds: float = 10.0,
    ) -> None:
        self._now = now
        self._failures_max = failures
        self._first_pause = pause_seconds
        self._longest_pause = pause_max_seconds
        self._lock = threading.Lock()
        self._failures = 0
        self._pause = pause_seconds
        #: When the next probe may go; None while closed.
        self._probe_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether requests are held back."""
        return self._probe_at is not None

    def allows(self) -> bool:
        """Whether a request may be sent now; whoever is told so sends it."""
        if self._probe_at is None:
            return True
        with self._lock:
            now = self._now()
            if self._probe_at is None:
                return True
            if now < self._probe_at:
                return False
            self._probe_at = now + self._pause
            return True

    def may_probe(self) -> None:
        """Let the next request through: there is a sign of life, though not of this kind."""
        if self._probe_at is not None:
            with self._lock:
                if self._probe_at is not None:
                    self._probe_at = min(self._probe_at, self._now())

    def succeeded(self) -> bool:
        """Note an answer; whether this closed it."""
        if not self._failures and self._probe_at is None:
            return False
        with self._lock:
            was_open = self._probe_at is not None
            self._failures, self._pause, self._probe_at = 0, self._first_pause, None
            return was_open

    def failed(self, retry_after: float | None = None) -> bool:
        """
        Note a failure; whether this opened it.

        Args:
            retry_after: how long the server asked to be left alone, in seconds; opens at once.
        """
        with self._lock:
            self._failures += 1
            was_open = self._probe_at is not None
            if was_open:
                self._pause = min(2.0 * self._pause, self._longest_pause)
            if was_open or retry_after is not None or self._failures >= self._failures_max:
                asked = min(retry_after or 0.0, self._longest_pause)
                self._probe_at = self._now() + max(self._pause, asked)
            return self._probe_at is not None and not was_open
