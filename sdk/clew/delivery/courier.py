"""
Carries one batch to the receiver: again if it may succeed, in halves if something in it is at
fault.

No thread and no lock is known here; what it needs of them it is given.
"""

from collections.abc import Callable, Collection
from typing import Protocol

from clew.clock import Clock
from clew.delivery.retry import Backoff, is_retryable
from clew.delivery.stretch import Batch
from clew.errors import BackendUnavailableError

__all__ = ["Courier", "Ledger", "Send"]

#: Hands over payloads; gives the positions of those that are to be sent again (None: of none).
#: Raises if the receiver took none of them.
Send = Callable[[list[bytes]], Collection[int] | None]

_AGAIN = BackendUnavailableError("the receiver asks for this record again")


class Ledger(Protocol):
    """Where the courier reports to, and what tells it to stop."""

    def settle(self, records: Batch, /) -> None:
        """These were delivered."""
        ...

    def failed(self, error: BaseException, /) -> None:
        """None of a batch was taken, and it is tried again."""
        ...

    def bury(self, record: Batch, cause: str, reason: str, /) -> None:
        """This one never will be: `cause` is counted, `reason` is for people."""
        ...

    def pause(self, seconds: float, /, *, is_asked: bool = False) -> bool:
        """
        Wait; whether to go on afterwards. Zero merely asks.

        Args:
            is_asked: whether the receiver has asked for it, so that nobody's haste shortens it.
        """
        ...


class Courier:
    """
    Delivers batches in order.

    - An error that is retryable holds up everything behind it, so order is kept and a receiver in
      trouble gets one probe at a time. So do single records that the receiver asks for again.
    - One that is not splits the batch: of n records one is found at fault after about 2 log2 n
      attempts, and the others get through.
    - Attempts are bounded by age, not by number: a record that fails when it is older than
      `max_age_seconds` is given up, because its receiver may no longer know it for a duplicate.
    """

    def __init__(
        self, send: Send, ledger: Ledger, *, backoff: Backoff, max_age_seconds: float, clock: Clock
    ) -> None:
        self._send = send
        self._ledger = ledger
        self._backoff = backoff
        self._max_age_seconds = max_age_seconds
        self._clock = clock

    def deliver(self, batch: Batch) -> None:
        """Settle or bury every record of a batch; returns early when told to stop."""
        parts = [batch]
        failures = 0
        while parts and self._ledger.pause(0):
            part, error = self._attempt(batch := parts.pop())
            if len(part) < len(batch):
                failures = 0
            if error is None:
                continue
            if is_retryable(error):
                self._ledger.failed(error)
                if part := self._without_expired(part, error):
                    parts.append(part)
                    is_asked = getattr(error, "retry_after", None) is not None
                    self._ledger.pause(self._backoff.delay(failures, error), is_asked=is_asked)
                failures += 1
            elif len(part) == 1:
                self._ledger.bury(part, "dead_letter", _reason(error))
            else:
                middle = len(part) // 2
                parts += [part.only(range(middle, len(part))), part.only(range(middle))]

    def _attempt(self, part: Batch) -> tuple[Batch, BaseException | None]:
        """Send records and settle what was taken; gives the others, and what is wrong with them."""
        try:
            again = self._send(part.payloads)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the one worker lives on
            return part, error
        left = part.only(again) if again else Batch()
        self._ledger.settle(part.without(left))
        return left, _AGAIN if again else None

    def _without_expired(self, part: Batch, error: BaseException) -> Batch:
        oldest = self._clock.now() - self._max_age_seconds
        fresh: list[int] = []
        for n, at in enumerate(part.instants):
            if at < oldest:
                self._ledger.bury(part.only([n]), "expired", _reason(error))
            else:
                fresh.append(n)
        return part.only(fresh)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
