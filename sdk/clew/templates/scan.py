"""
Cuts the text of a template into literal text, outputs and tags.

As in Liquid, a tag ends at the first closing braces, quoted or not, and a dash inside the braces
(`{{- x -}}`) strips the white space on that side of the tag.
"""

import re
from collections.abc import Iterator

from attrs import frozen

__all__ = ["Fault", "Piece", "pieces", "place"]

_OPENING = re.compile(r"\{[{%]-?")


class Fault(Exception):  # noqa: N818 - it never leaves the package: it becomes a Problem
    """What is wrong with a template, and where: characters from its start."""

    def __init__(self, offset: int, keyword: str, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.keyword = keyword
        self.message = message


@frozen
class Piece:
    """A stretch of a template: literal text, or the inside of an output or of a tag."""

    #: "text", "output", "tag", or "unclosed": an opening that nothing closes.
    kind: str
    content: str
    #: Where the content starts, in characters from the start of the template.
    offset: int


def pieces(source: str) -> Iterator[Piece]:
    """Cut a template into its pieces; there is literal text, maybe empty, around every tag."""
    start, strip_start = 0, False
    while opening := _OPENING.search(source, start):
        braces = opening[0]
        kind, closing = ("output", "}}") if braces[1] == "{" else ("tag", "%}")
        end = source.find(closing, opening.end())
        if end < 0:
            yield Piece("unclosed", braces[:2], opening.start())
            return
        content = source[opening.end() : end]
        literal = source[start : opening.start()]
        yield _literal(literal, start, strip_start=strip_start, strip_end=braces.endswith("-"))
        yield Piece(kind, content.removesuffix("-"), opening.end())
        start, strip_start = end + len(closing), content.endswith("-")
    yield _literal(source[start:], start, strip_start=strip_start, strip_end=False)


def place(source: str, offset: int) -> str:
    """Say where an offset is, as an editor does: "line:column", both from 1."""
    line_start = source.rfind("\n", 0, offset) + 1
    line = source.count("\n", 0, offset) + 1
    return f"{line}:{offset - line_start + 1}"


def _literal(text: str, offset: int, *, strip_start: bool, strip_end: bool) -> Piece:
    text = text.lstrip() if strip_start else text
    return Piece("text", text.rstrip() if strip_end else text, offset)
