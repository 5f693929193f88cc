"""What failed and was answered with a fall-back: counted each time, told now and then."""

import logging
from collections.abc import Callable, Mapping

from clew.clock import Clock
from clew.delivery.outage import AGAIN_SECONDS

__all__ = ["Failures"]

logger = logging.getLogger("clew")


class Failures:
    """
    Keeps an application's log readable while its backend is sick.

    Args:
        count: counts a loss by its cause.
        counts: what was counted so far.
    """

    def __init__(
        self, count: Callable[[str], None], counts: Mapping[str, int], *, clock: Clock
    ) -> None:
        self._count = count
        self._counts = counts
        self._clock = clock
        #: By operation and kind of error, when the log was told that it failed.
        self._told_at: dict[tuple[str, str], float] = {}

    def met(self, operation: str, error: Exception) -> None:
        """Count a failure; the log has the first of its kind whole, and then how many there are."""
        cause = f"{operation}_failed"
        self._count(cause)
        kind, now = (operation, type(error).__name__), self._clock.now()
        told_at = self._told_at.get(kind)
        if told_at is None:
            logger.error(
                "%s failed and was answered with a fall-back: %s", operation, error, exc_info=error
            )
        elif now - told_at >= AGAIN_SECONDS:
            logger.error(
                "%s failed again, %d times so far: %s", operation, self._counts[cause], error
            )
        else:
            return
        self._told_at[kind] = now
