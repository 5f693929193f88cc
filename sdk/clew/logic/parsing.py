"""
From JSON to the tree of a rule, with all its faults.

Rules of the file: every fault is reported, at the place where it stands; nothing is guessed; a rule
that parses can be compiled.
"""

from typing import Any

from clew.errors import Problem
from clew.logic.operators import OPERATORS
from clew.logic.operators.operator import Operator
from clew.logic.tree import CHARACTERS_A_NODE, Array, Call, Literal, Node
from clew.logic.values import finite

__all__ = ["MAX_DEPTH", "MAX_NODES", "Parser"]

#: How deep operators and arrays may nest.
MAX_DEPTH = 32
#: How many operators and values a rule may hold (64 characters of text count as one more).
MAX_NODES = 10_000

_NOTHING = Literal(None)


class Parser:
    """Reads one rule and remembers what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._nodes = 0
        self._oversized = False

    def parse(self, value: Any, pointer: str, depth: int = 1) -> Node:
        """
        Read the JSON at *pointer*; null stands in for what is faulty.

        Args:
            value: the JSON.
            pointer: where it stands in its document (RFC 6901).
            depth: how many operators and arrays it stands in, itself included.
        """
        self._nodes += 1 + (len(value) // CHARACTERS_A_NODE if isinstance(value, str) else 0)
        if self._nodes > MAX_NODES:
            if not self._oversized:
                self._oversized = True
                self._report(pointer, "size", f"a rule holds at most {MAX_NODES} nodes: split it")
            return _NOTHING
        if isinstance(value, dict | list):
            if depth > MAX_DEPTH:
                self._report(pointer, "depth", f"a rule nests at most {MAX_DEPTH} deep: split it")
                return _NOTHING
            return (
                self._call(value, pointer, depth)
                if isinstance(value, dict)
                else self._array(value, pointer, depth)
            )
        return self._scalar(value, pointer)

    def _scalar(self, value: Any, pointer: str) -> Node:
        if value is None or isinstance(value, str):
            return Literal(value)
        if not isinstance(value, int | float):
            self._report(pointer, "json", f"a {type(value).__name__} is no JSON value")
        elif finite(value) is None:
            self._report(pointer, "json", "a number must be finite and fit a double (RFC 8259)")
        else:
            return Literal(value)
        return _NOTHING

    def _array(self, values: list[Any], pointer: str, depth: int) -> Node:
        items = self._items(values, pointer, depth + 1)
        literals = [item.value for item in items if isinstance(item, Literal)]
        return Literal(literals) if len(literals) == len(items) else Array(items)

    def _items(self, values: list[Any], pointer: str, depth: int) -> tuple[Node, ...]:
        return tuple(
            self.parse(value, f"{pointer}/{place}", depth) for place, value in enumerate(values)
        )

    def _call(self, value: dict[Any, Any], pointer: str, depth: int) -> Node:
        if len(value) != 1:
            keys = ", ".join(map(repr, value)) or "none"
            self._report(pointer, "operator_object", f"one operator as the only key, not {keys}")
            return _NOTHING
        ((name, given),) = value.items()
        here = f"{pointer}/{_escape(str(name))}"
        known = len(self.problems)
        args = (
            self._items(given, here, depth + 1)
            if isinstance(given, list)
            else (self.parse(given, here, depth + 1),)
        )
        operator = OPERATORS.get(name) if isinstance(name, str) else None
        if operator is None:
            self._report(here, "unknown_operator", _unknown(str(name)))
            return _NOTHING
        if not self._fits(operator, name, args, here):
            return _NOTHING
        # Null stands in for faulty arguments: what a check said of it would mislead.
        faults = operator.check(args) if len(self.problems) == known else ()
        for fault in faults:
            at = f"{here}/{fault.argument}" if isinstance(given, list) else here
            self._report(at, fault.keyword, fault.message)
        return Call(name, args)

    def _fits(self, operator: Operator, name: str, args: tuple[Node, ...], here: str) -> bool:
        """Whether the operator takes so many arguments."""
        least, most = operator.least, operator.most
        if least <= len(args) and (most is None or len(args) <= most):
            return True
        takes = f"{least} or more" if most is None else " to ".join(map(str, sorted({least, most})))
        self._report(here, "arity", f"'{name}' takes {takes} arguments, not {len(args)}")
        return False

    def _report(self, pointer: str, keyword: str, message: str) -> None:
        self.problems.append(Problem(pointer, keyword, message))


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, OPERATORS, n=1)
    advice = f"did you mean '{near[0]}'?" if near else f"write one of {' '.join(OPERATORS)}"
    return f"unknown operator '{name}': {advice}"


def _escape(name: str) -> str:
    """A name as a token of a JSON Pointer (RFC 6901 section 3)."""
    return name.replace("~", "~0").replace("/", "~1")
