"""
The one thread that delivers, and the lock that all of an outbox's state is under.

The lock is never held while something else is called back or waited for on disk: a fork, which
needs the lock, is thus possible at any moment, even in the middle of a `send`. It is re-entrant,
because a signal handler may flush where it has interrupted somebody who holds it.
"""

import logging
import math
import sys
import threading
from collections.abc import Callable

from clew.clock import Clock
from clew.delivery.backlog import Backlog
from clew.delivery.courier import Courier, Send
from clew.delivery.losses import Losses
from clew.delivery.outage import Outage
from clew.delivery.retry import Backoff
from clew.delivery.stretch import Batch
from clew.delivery.timing import Timing

__all__ = ["DeadLetter", "Worker"]

#: Given a payload that will not be delivered, and the reason in words.
DeadLetter = Callable[[bytes, str], None]

#: How often the thread looks for what dead processes have left, when it has nothing else to do.
ADOPT_SECONDS = 30.0

#: How long the thread looks for records by itself after a batch, in seconds: to be woken costs who
#: puts the next one several times what the put costs.
AWAKE_SECONDS = 1.0

_NEVER = sys.maxsize
_log = logging.getLogger("clew")


class Worker:
    """Takes batches from a backlog and has them carried, on a daemon thread started when needed."""

    def __init__(
        self,
        send: Send,
        backlog: Backlog,
        *,
        adopt: Callable[[], object],
        batch_count: int,
        batch_bytes: int,
        linger_seconds: float,
        max_age_seconds: float,
        dead_letter: DeadLetter | None,
        losses: Losses,
        backoff: Backoff,
        clock: Clock,
        timing: Timing,
    ) -> None:
        self._backlog = backlog
        self._adopt = adopt
        self._batch_count = batch_count
        self._batch_bytes = batch_bytes
        self._linger_seconds = linger_seconds
        # What does not linger must not be waited for either.
        self._awake_seconds = AWAKE_SECONDS if linger_seconds else 0.0
        self._dead_letter = dead_letter
        self._losses = losses
        self._timing = timing
        self._outage = Outage(timing.now)
        self._courier = Courier(
            send, self, backoff=backoff, max_age_seconds=max_age_seconds, clock=clock
        )
        self.start_over()

    def start_over(self) -> None:
        """Begin without a thread, and with locks that nobody holds: what a forked child needs."""
        self.lock = threading.RLock()
        #: Notified when a record is settled or dropped.
        self.progress = threading.Condition(self.lock)
        #: The records taken and not settled.
        self.in_flight = Batch()
        self._work = threading.Condition(self.lock)
        self._thread: threading.Thread | None = None
        # How many wait for everything to be settled, and how many ever did.
        self._flushing = self._flushes = 0
        # Whether the receiver has answered, and has not failed since.
        self._is_heard = False
        # When it was last asked for something, or answered.
        self._asked_at = self._timing.now()
        # How many records must wait before the thread is to be woken: waking costs what a put
        # costs.
        self._wake_at = 1

    @property
    def trouble(self) -> str | None:
        """Why the last attempt failed, in words; None since one succeeded."""
        return self._outage.cause

    @property
    def pending(self) -> int:
        """How many records are not settled. The caller holds the lock."""
        return len(self.in_flight) + self._backlog.count

    def notice(self) -> None:
        """Records were added: wake or start the thread if it is time. The caller holds the lock."""
        if self._backlog.count >= self._wake_at:
            self._wake()

    def flush(
        self, seconds: float, *, answer: float = math.inf, first_answer: float = math.inf
    ) -> int:
        """
        Wait until all that was put before is settled; the answer is 0, or how many still wait.

        Records that come meanwhile are not waited for.

        Args:
            seconds: the most to wait in all.
            answer: the most that the receiver may take for one answer, in seconds since it was
                asked; if it takes longer, nothing is waited for any more.
            first_answer: the same, as long as it has not answered yet or fails.
        """
        with self.lock:
            now = self._timing.now()
            deadline = now + seconds
            target = self._backlog.next_ticket
            self._flushing += 1
            self._flushes += 1
            if self.pending:
                self._wake()
            if not self.in_flight:
                self._asked_at = now  # it is about to be
            while self._oldest() < target:
                patience = answer if self._is_heard else first_answer
                left = min(deadline, self._asked_at + patience) - self._timing.now()
                if left <= 0:
                    break
                self._timing.wait(self.progress, left)
            self._flushing -= 1
            return self.pending if self._oldest() < target else 0

    def stop(self, seconds: float) -> None:
        """Send the thread away, and wait so long for it to be gone unless it hangs in a `send`."""
        with self.lock:
            thread, self._thread = self._thread, None
            self._work.notify()
            idle = not self.in_flight
        if thread is not None and idle and thread is not threading.current_thread():
            thread.join(seconds)

    def settle(self, records: Batch, /) -> None:
        """As `Ledger.settle`."""
        with self.lock:
            is_on_duty = self._is_on_duty()
            if is_on_duty:
                self._settle(records)
        if is_on_duty and records:
            self._outage.over()

    def failed(self, error: BaseException, /) -> None:
        """As `Ledger.failed`."""
        with self.lock:
            waiting = self.pending
        self._outage.failed(error, waiting)

    def bury(self, record: Batch, cause: str, reason: str, /) -> None:
        """As `Ledger.bury`. A dead-letter function that raises is logged: delivery goes on."""
        if not self.pause(0):
            return
        (payload,) = record.payloads
        if self._dead_letter is not None:
            try:
                self._dead_letter(payload, reason)
            except Exception:  # noqa: BLE001
                _log.exception("dead_letter raised")
        with self.lock:
            if self._is_on_duty():
                self._settle(record)
                self._losses.add(cause, payload=payload)
        self._losses.tell()

    def pause(self, seconds: float, /, *, is_asked: bool = False) -> bool:
        """As `Ledger.pause`; ends early when the thread is sent away, or somebody flushes."""
        if not seconds:
            return self._is_on_duty()
        with self.lock:
            self._is_heard = False  # an attempt has failed
            flushes = self._flushes
            end = self._timing.now() + seconds
            while self._is_on_duty() and (left := end - self._timing.now()) > 0:
                if self._flushes != flushes and not is_asked:
                    break
                self._timing.wait(self._work, left)
            return self._is_on_duty()

    def _settle(self, records: Batch) -> None:
        self._is_heard = True
        self._asked_at = self._timing.now()
        self._backlog.settle(records)
        self.in_flight = self.in_flight.without(records)
        self.progress.notify_all()

    def _oldest(self) -> int:
        """The ticket before which everything is settled."""
        return next(self.in_flight.tickets, self._backlog.oldest_ticket)

    def _wake(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="clew-outbox", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no thread is to be had, or the interpreter is ending
                return
            self._thread = thread
        self._wake_at = _NEVER
        self._work.notify()

    def _is_on_duty(self) -> bool:
        """Whether this thread is still the worker: not sent away, nor a copy in a forked child."""
        return self._thread is threading.current_thread()

    def _run(self) -> None:
        batch: Batch | None = Batch()
        while batch is not None:
            if batch:
                self._losses.tell()
                self._courier.deliver(batch)
            else:
                self._adopt()
            batch = self._next_batch(self._awake_seconds if batch else 0.0)

    def _next_batch(self, awake_seconds: float) -> Batch | None:
        """
        Wait for records, and for company.

        None when sent away; an empty batch when nothing came for long.

        Args:
            awake_seconds: how long to look for records before whoever puts one must wake this.
        """
        with self.lock:
            self._gather(awake_seconds)
            if not self._backlog.count:
                self._await(1, self._timing.now() + ADOPT_SECONDS)
                if self._backlog.count:
                    self._gather(0.0)
            if not self._is_on_duty():
                return None
            self.in_flight = batch = self._backlog.take(self._batch_count, self._batch_bytes)
            self._asked_at = self._timing.now()
            self.progress.notify_all()  # memory has room again, whatever becomes of the batch
            return batch

    def _gather(self, seconds: float) -> None:
        """Wait for a whole batch, or for what comes meanwhile; for nothing no longer than that."""
        end = self._timing.now() + seconds
        while True:
            now = self._timing.now()
            self._await(self._batch_count, now + self._linger_seconds)
            if self._backlog.count or now + self._linger_seconds >= end or not self._is_on_duty():
                return

    def _await(self, count: int, deadline: float) -> None:
        """Wait for so many records, until the deadline, or until someone flushes what there is."""
        self._wake_at = count
        while self._is_on_duty() and self._backlog.count < count:
            if self._flushing and self._backlog.count:
                break
            left = deadline - self._timing.now()
            if left <= 0:
                break
            self._timing.wait(self._work, left)
        self._wake_at = _NEVER
