"""
Text: cat, substr, starts_with, ends_with.

Source: cat and substr as in json-logic-js; starts_with and ends_with as in flagd
(https://flagd.dev/reference/custom-operations/string-comparison-operation/).
"""

from collections.abc import Callable
from typing import Any

from clew.logic.meter import Meter
from clew.logic.operators.operator import Build, Evaluate, Operator, eager
from clew.logic.tree import Node
from clew.logic.values import number, text

__all__ = ["OPERATORS"]


def _cat(args: tuple[Node, ...], build: Build) -> Evaluate:
    """All arguments as one text; null when one is an array or object."""
    parts = tuple(map(build, args))

    def cat(data: Any, meter: Meter | None) -> str | None:
        written = []
        for part in parts:
            piece = text(part(data, meter))
            if piece is None:
                return None
            if meter is not None:
                meter.spend(len(piece))
            written.append(piece)
        return "".join(written)

    return cat


def _substr(args: tuple[Node, ...], build: Build) -> Evaluate:
    """Characters from a start (negative: from the end), as many as given, or all but so many."""
    parts = tuple(map(build, args))

    def substr(data: Any, meter: Meter | None) -> str | None:
        source, *bounds = [part(data, meter) for part in parts]
        written, places = text(source), [number(bound) for bound in bounds]
        if written is None or None in places:
            return None
        start, *length = (int(place) for place in places if place is not None)
        first, last, _ = slice(start, None).indices(len(written))
        if length:
            last = min(last, first + length[0]) if length[0] >= 0 else last + length[0]
        if meter is not None:
            meter.spend(max(0, last - first))
        return written[first : max(first, last)]

    return substr


def _affix(holds: Callable[[str, str], bool]) -> Operator:
    """Whether a text has another at one end; false unless both are text."""

    def found(value: Any, affix: Any) -> bool:
        return isinstance(value, str) and isinstance(affix, str) and holds(value, affix)

    return Operator(eager(found), 2, 2)


OPERATORS = {
    "cat": Operator(_cat, 0, None, metered=True),
    "substr": Operator(_substr, 2, 3),
    "starts_with": _affix(str.startswith),
    "ends_with": _affix(str.endswith),
}
