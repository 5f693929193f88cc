"""
Puts the pieces of a template together: text, outputs, and choices between them.

::

    {% if condition %} … {% elsif condition %} … {% else %} … {% endif %}
    {% unless condition %} … {% endunless %}

Only the branch that is taken has to have its holes filled.
"""

from collections.abc import Iterator

from attrs import define, field

from clew.templates.expressions import Expressions
from clew.templates.paths import Value
from clew.templates.scan import Fault, Piece
from clew.templates.values import MAX_TEXT
from clew.templates.words import Word, Words

__all__ = ["Blocks"]

#: How deep choices may nest; compiled choices call each other.
MAX_DEPTH = 32

#: Literal text, or a function from a view to text or a hole.
_Part = str | Value
#: What is shown when the condition holds; the branch of `else` has none.
_Branch = tuple[Value | None, Value]


@define
class _Block:
    """An `if` or `unless` that is being read, or the whole template."""

    opened_by: Word
    branches: list[_Branch] = field(factory=list)
    #: The condition of the branch that is being read.
    condition: Value | None = None
    parts: list[_Part] = field(factory=list)
    has_else: bool = False

    def end_branch(self) -> None:
        """Close the branch that is being read and begin the next."""
        self.branches.append((self.condition, _sequence(self.parts)))
        self.condition, self.parts = None, []


class Blocks:
    """Takes a template's pieces in order and compiles them into one function."""

    def __init__(self, expressions: Expressions) -> None:
        self._expressions = expressions
        self._root = _Block(Word("end", "", 0))
        self._open: list[_Block] = [self._root]

    @property
    def is_static(self) -> bool:
        """Whether all that was added is literal text."""
        return all(isinstance(part, str) for part in self._root.parts)

    def add(self, piece: Piece) -> None:
        """
        Take the next piece.

        Raises:
            Fault: it is not in the subset; the pieces after it can still be added.
        """
        if piece.kind == "text":
            self._open[-1].parts.append(piece.content)
        elif piece.kind == "output":
            self._open[-1].parts.append(self._expressions.output(piece))
        elif piece.kind == "tag":
            self._tag(Words(piece))
        else:
            closing = "}}" if piece.content == "{{" else "%}"
            message = f"`{piece.content}` is not closed: add `{closing}`"
            raise Fault(piece.offset, "unclosed", message)

    def unclosed(self) -> Iterator[Fault]:
        """Name the blocks that are still open."""
        for block in self._open[1:]:
            name = block.opened_by.content
            message = f"`{name}` is not closed: add {{% end{name} %}}"
            yield Fault(block.opened_by.offset, "unclosed", message)

    def compiled(self) -> Value:
        """Return the function from a view to the text, None when a hole stays empty."""
        return _sequence(self._root.parts)

    def _tag(self, words: Words) -> None:
        word = words.take()
        match word.content:
            case "if" | "unless":
                self._begin(word, words)
            case "elsif" | "else":
                self._branch(word, words)
            case "endif" | "endunless":
                self._end(word, words)
            case _:
                message = (
                    f"{word} is not in the subset of Liquid, which has the tags if, elsif, else "
                    "and unless: prepare the data, or choose between creatives by `when`"
                )
                raise Fault(word.offset, "unsupported", message)

    def _begin(self, word: Word, words: Words) -> None:
        block = _Block(word)
        self._open.append(block)  # even if it is faulty, so that its end finds it
        if len(self._open) - 1 > MAX_DEPTH:
            message = f"choices nest deeper than {MAX_DEPTH}: split the template"
            raise Fault(word.offset, "too_long", message)
        condition = self._expressions.condition(words)
        block.condition = (
            (lambda view: not condition(view)) if word.content == "unless" else condition
        )

    def _branch(self, word: Word, words: Words) -> None:
        block = self._innermost(word)
        block.end_branch()
        if block.has_else:
            raise Fault(word.offset, "syntax", f"{word} comes after `else`: put it before")
        if word.content == "elsif":
            block.condition = self._expressions.condition(words)
        else:
            block.has_else = True
            words.expect_end("`else` has no condition; `elsif` has")

    def _end(self, word: Word, words: Words) -> None:
        block = self._innermost(word)
        self._open.pop()
        block.end_branch()
        self._open[-1].parts.append(_choice(block.branches))
        expected = f"end{block.opened_by.content}"
        if word.content != expected:
            message = f"{word} closes {block.opened_by}: write `{expected}`"
            raise Fault(word.offset, "syntax", message)
        words.expect_end(f"{word} stands alone")

    def _innermost(self, word: Word) -> _Block:
        block = self._open[-1]
        if block is self._root:
            message = f"{word} belongs to nothing: open an `if` before it, or remove it"
            raise Fault(word.offset, "syntax", message)
        return block


def _choice(branches: list[_Branch]) -> Value:
    table = tuple(branches)

    def chosen(view: object) -> str | None:
        for condition, body in table:
            if condition is None or condition(view):
                text: str | None = body(view)
                return text
        return ""

    return chosen


def _sequence(parts: list[_Part]) -> Value:
    sequence = tuple(part for part in parts if part != "")
    if len(sequence) == 1 and callable(sequence[0]):
        return sequence[0]

    def joined(view: object) -> str | None:
        texts = []
        room = MAX_TEXT
        for part in sequence:
            text = part if isinstance(part, str) else part(view)
            if text is None:
                return None
            room -= len(text)
            if room < 0:
                return None
            texts.append(text)
        return "".join(texts)

    return joined
