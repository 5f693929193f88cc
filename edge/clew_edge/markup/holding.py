"""An open slot: what came in of its default, until it ends or is given up."""

from attrs import define, field

from clew_edge.markup.slots import MAX_DEFAULT, MAX_DEPTH, MAX_TAG, Slot

__all__ = ["Hold", "Piece", "Whole"]


@define
class Whole:
    """A whole slot between comment marks, and the bytes that it is in the page."""

    slot: Slot
    raw: bytes

    def opening(self) -> bytes:
        """Give the mark before the slot, which no longer tells the nonce."""
        return b"<!--clew:%b-->" % self.slot.name.encode()

    def closing(self) -> bytes:
        """Give the mark after the slot."""
        return b"<!--/clew-->"


#: What lies in a page: bytes, or a slot that was found in them.
Piece = bytes | Whole


@define
class Hold:
    """One slot that is open."""

    name: str
    #: The offset in the page at which the default begins.
    since: int
    #: How many slots are open: this one and those within it.
    depth: int = 1
    pieces: list[Piece] = field(factory=list)

    def is_over(self, start: int, end: int) -> bool:
        """Whether a mark from `start` to `end`, offsets in the page, is too late or too long."""
        return start - self.since > MAX_DEFAULT or end - start > MAX_TAG

    def count(self, *, closes: bool) -> None:
        """Count a slot that opens or closes within this one, or the end of this one."""
        self.depth += -1 if closes else 1

    @property
    def has_ended(self) -> bool:
        """Whether as many slots closed as opened."""
        return not self.depth

    @property
    def is_too_deep(self) -> bool:
        """Whether more slots are open than may be."""
        return self.depth > MAX_DEPTH

    def raw(self) -> bytes:
        """Join what is held, as it stood."""
        return b"".join(piece if isinstance(piece, bytes) else piece.raw for piece in self.pieces)
