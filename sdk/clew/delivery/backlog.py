"""
What waits to be delivered: one queue over memory and disk, in the order in which it was put.

A record stays in memory while there is room; beyond that only its place in the spool is kept, and
it is read back when its turn comes. A spool that refuses (or that there is none) leaves memory
alone, with its own bound. Not safe for threads: the outbox calls it under its lock.
"""

import logging
from collections import deque

from attrs import define

from clew.delivery.frames import FRAME_BYTES
from clew.delivery.losses import Losses
from clew.delivery.segment import Extent, Segment
from clew.delivery.spool import Spool
from clew.delivery.stretch import Batch, Stretch

__all__ = ["Backlog", "count_records"]

_READ_BYTES = 64 * 1024
_log = logging.getLogger("clew")


@define
class _Spilled:
    """Records that only the disk has."""

    ticket: int
    count: int
    extent: Extent


class Backlog:
    """
    A bounded queue of records.

    Args:
        spool: where records are made safe; None keeps them in memory alone.
        max_memory_bytes: bound on payloads in memory that the disk has too, and likewise on those
            that it has not; so twice this while the disk refuses.
        losses: what is unreadable is counted here.
    """

    def __init__(self, spool: Spool | None, *, max_memory_bytes: int, losses: Losses) -> None:
        #: How many records wait.
        self.count = 0
        #: The place in order of the next record.
        self.next_ticket = 0
        # What the disk has room for, in bytes, and the largest payload that can ever fit.
        self._room = 0 if spool is None else spool.max_bytes - FRAME_BYTES
        self._largest = max_memory_bytes if spool is None else min(max_memory_bytes, self._room)
        self._spool = spool
        self._losses = losses
        self._max_memory_bytes = max_memory_bytes
        self._items: deque[Stretch | _Spilled] = deque()
        # The last of them, if the next record may follow in it.
        self._open: Stretch | None = None
        self._cached_bytes = 0
        self._bare_bytes = 0

    @property
    def oldest_ticket(self) -> int:
        """The ticket of the first record that waits; of the next one if none does."""
        return self._items[0].ticket if self._items else self.next_ticket

    def add(self, payload: bytes, at: float) -> str | None:
        """
        Take a record and make it safe; the answer is None, or the cause for which there is no room.

        The causes are "too_large" (there never will be), "overflow" (the bound) and "no_disk" (the
        bound on memory while the disk refuses).
        """
        spool, size, segment, start, end = self._spool, len(payload), None, 0, 0
        if size > self._largest:
            return "too_large"
        if spool is not None:
            if spool.pending_bytes + size > self._room:
                return "overflow"
            segment = spool.append(payload, at)
        if segment is None:
            if self._bare_bytes + size > self._max_memory_bytes:
                return "overflow" if spool is None else "no_disk"
            self._bare_bytes += size
        else:
            end = segment.size
            start = end - FRAME_BYTES - size
            if self._cached_bytes + size > self._max_memory_bytes:
                self._spill(segment, start, end)
                return None
            self._cached_bytes += size
        entry = (payload, at, end)
        stretch = self._open
        if stretch is not None and stretch.takes(segment, start):
            stretch.entries.append(entry)
        else:
            self._open = stretch = Stretch(self.next_ticket, segment, start, [entry])
            self._items.append(stretch)
        self.next_ticket += 1
        self.count += 1
        return None

    def add_extent(self, extent: Extent, count: int) -> None:
        """Take records that are on disk already, as they were adopted."""
        self._items.append(_Spilled(self.next_ticket, count, extent))
        self._open = None
        self.next_ticket += count
        self.count += count

    def take(self, max_count: int, max_bytes: int) -> Batch:
        """
        Remove the oldest records, as many as the bounds allow and at least one if there is one.

        They stay on disk until they are settled.
        """
        taken: list[Stretch] = []
        while max_count > 0 and (stretch := self._first()) is not None:
            count = _fitting(stretch, max_count, max_bytes, at_least=0 if taken else 1)
            if not count:
                break
            head = self._cut(stretch, count)
            taken.append(head)
            max_count -= count
            max_bytes -= head.size
        return Batch(taken)

    def settle(self, batch: Batch) -> None:
        """Records that were taken are delivered or given up: the disk need not keep them."""
        if self._spool is not None:
            self._spool.settle(batch.extents)

    def drop_oldest(self, cause: str) -> bytes | None:
        """
        Give up the oldest record that stands in the way of `add`, for the cause that it answered.

        Gives its payload; None if none does. While the disk refuses (or there is none) that is the
        oldest that memory alone has, for it is memory that is short; otherwise the oldest of all.
        """
        if self._spool is None or cause == "no_disk":
            return self._drop_bare()
        stretch = self._first()
        if stretch is None:
            return None
        dropped = Batch([self._cut(stretch, 1)])
        self.settle(dropped)
        return dropped.payloads[0]

    def bare(self) -> int:
        """How many records memory alone has."""
        return sum(
            len(item) for item in self._items if isinstance(item, Stretch) and item.segment is None
        )

    def recount(self) -> None:
        """Be right again about what waits, after an exception of a signal handler's in `add`."""
        held = [item for item in self._items if isinstance(item, Stretch)]
        self._open = None
        self.count = sum(
            len(item) if isinstance(item, Stretch) else item.count for item in self._items
        )
        self._bare_bytes = sum(item.size for item in held if item.segment is None)
        self._cached_bytes = sum(item.size for item in held if item.segment is not None)
        if held:
            self.next_ticket = max(self.next_ticket, held[-1].ticket + len(held[-1]))

    def clear(self) -> None:
        """In a forked child: what waits is the parent's to deliver."""
        self._items.clear()
        self._open = None
        self.count = self._cached_bytes = self._bare_bytes = 0
        if self._spool is not None:
            self._spool.forget()

    def _drop_bare(self) -> bytes | None:
        for item in self._items:
            if isinstance(item, Stretch) and item.segment is None:
                return self._cut(item, 1).entries[0][0]
        return None

    def _cut(self, stretch: Stretch, count: int) -> Stretch:
        """Remove the first records of a stretch from the queue, or all of it."""
        if count < len(stretch):
            head = stretch.cut(count)
        else:  # as it is: a stretch in the queue is never empty, whatever interrupts this
            head = stretch
            if stretch is self._open:
                self._open = None
            if stretch is self._items[0]:
                self._items.popleft()
            else:
                self._items.remove(stretch)
        size = head.size
        self.count -= count
        if head.segment is None:
            self._bare_bytes -= size
        else:
            self._cached_bytes -= size
        return head

    def _spill(self, segment: Segment, start: int, end: int) -> None:
        """Leave a record to the disk alone."""
        last = self._items[-1] if self._items else None
        if (
            isinstance(last, _Spilled)
            and last.extent.segment is segment
            and last.extent.end == start
        ):
            last.extent = last.extent._replace(end=end)
            last.count += 1
        else:
            self._items.append(_Spilled(self.next_ticket, 1, Extent(segment, start, end)))
        self._open = None
        self.next_ticket += 1
        self.count += 1

    def _first(self) -> Stretch | None:
        """The oldest records, read back from the disk if need be; they stay in the queue."""
        while self._items:
            item = self._items[0]
            if isinstance(item, Stretch):
                return item
            self._items.popleft()
            self._read_back(item)
        return None

    def _read_back(self, spilled: _Spilled) -> None:
        """
        Put the first records of a stretch on disk at the head of the queue, then its remainder.
        """
        segment, start, end = spilled.extent
        try:
            found = segment.read(start, end, _READ_BYTES)
        except OSError as error:
            _log.warning("%s: %d records cannot be read: %s", segment.path, spilled.count, error)
            # Not settled: the file stays, and a later process may be able to read it.
            self.count -= spilled.count
            self._losses.add("corrupt")
            return
        if found.damaged:
            self._losses.add("corrupt", found.damaged)
            _log.warning("%s: records behind byte %d are unreadable", segment.path, start)
        entries = [(frame.payload, frame.at, frame.end) for frame in found.frames]
        if entries and found.consumed == end:  # what is cut short at the end goes with the last one
            entries[-1] = (*entries[-1][:2], end)
        left = 0
        if found.consumed < end:
            left = max(spilled.count - len(entries), 1)
            rest = Extent(segment, found.consumed, end)
            self._items.appendleft(_Spilled(spilled.ticket + len(entries), left, rest))
        elif not entries and self._spool is not None:
            self._spool.settle([spilled.extent])
        self.count += len(entries) + left - spilled.count
        if entries:
            stretch = Stretch(spilled.ticket, segment, start, entries)
            self._items.appendleft(stretch)
            self._cached_bytes += stretch.size


def _fitting(stretch: Stretch, max_count: int, max_bytes: int, *, at_least: int) -> int:
    """How many of the first records keep the bounds."""
    count = 0
    for entry in stretch.entries[:max_count]:
        max_bytes -= len(entry[0])
        if max_bytes < 0 and count >= at_least:
            break
        count += 1
    return count


def count_records(extent: Extent) -> int:
    """
    How many sound records a stretch of a file holds; reads all of it.

    Raises:
        OSError: the disk refuses.
    """
    segment, start, end = extent
    return len(segment.read(start, end, end - start).frames)
