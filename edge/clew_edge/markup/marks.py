"""
Finds the slots that a template of ours marked by comments which only it can write.

::

    <!--clew:NONCE:NAME-->default<!--/clew:NONCE-->

The nonce is drawn per response, so nothing of a visitor can hold it and no tokenizer is needed:
one `bytes.find` per chunk is exact. Marks may nest; the outer slot then holds the inner.
"""

import re

from attrs import frozen

from clew_edge.markup.holding import Hold, Piece, Whole
from clew_edge.markup.slots import SLOT_NAME, Slot

__all__ = ["Marks"]

#: The rest of an opening mark, and what may be a part of it.
_NAME = re.compile(rb"(%b)-->" % SLOT_NAME.pattern)
_PART_OF_NAME = re.compile(rb"(?:%b)?-{0,2}" % SLOT_NAME.pattern)
#: No name of a slot is longer.
_MAX_NAME = 128


@frozen
class _Mark:
    """A comment mark in the bytes at hand."""

    start: int
    end: int
    #: Of an opening mark, the slot's name.
    name: str | None = None


class Marks:
    """Reads one page for the marks of one nonce."""

    def __init__(self, nonce: bytes) -> None:
        self._needle = b"clew:" + nonce
        self._opening = b"<!--clew:" + nonce + b":"
        self._closing = b"<!--/clew:" + nonce + b"-->"
        #: The longest beginning of a mark that is not yet one.
        self._reach = max(len(self._opening) + _MAX_NAME + len("--"), len(self._closing) - 1)
        #: The end of the bytes fed, which may be the beginning of a mark.
        self._kept = b""
        #: The offset in the page of the first byte that is not kept.
        self._offset = 0
        self._hold: Hold | None = None

    @property
    def has_slot(self) -> bool:
        """Whether a slot is open."""
        return self._hold is not None

    @property
    def is_open(self) -> bool:
        """Whether a slot is open, or what may be a mark."""
        return self.has_slot or bool(self._kept)

    def feed(self, chunk: bytes) -> list[Piece]:
        """Read a chunk; gives what is now known of the page, in order."""
        data = self._kept + chunk
        out: list[Piece] = []
        done = 0
        while mark := self._next(data, done):
            self._give(out, data[done : mark.start])
            self._meet(out, data[mark.start : mark.end], mark.name)
            done = mark.end
        rest = len(data) - self._unfinished(data, done)
        self._kept = data[rest:]
        self._give(out, data[done:rest])
        if self._hold and self._hold.is_over(self._offset, self._offset):
            self._give_up(out)
        return out

    def release(self) -> list[Piece]:
        """Give up the open slot; its bytes stay as they are."""
        out: list[Piece] = []
        self._give_up(out)
        return out

    def close(self) -> list[Piece]:
        """End the page; gives every byte that is left."""
        out = self.release()
        self._give(out, self._kept)
        self._kept = b""
        return out

    def _next(self, data: bytes, done: int) -> _Mark | None:
        """Find the next mark that is whole."""
        at = data.find(self._needle, done)
        while at >= 0:
            start = at - len(b"<!--")
            if start >= done and data.startswith(self._opening, start):
                name = _NAME.match(data, start + len(self._opening))
                if name:
                    return _Mark(start, name.end(), name[1].decode())
            elif start > done and data.startswith(self._closing, start - 1):
                return _Mark(start - 1, start - 1 + len(self._closing))
            at = data.find(self._needle, at + 1)
        return None

    def _meet(self, out: list[Piece], mark: bytes, name: str | None) -> None:
        start, end = self._offset, self._offset + len(mark)
        if self._hold:
            self._hold.count(closes=name is None)
            if self._hold.is_too_deep or self._hold.is_over(start, end):
                self._give_up(out)
        if self._hold is None and name:
            self._hold = Hold(name, since=end)
        self._give(out, mark)
        if self._hold and self._hold.has_ended:
            raw = self._hold.raw()
            opening = raw.index(b">") + 1
            slot = Slot(self._hold.name, raw[opening : -len(mark)])
            self._hold = None
            out.append(Whole(slot, raw))

    def _give(self, out: list[Piece], data: bytes) -> None:
        """Let bytes go out, or into the open slot."""
        self._offset += len(data)
        if data:
            (self._hold.pieces if self._hold else out).append(data)

    def _give_up(self, out: list[Piece]) -> None:
        if self._hold:
            out.extend(self._hold.pieces)
            self._hold = None

    def _unfinished(self, data: bytes, done: int) -> int:
        """Count the bytes at the end that may be the beginning of a mark."""
        at = data.rfind(b"<", max(done, len(data) - self._reach))
        if at < 0:
            return 0
        rest = data[at:]
        if rest.startswith(self._opening):
            name = _PART_OF_NAME.fullmatch(rest, len(self._opening))
            return len(rest) if name else 0
        begins = self._opening.startswith(rest) or self._closing.startswith(rest)
        return len(rest) if begins else 0
