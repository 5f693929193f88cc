"""
Records that follow each other, handled together: as they were put, as they lie on disk, as they go.

A record costs what it costs to keep apart from its neighbours, and hardly ever is it treated apart
from them. So the queue and the batches are made of stretches, and a record has no object of its
own.
"""

from collections.abc import Collection, Iterator
from itertools import groupby
from typing import Self, TypeAlias

from attrs import define

from clew.delivery.segment import Extent, Segment

__all__ = ["Batch", "Entry", "Stretch"]

#: Records of one stretch, so that the oldest can be taken out of it at little cost.
_RECORDS_MAX = 1_000

Entry: TypeAlias = tuple[bytes, float, int]
"""A payload, when it was put (seconds since the epoch), and where it ends on disk."""


@define(eq=False)
class Stretch:
    """Records whose tickets follow each other, and which lie one behind the other on disk."""

    #: The place of the first in the order of putting.
    ticket: int
    #: The file that has them; None if memory alone does.
    segment: Segment | None
    #: Where the first begins there.
    start: int
    entries: list[Entry]

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def end(self) -> int:
        """Where the last ends on disk."""
        return self.entries[-1][2] if self.entries else self.start

    @property
    def size(self) -> int:
        """The bytes of the payloads."""
        return sum([len(entry[0]) for entry in self.entries])

    def takes(self, segment: Segment | None, start: int) -> bool:
        """Whether a record that begins there may follow."""
        entries = self.entries
        return segment is self.segment and start == entries[-1][2] and len(entries) < _RECORDS_MAX

    def part(self, first: int, stop: int) -> "Stretch":
        """Give some of the records, by their positions here."""
        start = self.entries[first - 1][2] if first else self.start
        return Stretch(self.ticket + first, self.segment, start, self.entries[first:stop])

    def cut(self, count: int) -> "Stretch":
        """Remove the first records and give them."""
        head = self.part(0, count)
        self.start = head.end
        self.ticket += count
        del self.entries[:count]
        return head


class Batch:
    """Records that were taken together, of one stretch as a rule; it never changes."""

    def __init__(self, stretches: Collection[Stretch] = ()) -> None:
        self._stretches = stretches

    def __len__(self) -> int:
        return sum([len(stretch) for stretch in self._stretches])

    @property
    def payloads(self) -> list[bytes]:
        """What is to be sent, in order."""
        return [entry[0] for stretch in self._stretches for entry in stretch.entries]

    @property
    def instants(self) -> list[float]:
        """When each was put, in seconds since the epoch."""
        return [entry[1] for stretch in self._stretches for entry in stretch.entries]

    @property
    def tickets(self) -> Iterator[int]:
        """The places in the order of putting."""
        for stretch in self._stretches:
            yield from range(stretch.ticket, stretch.ticket + len(stretch))

    @property
    def extents(self) -> list[Extent]:
        """Where those lie that are on disk."""
        return [
            Extent(stretch.segment, stretch.start, stretch.end)
            for stretch in self._stretches
            if stretch.segment is not None
        ]

    @property
    def bare(self) -> int:
        """How many memory alone has."""
        return sum([len(stretch) for stretch in self._stretches if stretch.segment is None])

    def only(self, positions: Collection[int]) -> Self:
        """Give those at some positions, in their order."""
        chosen = frozenset(positions)
        parts: list[Stretch] = []
        before = 0
        for stretch in self._stretches:
            inside = [n for n in range(len(stretch)) if before + n in chosen]
            before += len(stretch)
            # Positions that follow each other are as far from their places here as their neighbours
            # are.
            for _, run in groupby(enumerate(inside), lambda pair: pair[1] - pair[0]):
                together = [n for _, n in run]
                parts.append(stretch.part(together[0], together[-1] + 1))
        return type(self)(parts)

    def without(self, other: Self) -> Self:
        """Give those that are not in another batch, which has none that is not here."""
        if not other:
            return self
        if len(other) == len(self):
            return type(self)()
        gone = frozenset(other.tickets)
        return self.only([n for n, ticket in enumerate(self.tickets) if ticket not in gone])
