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
from collections import Counter, deque
from collections.abc import Callable

__all__ = ["Losses", "OnLoss"]

#: Told the cause and the number of records.
OnLoss = Callable[[str, int], None]

_log = logging.getLogger("clew")


class Losses:
    """Counts at once, under whatever lock the caller holds; tells later, when it holds none."""

    def __init__(self, on_loss: OnLoss | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._on_loss = on_loss
        self._untold: deque[tuple[str, int]] = deque()

    def add(self, cause: str, count: int = 1) -> None:
        """Count a loss."""
        if count:
            self.counts[cause] += count
            self._untold.append((cause, count))

    def tell(self) -> None:
        """
        Call back for what was counted since; the caller must hold no lock.

        A callback that raises is logged: it must not stop delivery.
        """
        while self._untold:
            try:
                cause, count = self._untold.popleft()
            except IndexError:  # another thread was quicker
                return
            if self._on_loss is not None:
                try:
                    self._on_loss(cause, count)
                except Exception:  # noqa: BLE001
                    _log.exception("on_loss(%r, %d) raised", cause, count)

    def clear(self) -> None:
        """Forget everything: a forked child did not lose what its parent lost."""
        self.counts.clear()
        self._untold.clear()
