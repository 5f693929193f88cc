"""
What the log says of a receiver that takes nothing: when it lasts, now and then, when it is over.

A moment's failure is nobody's business: it is tried again. Who is on call wants to know of one that
goes on, what waits meanwhile, and that it has ended.
"""

import logging
from collections.abc import Callable

__all__ = ["AGAIN_SECONDS", "LASTS_SECONDS", "Outage"]

#: How long a failure goes on before it is told of, and after how long it is again, in seconds.
LASTS_SECONDS = 5.0
AGAIN_SECONDS = 300.0

_log = logging.getLogger("clew")


class Outage:
    """
    Notes failures and successes of one receiver.

    Args:
        now: a monotonic clock, in seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        #: What failed last, in words; None since something was taken.
        self.cause: str | None = None
        self._since: float | None = None
        self._said_at: float | None = None

    def failed(self, error: BaseException, waiting: int) -> None:
        """
        Note that nothing was taken.

        Args:
            waiting: how many records wait.
        """
        now = self._now()
        self.cause = str(error)
        if self._since is None:
            self._since = now
        lasts = now - self._since
        is_told = self._said_at is not None and now - self._said_at < AGAIN_SECONDS
        if lasts >= LASTS_SECONDS and not is_told:
            self._said_at = now
            _log.warning(
                "nothing has been taken for %.0f s; %d facts wait, and are sent when it is: %s",
                lasts,
                waiting,
                error,
            )

    def over(self) -> None:
        """Note that something was taken."""
        since, self._since = self._since, None
        self.cause = None
        if self._said_at is not None and since is not None:
            self._said_at = None
            _log.warning("facts are taken again, after %.0f s", self._now() - since)
