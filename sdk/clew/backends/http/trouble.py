"""What the log says of a server that does not decide: at once, seldom, and when it is over."""

import logging
from collections.abc import Callable

__all__ = ["AGAIN_SECONDS", "Trouble"]

logger = logging.getLogger("clew")

#: How often the log is told of it at most, in seconds: a server may come and go.
AGAIN_SECONDS = 60.0


class Trouble:
    """
    Notes failures and answers of one server.

    Args:
        where: what it is called in the log.
        now: a monotonic clock, in seconds.
    """

    def __init__(self, where: str, now: Callable[[], float]) -> None:
        self._where = where
        self._now = now
        self._told_at: float | None = None
        self._is_told = False

    def met(self, said: str) -> None:
        """Note a failure, in words that name the server."""
        now = self._now()
        if self._told_at is None or now - self._told_at >= AGAIN_SECONDS:
            self._told_at, self._is_told = now, True
            logger.warning("%s; decisions fall back until it answers", said)

    def over(self) -> None:
        """Note an answer."""
        if self._is_told:
            self._is_told = False
            logger.warning("%s answers again", self._where)
