"""
Finds the slots that stand in markup as elements, in pages we did not render.

::

    <clew-slot name="NAME">default</clew-slot>

A page without such an element costs one find per chunk: the tokenizer is behind, and reads what it
has not seen (references to chunks long given out) only when the name of the element turns up.
Between two chunks that have it the tokenizer falls behind again.

A slot that does not end within the bounds of `clew_edge.markup.slots`, or at all, is no slot: its
bytes pass as they stood. Slots of elements which were whole within it are not looked for again;
slots within it that open after it was given up are found.
"""

from clew_edge.markup.holding import Hold, Piece, Whole
from clew_edge.markup.slots import Slot
from clew_edge.markup.tokens import ELEMENT, Tag, Tokenizer

__all__ = ["Elements"]

#: Bytes of unread chunks up to which the tokenizer may fall behind, and what keeping one counts.
MAX_BEHIND = 2 * 1024 * 1024
_PER_CHUNK = 64

_BEGINNING = b"<" + ELEMENT


class Elements:
    """Reads one page, in which slots of comment marks may have been found, for elements."""

    def __init__(self, *, wanted: bool = True) -> None:
        #: Whether elements are slots; if not, all that can be asked is `at_text`.
        self._wanted = wanted
        self._tokens = Tokenizer()
        self._behind: list[bytes] = []
        self._behind_size = 0
        #: The last bytes of the page, in which the element's name may have begun.
        self._edge = b""
        self._hold: Hold | None = None

    @property
    def at_text(self) -> bool:
        """Whether the page is in ordinary markup and in no slot; reads what was left unread."""
        if self._hold is not None:
            return False
        self._catch_up()
        return self._tokens.at_text

    @property
    def has_slot(self) -> bool:
        """Whether a slot is open."""
        return self._hold is not None

    def feed(self, piece: Piece) -> list[bytes | Slot]:
        """Read a piece of the page; gives what may go out now, in order."""
        out: list[bytes | Slot] = []
        if not isinstance(piece, bytes):
            self._pass_whole(out, piece)
        elif self._may_matter(piece):
            self._catch_up()
            self._read(out, piece)
        else:
            self._fall_behind(piece)
            self._give(out, piece)
        return out

    def release(self) -> list[bytes | Slot]:
        """Give up the open slot; its bytes stay as they are."""
        out: list[bytes | Slot] = []
        self._give_up(out)
        return out

    def _may_matter(self, chunk: bytes) -> bool:
        """Whether the tokenizer has to read the chunk now."""
        if not self._wanted:
            return False
        edge = self._edge + chunk[: len(_BEGINNING)]
        self._edge = (edge if len(chunk) < len(_BEGINNING) else chunk)[1 - len(_BEGINNING) :]
        return (
            self._hold is not None
            or self._tokens.tag_start is not None
            or _BEGINNING in chunk.lower()
            or _BEGINNING in edge.lower()
        )

    def _fall_behind(self, chunk: bytes) -> None:
        self._behind.append(chunk)
        self._behind_size += len(chunk) + _PER_CHUNK
        if self._behind_size > MAX_BEHIND:
            self._catch_up()

    def _catch_up(self) -> None:
        """Read what was left unread; no slot can begin in it."""
        if self._behind:
            unread = b"".join(self._behind)
            self._behind.clear()
            self._behind_size = 0
            for _ in self._tokens.feed(unread):
                pass

    def _read(self, out: list[bytes | Slot], chunk: bytes) -> None:
        base, done = self._tokens.offset, 0
        for tag in self._tokens.feed(chunk):
            self._count(out, tag)
            end = tag.end - base
            if self._hold and self._hold.has_ended:
                self._give(out, chunk[done:end])
                self._end(out, tag)
                done = end
            elif self._hold is None and tag.slot:
                self._give(out, chunk[done:end])
                self._hold = Hold(tag.slot, since=tag.end)
                done = end
        self._give(out, chunk[done:])
        if self._hold and self._hold.is_over(self._tokens.settled, self._tokens.offset):
            self._give_up(out)

    def _count(self, out: list[bytes | Slot], tag: Tag) -> None:
        if self._hold:
            self._hold.count(closes=tag.closes)
            if self._hold.is_too_deep or self._hold.is_over(tag.start, tag.end):
                self._give_up(out)

    def _end(self, out: list[bytes | Slot], tag: Tag) -> None:
        if self._hold:
            raw, length = self._hold.raw(), tag.start - self._hold.since
            out += [Slot(self._hold.name, raw[:length]), raw[length:]]
            self._hold = None

    def _pass_whole(self, out: list[bytes | Slot], whole: Whole) -> None:
        opening, closing = whole.opening(), whole.closing()
        marks = opening + closing
        self._edge = b""
        if self._hold is None and self._tokens.tag_start is None:
            self._fall_behind(marks)
        else:
            self._catch_up()
            for _ in self._tokens.feed(marks):
                self._give_up(out)  # the tag of a slot that ends in a mark is no tag of ours
            self._tokens.skip(len(whole.raw) - len(marks))
        if self._hold:
            self._hold.pieces.append(whole)
        else:
            out += [opening, whole.slot, closing]

    def _give(self, out: list[bytes | Slot], data: bytes) -> None:
        """Let bytes go out, or into the open slot."""
        if data:
            (self._hold.pieces if self._hold else out).append(data)

    def _give_up(self, out: list[bytes | Slot]) -> None:
        if self._hold is None:
            return
        for piece in self._hold.pieces:
            if isinstance(piece, bytes):
                out.append(piece)
            else:
                out += [piece.opening(), piece.slot, piece.closing()]
        self._hold = None
