"""
What may stand between the braces of an output and after `if`.

::

    output     value ("|" filter)*
    filter     name (":" value ("," value)*)?
    condition  term (("and" | "or") term)*
    term       value (("==" | "!=" | "<" | "<=" | ">" | ">=") value)?
    value      "text" | 'text' | 1 | -1.5 | true | false | nil | path
    path       name ("." name | "[" whole number "]" | "[" text "]")*

An output whose value is missing leaves a hole, which is None here. `default` fills it; an author
who wants nothing there says so: `default: ""`.
"""

from typing import Any

from attrs import frozen

from clew.templates.conditions import COMPARISONS, chain, compare
from clew.templates.filters import FILTERS, Argument, Filter, escape
from clew.templates.paths import Step, Value, dotted, reader
from clew.templates.scan import Fault, Piece
from clew.templates.values import text_of
from clew.templates.words import Word, Words

__all__ = ["Expressions"]

#: The longest chain of filters; compiled filters call each other.
MAX_FILTERS = 16

_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "nil": None, "null": None}
_RESERVED = frozenset({"and", "or", "contains", "empty", "blank"})


@frozen
class _Operand:
    """A value as it is written: a literal, or a path."""

    word: Word
    value: Value
    is_literal: bool

    @property
    def is_blank(self) -> bool:
        """Whether it is the literal "", an author's way to say "nothing"."""
        return self.is_literal and self.value(None) == ""


class Expressions:
    """Compiles the expressions of one template and gathers the paths they read."""

    def __init__(self, *, escaped: bool) -> None:
        self._escaped = escaped
        self.reads: set[str] = set()

    def output(self, piece: Piece) -> Value:
        """
        Compile an output to a function from a view to its text, None for a hole.

        Raises:
            Fault: it is not in the subset.
        """
        words = Words(piece)
        value = self._operand(words).value
        may_be_empty = False
        filters = 0
        while words.take_if("|"):
            if (filters := filters + 1) > MAX_FILTERS:
                message = f"more than {MAX_FILTERS} filters: split the output or prepare the data"
                raise Fault(words.next.offset, "too_long", message)
            value, empties = self._filter(words, value)
            may_be_empty = may_be_empty or empties
        words.expect_end("filters follow `|`, their arguments `:` and `,`")
        return _printed(value, escaped=self._escaped, empty="" if may_be_empty else None)

    def condition(self, words: Words) -> Value:
        """
        Compile the condition of an `if`, `elsif` or `unless`.

        Raises:
            Fault: it is not in the subset.
        """
        terms, joints = [self._term(words)], []
        while joint := words.take_if("and", "or"):
            joints.append(joint)
            terms.append(self._term(words))
        words.expect_end(f"a condition is made of values, {' '.join(COMPARISONS)}, `and`, `or`")
        return chain(terms, joints)

    def _term(self, words: Words) -> Value:
        left = self._operand(words).value
        mark = words.take_if(*COMPARISONS)
        return compare(left, mark, self._operand(words).value) if mark else left

    def _filter(self, words: Words, value: Value) -> tuple[Value, bool]:
        """Compile the next filter on a value; tell too whether its result may be empty."""
        name = words.take()
        if name.content == "default":
            (fallback,) = self._arguments(words, name, 1, 1)
            return _default(value, fallback.value), fallback.is_blank
        spec = FILTERS.get(name.content)
        if spec is None:
            raise _unknown_filter(name)
        operands = self._arguments(words, name, spec.required, len(spec.arguments))
        if name.content == "escape" and self._escaped:
            return value, False  # the whole output is escaped, once, when it is printed
        arguments = [
            _argument(name, operand, argument)
            for operand, argument in zip(operands, spec.arguments, strict=False)
        ]
        return _applied(spec, value, arguments), False

    def _arguments(self, words: Words, name: Word, least: int, most: int) -> list[_Operand]:
        operands = []
        if words.take_if(":"):
            operands.append(self._operand(words))
            while words.take_if(","):
                operands.append(self._operand(words))
        if not least <= len(operands) <= most:
            takes = f"{least} to {most}" if least < most else f"{least}"
            message = f"`{name.content}` takes {takes} argument(s), not {len(operands)}"
            raise Fault(name.offset, "arguments", message)
        return operands

    def _operand(self, words: Words) -> _Operand:
        word = words.take()
        if word.kind == "text":
            return _literal(word, word.content[1:-1])
        if word.kind == "number":
            return _literal(word, _number(word.content))
        if word.kind == "name" and word.content in _CONSTANTS:
            return _literal(word, _CONSTANTS[word.content])
        if word.kind == "name" and word.content not in _RESERVED:
            return self._path(word, words)
        message = f"expected a value, not {word}: a path, quoted text, a number, true, false or nil"
        raise Fault(word.offset, "syntax", message)

    def _path(self, word: Word, words: Words) -> _Operand:
        steps: list[Step] = [word.content]
        while mark := words.take_if(".", "["):
            steps.append(_name(words) if mark == "." else _index(words))
        self.reads.add(dotted(tuple(steps)))
        return _Operand(word, reader(tuple(steps)), is_literal=False)


def _name(words: Words) -> str:
    word = words.take()
    if word.kind != "name":
        message = f'expected a name after ".", not {word}: write list[0] or mapping["a name"]'
        raise Fault(word.offset, "syntax", message)
    return word.content


def _index(words: Words) -> Step:
    word = words.take()
    step = _number(word.content) if word.kind == "number" else word.content[1:-1]
    if word.kind not in ("number", "text") or isinstance(step, float) or not words.take_if("]"):
        message = "an index is a whole number or quoted text between [ and ]"
        raise Fault(word.offset, "syntax", message)
    return step


def _number(content: str) -> int | float:
    return float(content) if "." in content else int(content)


def _literal(word: Word, value: Any) -> _Operand:
    return _Operand(word, lambda _: value, is_literal=True)


def _argument(name: Word, operand: _Operand, argument: Argument) -> Value:
    """Compile an argument; what is written out in the template is read and checked now."""
    given, read = operand.value, argument.read
    if not operand.is_literal and not argument.literal:
        return lambda view: read(given(view))
    wanted = None
    if operand.is_literal:
        wanted = "" if operand.is_blank and read is text_of else read(given(None))
    if wanted is None:
        message = f"`{name.content}` wants {argument.words}, not {operand.word}"
        raise Fault(operand.word.offset, "arguments", message)
    return lambda _: wanted


def _default(value: Value, fallback: Value) -> Value:
    def filled(view: Any) -> Any:
        found = value(view)
        return fallback(view) if found is False or text_of(found) is None else found

    return filled


def _applied(spec: Filter, value: Value, arguments: list[Value]) -> Value:
    read, apply = spec.read, spec.apply

    def applied(view: Any) -> Any:
        found = read(value(view))
        if found is None:
            return None
        given = [argument(view) for argument in arguments]
        return None if None in given else apply(found, *given)

    return applied


def _printed(value: Value, *, escaped: bool, empty: str | None) -> Value:
    def printed(view: Any) -> str | None:
        text = text_of(value(view))
        if text is None:
            return empty
        return text_of(escape(text)) if escaped else text

    return printed


def _unknown_filter(name: Word) -> Fault:
    from difflib import get_close_matches

    names = sorted([*FILTERS, "default"])
    near = get_close_matches(name.content, names, n=1)
    advice = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(names)}"
    return Fault(name.offset, "unknown_filter", f"no filter is called {name}: {advice}")
