"""The words of an expression in a template, and a reader that walks over them."""

import re

from attrs import frozen

from clew.templates.scan import Fault, Piece

__all__ = ["Word", "Words"]

_WORD = re.compile(
    r"""
      (?P<text>"[^"]*"|'[^']*')
    | (?P<number>-?[0-9]{1,18}(?:\.[0-9]{1,18})?(?![\w.]))
    | (?P<name>[^\W\d][\w-]*)
    | (?P<mark>==|!=|<=|>=|[<>|:,.\[\]])
    """,
    re.VERBOSE,
)


@frozen
class Word:
    """A word of an expression."""

    #: "text" (in its quotes), "number", "name", "mark", or "end" after the last word.
    kind: str
    content: str
    #: Where it starts, in characters from the start of the template.
    offset: int

    def __str__(self) -> str:
        return "the end of the tag" if self.kind == "end" else f"`{self.content}`"


class Words:
    """
    Reads a piece of a template word by word, each when it is asked for.

    So a tag whose first word is sound is known by it, whatever follows. Reading raises `Fault` at
    something that is no word.
    """

    def __init__(self, piece: Piece) -> None:
        self._piece = piece
        self._at = 0
        self._next: Word | None = None

    @property
    def next(self) -> Word:
        """The word that comes next."""
        if self._next is None:
            self._next = self._read()
        return self._next

    def take(self) -> Word:
        """Return the next word and step over it; the end stays."""
        word = self.next
        if word.kind != "end":
            self._next = None
        return word

    def take_if(self, *contents: str) -> str | None:
        """Step over the next word if it is one of these marks or names, and return it."""
        word = self.next
        if word.kind in ("mark", "name") and word.content in contents:
            return self.take().content
        return None

    def expect_end(self, hint: str) -> None:
        """
        Make sure that nothing is left.

        Raises:
            Fault: something is; `hint` says what could have been there.
        """
        if self.next.kind != "end":
            raise Fault(self.next.offset, "syntax", f"{self.next} is not expected here: {hint}")

    def _read(self) -> Word:
        content, offset = self._piece.content, self._piece.offset
        while self._at < len(content) and content[self._at].isspace():
            self._at += 1
        start = self._at
        if start == len(content):
            return Word("end", "", offset + start)
        match = _WORD.match(content, start)
        if match is None:
            raise _no_word(self._piece, start)
        self._at = match.end()
        return Word(match.lastgroup or "", match[0], offset + start)


def _no_word(piece: Piece, at: int) -> Fault:
    found = piece.content[at]
    if found in "\"'":
        return Fault(piece.offset + at, "unclosed", f"the quote {found} is not closed: add another")
    return Fault(
        piece.offset + at,
        "syntax",
        f"`{found}` means nothing here: write names, numbers, quoted text and filters",
    )
