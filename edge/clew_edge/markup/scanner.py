"""
Finds the slots of a page while it streams, whatever marks them.

`Scanner` is sans I/O: bytes in; bytes and slots out, in order. Whoever drives it puts something in
the place of a slot, or its default. The bytes outside of slots come out as they went in, however
the page is cut into chunks, and nothing is held but an incomplete comment mark and an open slot.
"""

from collections.abc import Iterable

from clew_edge.markup.elements import Elements
from clew_edge.markup.holding import Piece
from clew_edge.markup.marks import Marks
from clew_edge.markup.slots import Slot

__all__ = ["Scanner"]


class Scanner:
    """
    Reads one page, or the default of one slot of it.

    Args:
        nonce: The nonce in the comment marks of our own templates, of letters, digits, `-` and `_`;
            None looks for no marks.
        markup: Whether `<clew-slot>` elements are slots.

    A slot within a slot is part of the outer one's default. When the outer keeps its default, that
    is read by a new `Scanner`, which finds the inner slot.

    """

    def __init__(self, nonce: bytes | None = None, *, markup: bool = True) -> None:
        self._marks = Marks(nonce) if nonce else None
        self._elements = Elements(wanted=markup)

    @property
    def at_text(self) -> bool:
        """
        Whether the page has come to ordinary markup.

        That is outside any tag, comment, raw text, template or slot, so an element that is put here
        is one. The content of slots between comment marks is taken to be whole markup.
        """
        return not (self._marks and self._marks.is_open) and self._elements.at_text

    @property
    def is_holding(self) -> bool:
        """Whether bytes are held back, which `release` would give."""
        return bool(self._marks and self._marks.has_slot) or self._elements.has_slot

    def feed(self, chunk: bytes) -> list[bytes | Slot]:
        """Read a chunk of the page; gives what may go out now, in order."""
        return self._pass(self._marks.feed(chunk) if self._marks else [chunk])

    def release(self) -> list[bytes | Slot]:
        """
        Stop holding: an open slot is none any more and its bytes pass.

        For a page that pauses within a slot. The search goes on after the bytes that were given.
        """
        return self._pass(self._marks.release() if self._marks else []) + self._elements.release()

    def close(self) -> list[bytes | Slot]:
        """End the page: every byte that is left comes out, and what was open is no slot."""
        return self._pass(self._marks.close() if self._marks else []) + self._elements.release()

    def _pass(self, pieces: Iterable[Piece]) -> list[bytes | Slot]:
        return [shown for piece in pieces for shown in self._elements.feed(piece)]
