"""
The way out of the process: `put` returns at once, one daemon thread delivers.

- **At least once, in order.** A record is in the spool before `put` returns and stays there until
  the receiver took it. Receivers know duplicates by the id in the record, which is opaque here.
- **The host never waits** for a receiver, except under `overflow="block"`, and never fails for one.
- **Every loss is counted** by its cause (`clew.delivery.losses`).
- **A dead process loses nothing** that was put: whoever starts, flushes or is idle next adopts it.
- **A signal handler may `flush` and `close`**, whatever it has interrupted.
"""

import logging
from collections import Counter, deque
from contextlib import suppress
from pathlib import Path
from threading import RLock, get_ident
from typing import Literal

from clew.clock import Clock, SystemClock
from clew.delivery.backlog import Backlog, count_records
from clew.delivery.courier import Send
from clew.delivery.lifecycle import register
from clew.delivery.losses import Losses, Lost, OnLoss
from clew.delivery.retry import Backoff
from clew.delivery.spool import Spool
from clew.delivery.timing import MonotonicTiming, Timing
from clew.delivery.worker import DeadLetter, Worker
from clew.errors import ClosedError

__all__ = ["Outbox", "Overflow"]

#: What gives way at the bound: the oldest record, the new one, or the caller, for `block_seconds`.
Overflow = Literal["drop_oldest", "drop_newest", "block"]

#: How long to adopt at a time, in seconds; what is left is taken when there is time again.
ADOPTING_SECONDS = 1.0

#: How long the end of the process waits for the first answer of a receiver, in seconds.
FIRST_ANSWER_SECONDS = 0.05

_log = logging.getLogger("clew")


class Outbox:
    """
    A queue of opaque records with one worker, which the first record starts.

    Args:
        send: hands over a batch on the worker's thread. `Courier` says what its answer and its
            errors bring about.
        spool: the disk; None keeps records in memory alone, and all else is the same. The outbox
            owns it.
        batch_count: the most records in a batch; as many waiting end the linger.
        batch_bytes: the most payload bytes in a batch; a larger record goes alone.
        linger_seconds: how long a record waits for company at most.
        max_memory_bytes: bound on payloads that wait in memory; what is beyond is read back from
            the spool. The batch in flight comes on top.
        overflow: what gives way at the bound of the spool, or of memory without one.
        block_seconds: with "block", how long `put` waits before the new record gives way.
        max_age_seconds: from this age on, a record that fails is not tried again.
        dead_letter: takes what is given up; called on the worker's thread.
        on_loss: told the cause and number of losses, on the thread that noticed them.
        lost: told there, too, what each was, as far as that is known.
        backoff: the waits between attempts.
        clock: the wall clock, for the age of records.
        timing: the monotonic clock, for all waiting.
    """

    def __init__(
        self,
        send: Send,
        *,
        spool: Spool | None = None,
        batch_count: int = 500,
        batch_bytes: int = 512 * 1024,
        linger_seconds: float = 0.05,
        max_memory_bytes: int = 16 * 1024 * 1024,
        overflow: Overflow = "drop_oldest",
        block_seconds: float = 1.0,
        max_age_seconds: float = 86_400.0,
        dead_letter: DeadLetter | None = None,
        on_loss: OnLoss | None = None,
        lost: Lost | None = None,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
        timing: Timing | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._now = clock.now
        self._timing = timing or MonotonicTiming()
        self._spool = spool
        self._synced_spool = spool if spool is not None and spool.durability == "disk" else None
        self._overflow = overflow
        self._block_seconds = block_seconds
        self._losses = Losses(on_loss, lost=lost, now=self._timing.now)
        self._backlog = Backlog(spool, max_memory_bytes=max_memory_bytes, losses=self._losses)
        self._worker = Worker(
            send,
            self._backlog,
            adopt=self.adopt,
            batch_count=batch_count,
            batch_bytes=batch_bytes,
            linger_seconds=linger_seconds,
            max_age_seconds=max_age_seconds,
            dead_letter=dead_letter,
            losses=self._losses,
            backoff=backoff or Backoff(),
            clock=clock,
            timing=self._timing,
        )
        self._closed = False
        self._adopting = RLock()
        # The thread that is in the middle of adding a record.
        self._adding: int | None = None
        # What a signal handler has put meanwhile, and when.
        self._interrupting: deque[tuple[bytes, float]] = deque()
        register(self)

    @property
    def losses(self) -> Counter[str]:
        """How many records were lost so far, by cause."""
        return self._losses.counts

    @property
    def pending(self) -> int:
        """How many records are neither delivered nor given up."""
        with self._worker.lock:
            return self._worker.pending + len(self._interrupting)

    @property
    def endangered(self) -> int:
        """How many of those memory alone has: they end with the process."""
        with self._worker.lock:
            return self._bare()

    @property
    def trouble(self) -> str | None:
        """Why nothing is taken at present, in words; None as far as all is well."""
        return self._worker.trouble

    def lose(self, cause: str) -> None:
        """Count what was lost before it could be put, with what is lost here."""
        with self._worker.lock:
            self._losses.add(cause)
        self._losses.tell()

    def put(self, payload: bytes, *, waits: bool = True) -> bool:
        """
        Make a record safe and have it delivered; false if it was lost, which is counted.

        The very bytes are kept in memory until they are delivered, so they should be no larger than
        they look (`clew.items.encoded`).

        It survives the death of the process once this returns, or a loss of power with a spool of
        durability "disk"; in a signal handler that has interrupted another `put` of its thread,
        once that one goes on.

        Args:
            waits: whether to wait for room where that is what overflow means; else this one gives
                way.

        Raises:
            ClosedError: after `close`.
        """
        at = self._now()
        with self._worker.lock:
            if self._closed:
                raise ClosedError("put() after close(): open a new outbox")
            if self._adding is not None:  # by this thread, which a signal has interrupted
                self._interrupting.append((payload, at))
                return True
            try:
                taken = self._take_in(payload, at, waits=waits)
            finally:
                if self._interrupting:
                    self._take_in_late()
                self._worker.notice()
        if self._synced_spool is not None:
            self._synced_spool.sync()
        self._losses.tell()
        return taken

    @property
    def is_closed(self) -> bool:
        """Whether it takes no more records, and has let go of the spool or is about to."""
        return self._closed

    def adopt(self, seconds: float = ADOPTING_SECONDS) -> int:
        """
        Take over what dead processes left in the spool's folder; the answer is how many records.

        Each is adopted once, however many processes try. They are delivered after what was put
        before; `flush` waits for them.

        Args:
            seconds: after this long, what is left is left for another time.
        """
        end = self._timing.now() + seconds
        # Whoever flushes must not miss what another thread is about to adopt.
        if self._spool is None or not self._adopting.acquire(timeout=seconds):
            return 0
        count = 0
        try:
            for path in self._spool.orphans():
                adopted = self._adopt(path)
                count += adopted
                if adopted and self._timing.now() >= end:
                    break
        finally:
            self._adopting.release()
        return count

    def flush(self, timeout: float) -> int:
        """
        Deliver at once all that was put before, and what dead processes left.

        The answer is 0, or how many records remain. In a signal handler that has interrupted a
        `put` nothing can be waited for, and all remain.

        Args:
            timeout: the most to wait, in seconds; it is kept whatever the receiver does.
        """
        if self._closed or self._is_adding():
            return self.pending
        deadline = self._timing.now() + timeout
        with self._worker.lock:
            self._take_in_late()
        self.adopt(timeout)
        return self._worker.flush(max(0.0, deadline - self._timing.now()))

    def close(self, timeout: float) -> int:
        """
        Take no more records, flush, and let go of the spool; the answer is as that of `flush`.

        What remains is adopted by whoever opens the folder next; without a spool it is lost. A
        second call does nothing; nor does one in a signal handler that has interrupted a `put`,
        which the end of the process makes up for.
        """
        deadline = self._timing.now() + timeout
        with self._worker.lock:
            if self._closed or self._is_adding():
                return self.pending
            self._take_in_late()
        self.adopt(timeout)
        with self._worker.lock:
            if self._closed:
                return self._worker.pending
            self._closed = True
            self._worker.progress.notify_all()  # whoever blocks in put() gives up
        remaining = self._worker.flush(max(0.0, deadline - self._timing.now()))
        self._worker.stop(max(0.0, deadline - self._timing.now()))
        with self._worker.lock:
            self._losses.add("closed" if self._spool is None else "no_disk", self._bare())
            if self._spool is not None:
                self._spool.close()
        self._losses.tell()
        if remaining and self._spool is not None:
            _log.warning(
                "%d facts were not delivered yet; those that are in %s wait for the next start",
                remaining,
                self._spool.directory,
            )
        return remaining

    def before_fork(self) -> None:
        """Let no record be half put in the child."""
        self._worker.lock.acquire()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._worker.lock.release()

    def after_fork_in_child(self) -> None:
        """Start empty: what waits is the parent's to deliver, and what was lost was lost there."""
        self._adding = None
        self._interrupting.clear()
        self._adopting = RLock()
        self._worker.start_over()
        self._backlog.clear()
        self._losses.clear()

    def at_exit(self, seconds: float, /) -> None:
        """
        Deliver what so little time allows; the rest is on disk, if there is one, for others.

        A receiver that is silent for longer than that, or does not answer at all, is not waited
        for: what the disk has is safe. What memory alone has is worth all of the time.
        """
        if self._closed:
            return
        if self.endangered:
            self._worker.flush(seconds)
        else:
            self._worker.flush(seconds, answer=seconds, first_answer=FIRST_ANSWER_SECONDS)
        with self._worker.lock:
            self._losses.add("closed" if self._spool is None else "no_disk", self._bare())
            if self._spool is not None and not self._worker.pending:
                self._spool.close()
        self._losses.tell()

    def _adopt(self, path: Path) -> int:
        with self._worker.lock:
            extent = (
                self._spool.adopt(path) if self._spool is not None and not self._closed else None
            )
        if extent is None:
            return 0
        try:
            count = count_records(extent)  # without the lock, for this reads the whole file
        except OSError:
            return 0  # closed meanwhile, or unreadable; the next process may have better luck
        with self._worker.lock:
            self._backlog.add_extent(extent, count)
            self._worker.notice()
        return count

    def _bare(self) -> int:
        return self._worker.in_flight.bare + self._backlog.bare() + len(self._interrupting)

    def _is_adding(self) -> bool:
        """Whether this is a signal handler in the middle of `put`."""
        return self._adding == get_ident()

    def _take_in(self, payload: bytes, at: float, *, waits: bool = True) -> bool:
        """Add a record, making room if need be. The caller holds the lock."""
        self._adding = get_ident()
        try:
            cause = self._backlog.add(payload, at)
            return cause is None or self._insist(payload, at, cause, waits=waits)
        except BaseException:  # a signal handler's, at any point of it
            self._backlog.recount()
            raise
        finally:
            self._adding = None

    def _take_in_late(self) -> None:
        """Add what signal handlers have put meanwhile. The caller holds the lock."""
        while self._interrupting:
            late = self._interrupting[0]
            self._take_in(*late)
            with suppress(ValueError):  # another handler has done the same
                self._interrupting.remove(late)

    def _insist(self, payload: bytes, at: float, cause: str | None, *, waits: bool) -> bool:
        """Make room for a record that found none, and add it, if that may be."""
        deadline = self._timing.now() + (self._block_seconds if waits else 0.0)
        while cause is not None:
            if not self._make_room(cause, deadline):
                self._losses.add(cause, payload=payload)
                return False
            cause = self._backlog.add(payload, at)
        return True

    def _make_room(self, cause: str, deadline: float) -> bool:
        """Have the oldest record give way, or the caller; whether it is worth trying again."""
        if cause == "too_large":
            return False
        if (
            self._overflow == "drop_oldest"
            and (dropped := self._backlog.drop_oldest(cause)) is not None
        ):
            self._losses.add(cause, payload=dropped)
            self._worker.progress.notify_all()
            return True
        if self._overflow == "block" and (left := deadline - self._timing.now()) > 0:
            self._adding = None  # others may, and so may a handler
            self._timing.wait(self._worker.progress, left)
            self._adding = get_ident()
            return not self._closed
        return False
