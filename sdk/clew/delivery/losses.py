"""
What was lost, by cause: never silent, and never said twice.

::

    overflow      the bound of disk (with a spool) or memory (without one) was reached
    no_disk       the disk refused the record, and it was dropped from memory: over the memory
                  bound, or undelivered at close. A record that is merely in danger is not counted
                  here; `Outbox.endangered` is how many are.
    too_large     one record is larger than the whole bound
    dead_letter   the receiver refuses this record and always will
    expired       the receiver could not take it for longer than `max_age_seconds`
    corrupt       a stretch of the spool was unreadable (one per stretch: what it held is not known)
    closed        held in memory alone, without a spool, and undelivered at close
"""

import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping

__all__ = ["Losses", "Lost", "OnLoss"]

#: Told the cause and the number of records.
OnLoss = Callable[[str, int], None]
#: Told the payload of each record that will not be delivered, as far as it is known.
Lost = Callable[[bytes], None]

#: What the log says of each.
_WORDS: Mapping[str, str] = {
    "overflow": "the bound on what waits (max_pending_bytes) was reached",
    "no_disk": "the disk refuses, and memory has no room or the process ends",
    "too_large": "each is larger than the whole bound on what waits",
    "dead_letter": "refused for good, and kept as dead letters where there is a disk",
    "expired": "too old to be sent, and kept as dead letters where there is a disk",
    "corrupt": "stretches of the spool are unreadable",
    "closed": "in memory alone when the client was closed or the process ended",
}
#: How often the log is told of one cause at most, in seconds.
SAID_SECONDS = 60

_log = logging.getLogger("clew")


class Losses:
    """
    Counts at once, under whatever lock the caller holds; tells later, when it holds none.

    Args:
        on_loss: called back for each.
        lost: called back, too, by whoever must know what it was.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        on_loss: OnLoss | None = None,
        *,
        lost: Lost | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._on_loss = on_loss
        self._lost = lost
        self._now = now
        #: By cause, when the log was told of it.
        self._said_at: dict[str, float] = {}
        self._has_raised = False
        self._untold: deque[tuple[str, int, bytes | None]] = deque()

    def add(self, cause: str, count: int = 1, *, payload: bytes | None = None) -> None:
        """Count a loss; the payload is that of one record."""
        if count:
            self.counts[cause] += count
            self._untold.append((cause, count, payload))

    def tell(self) -> None:
        """
        Call back for what was counted since, and log it; the caller must hold no lock.

        A callback that raises is logged, once: it must not stop delivery.
        """
        while self._untold:
            try:
                cause, count, payload = self._untold.popleft()
            except IndexError:  # another thread was quicker
                return
            self._say(cause)
            if self._lost is not None and payload is not None:
                self._call_back("lost", self._lost, payload)
            if self._on_loss is not None:
                self._call_back("on_loss", self._on_loss, cause, count)

    def _say(self, cause: str) -> None:
        """Other causes than those of delivery are told of by whoever counts them."""
        if cause not in _WORDS:
            return
        now = self._now()
        if now - self._said_at.get(cause, -math.inf) >= SAID_SECONDS:
            self._said_at[cause] = now
            _log.warning(
                "%d facts were lost so far (%s): %s", self.counts[cause], cause, _WORDS[cause]
            )

    def _call_back(self, name: str, function: Callable[..., None], *told: object) -> None:
        try:
            function(*told)
        except Exception:  # noqa: BLE001
            if not self._has_raised:
                self._has_raised = True
                _log.exception("%s raised (said once)", name)

    def clear(self) -> None:
        """Forget everything: a forked child did not lose what its parent lost."""
        self.counts.clear()
        self._untold.clear()
        self._said_at.clear()
