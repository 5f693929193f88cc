"""
What waits to be delivered: one queue over memory and disk, in the order in which it was put.

A record stays in memory while there is room; beyond that only its place in the spool is kept, and
it is read back when its turn comes. A spool that refuses (or that there is none) leaves memory
alone, with its own bound. Not safe for threads: the outbox calls it under its lock.
"""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from attrs import define

from clew.delivery.frames import FRAME_BYTES
from clew.delivery.losses import Losses
from clew.delivery.segment import Extent, Segment
from clew.delivery.spool import Spool

__all__ = ["Backlog", "Record", "count_records"]

_READ_BYTES = 64 * 1024
_log = logging.getLogger("clew")


class Record(NamedTuple):
    """A payload on its way."""

    #: Its place in the order of putting.
    ticket: int
    payload: bytes
    #: When it was put, in seconds since the epoch.
    at: float
    #: Where it is on disk; None if memory alone has it.
    extent: Extent | None


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
        #: The largest payload that can ever fit, in bytes.
        self.largest = max_memory_bytes
        if spool is not None:
            self.largest = min(max_memory_bytes, spool.max_bytes - FRAME_BYTES)
        self._spool = spool
        self._losses = losses
        self._max_memory_bytes = max_memory_bytes
        self._items: deque[Record | _Spilled] = deque()
        self._cached_bytes = 0
        self._bare_bytes = 0

    @property
    def oldest_ticket(self) -> int:
        """The ticket of the first record that waits; of the next one if none does."""
        return self._items[0].ticket if self._items else self.next_ticket

    def add(self, payload: bytes, at: float) -> str | None:
        """
        Take a record and make it safe; the answer is None, or the cause for which there is no room.

        The causes are "overflow" (the bound) and "no_disk" (the bound on memory while the disk
        refuses).
        """
        spool, size, extent = self._spool, len(payload), None
        if spool is not None:
            if not spool.has_room(size):
                return "overflow"
            extent = spool.append(payload, at)
        if extent is None and self._bare_bytes + size > self._max_memory_bytes:
            return "overflow" if spool is None else "no_disk"
        if extent is not None and self._cached_bytes + size > self._max_memory_bytes:
            self._spill(extent)
        else:
            # A copy, for an encoder's buffer may take kilobytes however short the payload is.
            held = bytes(memoryview(payload))
            self._items.append(Record(self.next_ticket, held, at, extent))
            self._weigh(size, extent)
        self.next_ticket += 1
        self.count += 1
        return None

    def add_extent(self, extent: Extent, count: int) -> None:
        """Take records that are on disk already, as they were adopted."""
        self._items.append(_Spilled(self.next_ticket, count, extent))
        self.next_ticket += count
        self.count += count

    def take(self, max_count: int, max_bytes: int) -> list[Record]:
        """
        Remove the oldest records, as many as the bounds allow and at least one if there is one.

        They stay on disk until they are settled.
        """
        batch: list[Record] = []
        size = 0
        while len(batch) < max_count and (record := self._first()) is not None:
            size += len(record.payload)
            if batch and size > max_bytes:
                break
            self._items.popleft()
            self._forget(record)
            batch.append(record)
        return batch

    def settle(self, records: Iterable[Record]) -> None:
        """Records that were taken are delivered or given up: the disk need not keep them."""
        if self._spool is not None:
            self._spool.settle(_joined(records))

    def drop_oldest(self, cause: str) -> bool:
        """
        Give up the oldest record that stands in the way of `add`, for the cause that it answered.

        False if none does. While the disk refuses (or there is none) that is the oldest that memory
        alone has, for it is memory that is short; otherwise the oldest of all.
        """
        if self._spool is None or cause == "no_disk":
            return self._drop_bare()
        while (record := self._first()) is not None:
            self._items.popleft()
            self._forget(record)
            self.settle([record])
            return True
        return False

    def bare(self) -> int:
        """How many records memory alone has."""
        return sum(isinstance(item, Record) and item.extent is None for item in self._items)

    def clear(self) -> None:
        """In a forked child: what waits is the parent's to deliver."""
        self._items.clear()
        self.count = self._cached_bytes = self._bare_bytes = 0
        if self._spool is not None:
            self._spool.forget()

    def _drop_bare(self) -> bool:
        for index, item in enumerate(self._items):
            if isinstance(item, Record) and item.extent is None:
                del self._items[index]
                self._forget(item)
                return True
        return False

    def _weigh(self, size: int, extent: Extent | None) -> None:
        if extent is None:
            self._bare_bytes += size
        else:
            self._cached_bytes += size

    def _forget(self, record: Record) -> None:
        self.count -= 1
        self._weigh(-len(record.payload), record.extent)

    def _spill(self, extent: Extent) -> None:
        last = self._items[-1] if self._items else None
        if (
            isinstance(last, _Spilled)
            and last.extent.segment is extent.segment
            and last.extent.end == extent.start
        ):
            last.extent = last.extent._replace(end=extent.end)
            last.count += 1
        else:
            self._items.append(_Spilled(self.next_ticket, 1, extent))

    def _first(self) -> Record | None:
        """The oldest record, read back from the disk if need be; it stays in the queue."""
        while self._items:
            item = self._items[0]
            if isinstance(item, Record):
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
        records = [
            Record(
                spilled.ticket + n, frame.payload, frame.at, Extent(segment, frame.start, frame.end)
            )
            for n, frame in enumerate(found.frames)
        ]
        if (
            records and found.consumed == end
        ):  # what is cut short at the end goes with the last record
            records[-1] = records[-1]._replace(extent=Extent(segment, found.frames[-1].start, end))
        left = 0
        if found.consumed < end:
            left = max(spilled.count - len(records), 1)
            rest = Extent(segment, found.consumed, end)
            self._items.appendleft(_Spilled(spilled.ticket + len(records), left, rest))
        elif not records and self._spool is not None:
            self._spool.settle([spilled.extent])
        self.count += len(records) + left - spilled.count
        for record in reversed(records):
            self._items.appendleft(record)
            self._weigh(len(record.payload), record.extent)


def _joined(records: Iterable[Record]) -> Iterator[Extent]:
    """Where records are on disk; those that follow each other, as most do, as one stretch."""
    segment: Segment | None = None
    start = end = 0
    for record in records:
        extent = record.extent
        if extent is None:
            continue
        if extent.segment is segment and extent.start == end:
            end = extent.end
            continue
        if segment is not None:
            yield Extent(segment, start, end)
        segment, start, end = extent
    if segment is not None:
        yield Extent(segment, start, end)


def count_records(extent: Extent) -> int:
    """
    How many sound records a stretch of a file holds; reads all of it.

    Raises:
        OSError: the disk refuses.
    """
    segment, start, end = extent
    return len(segment.read(start, end, end - start).frames)
