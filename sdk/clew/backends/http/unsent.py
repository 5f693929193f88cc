"""
The signals that the server does not have yet, so that a decision can bring them along (RULES F4).

Bounded, in number and in bytes: beyond the bounds the oldest are forgotten here. They are delivered
none the less, and the server's decision merely learns of them a moment later.

An application that emits much decides seldom, so noting a signal costs next to nothing; whose it is
is looked up when a decision asks.
"""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["Unsent"]

#: Signals that are remembered, in all and of one subject.
SIGNALS_MAX = 10_000
SIGNALS_OF_ONE_MAX = 50
#: Signals that wait to be sorted by subject; those come on top, and are small.
UNSORTED_MAX = 2_000
SMALL_BYTES = 2_048
#: Bytes of what is remembered, and of what one decision brings along, which has to get through in
#: the time that a page waits.
BYTES_MAX = 4 * 1024 * 1024
CARRIED_BYTES_MAX = 128 * 1024


_Signal: TypeAlias = tuple[str, str, bytes]
"""Its id, its subject, and the batch item that tells of it."""


class Unsent:
    """Remembers signals by subject, as they are sent, until their delivery is confirmed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        #: In the order in which they were added, until somebody asks; others add to it any time.
        self._new: deque[_Signal] = deque()
        self._subjects: OrderedDict[str, str] = OrderedDict()
        self._signals: dict[str, dict[str, bytes]] = {}
        #: Of what is sorted.
        self._bytes = 0

    def add(self, name: str, subject: str, item: bytes) -> None:
        """Remember a signal by its id; it is in an encoded batch item."""
        self._new.append((name, subject, item))
        # Else one subject's could push out everybody's, or large ones take any memory.
        # But a signal handler that adds in the middle of another call must not wait for that.
        is_much = len(self._new) > UNSORTED_MAX or len(item) > SMALL_BYTES
        if is_much and not self._lock.locked():
            with self._lock:
                self._sort()

    def of(self, subjects: Iterable[str | None]) -> list[bytes]:
        """Give what the server may not know of some subjects, each one's oldest first."""
        with self._lock:  # also to find nothing: what is being sorted is in neither place
            self._sort()
            found = [
                item
                for subject in subjects
                if subject is not None
                for item in self._signals.get(subject, {}).values()
            ]
        size = 0
        for place, item in enumerate(reversed(found)):
            size += len(item)
            if size > CARRIED_BYTES_MAX:
                return found[len(found) - place :]
        return found

    def drop(self, subjects: Iterable[str | None]) -> None:
        """Forget all of some subjects: no decision can bring it along."""
        with self._lock:
            self._sort()
            for subject in subjects:
                for name in tuple(self._signals.get(subject or "", ())):
                    self._forget(name)

    def settle(self, ids: Iterable[str]) -> None:
        """Forget what the server has taken or refused."""
        with self._lock:
            settled = frozenset(ids)
            self._pass_over(settled)
            if self._subjects:
                for name in settled:
                    self._forget(name)

    def _pass_over(self, settled: frozenset[str]) -> None:
        """Drop what nobody has asked for: what is settled is nearly always what came first."""
        new, left = self._new, set(settled)
        # An id that was given twice comes twice, perhaps behind all others.
        while new and (left or new[0][0] in settled):
            signal = new.popleft()
            if signal[0] not in settled:
                self._enter(signal)
                self._sort()
                break
            left.discard(signal[0])

    def _sort(self) -> None:
        """Enter what is new by subject."""
        new = self._new
        while new:
            self._enter(new.popleft())

    def _enter(self, signal: _Signal) -> None:
        name, subject, item = signal
        self._forget(name)  # an id that was given twice
        self._subjects[name] = subject
        held = self._signals.setdefault(subject, {})
        held[name] = item
        self._bytes += len(item)
        if len(held) > SIGNALS_OF_ONE_MAX:
            self._forget(next(iter(held)))
        while len(self._subjects) > SIGNALS_MAX or self._bytes > BYTES_MAX:
            self._forget(next(iter(self._subjects)))

    def _forget(self, name: str) -> None:
        subject = self._subjects.pop(name, None)
        if subject is None:
            return
        held = self._signals[subject]
        self._bytes -= len(held.pop(name))
        if not held:
            del self._signals[subject]
