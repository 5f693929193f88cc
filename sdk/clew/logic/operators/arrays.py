"""
Arrays: in, merge, map, filter, all, none, some, reduce.

The body of an iteration sees its element as the data (of `reduce`: `current` and `accumulator`) and
nothing else. What is no array has no elements. An iteration is paid for before it starts.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from clew.logic.meter import Meter
from clew.logic.operators.operator import Build, Builder, Evaluate, Operator
from clew.logic.tree import Literal, Node, elements
from clew.logic.values import ARRAYS, strictly_equal, truthy

__all__ = ["OPERATORS"]


def _in(args: tuple[Node, ...], build: Build) -> Evaluate:
    """Whether an array has an element, or a text another text in it."""
    needle, place = map(build, args)
    known = _texts(args[1])
    if known is not None:
        return _one_of(needle, known)
    if isinstance(args[0], Literal) and isinstance(args[0].value, str):
        return _has_text(args[0].value, place)

    def contained(data: Any, meter: Meter | None) -> bool:
        sought, found = needle(data, meter), place(data, meter)
        if meter is not None and isinstance(found, (str, *ARRAYS)):
            meter.spend(len(found))
        if isinstance(found, str):
            return isinstance(sought, str) and sought in found
        return isinstance(found, ARRAYS) and any(strictly_equal(sought, one) for one in found)

    return contained


def _texts(node: Node) -> frozenset[str] | None:
    """The elements of a literal array of texts; None for anything else."""
    if not isinstance(node, Literal) or elements(node) is None:
        return None
    texts = frozenset(one for one in node.value if isinstance(one, str))
    return texts if len(texts) == len(node.value) else None


def _one_of(needle: Evaluate, known: frozenset[str]) -> Evaluate:
    def contained(data: Any, meter: Meter | None) -> bool:
        sought = needle(data, meter)
        return isinstance(sought, str) and sought in known

    return contained


def _has_text(sought: str, place: Evaluate) -> Evaluate:
    """Membership of a literal text, as in `{"in": ["keen", {"var": "segments"}]}`."""

    def contained(data: Any, meter: Meter | None) -> bool:
        found = place(data, meter)
        if not isinstance(found, (str, *ARRAYS)):
            return False
        if meter is not None:
            meter.spend(len(found))
        return sought in found

    return contained


def _merge(args: tuple[Node, ...], build: Build) -> Evaluate:
    """All arguments as one array; an array gives its elements."""
    parts = tuple(map(build, args))

    def merge(data: Any, meter: Meter | None) -> list[Any]:
        merged: list[Any] = []
        for part in parts:
            value = part(data, meter)
            values = value if isinstance(value, ARRAYS) else (value,)
            if meter is not None:
                meter.spend_values((values,))
            merged += values
        return merged

    return merge


Items = Iterator[tuple[Any, Any]]


def _iteration(collect: Callable[[Items], Any]) -> Builder:
    """An operator that collects (element, value of the body for it), in order."""

    def build(args: tuple[Node, ...], compiled: Build) -> Evaluate:
        items, body = map(compiled, args)
        cost = args[1].size

        def iterate(data: Any, meter: Meter | None) -> Any:
            found = _elements(items(data, meter), cost, meter)
            return collect((item, body(item, meter)) for item in found)

        return iterate

    return build


def _elements(found: Any, cost: int, meter: Meter | None) -> Sequence[Any]:
    """The elements to go through, once their bodies of *cost* nodes each are paid for."""
    if not isinstance(found, ARRAYS):
        return ()
    if meter is not None:
        meter.spend(cost * len(found))
    return found


def _map(items: Items) -> list[Any]:
    return [value for _, value in items]


def _filter(items: Items) -> list[Any]:
    return [item for item, value in items if truthy(value)]


def _some(items: Items) -> bool:
    return any(truthy(value) for _, value in items)


def _none(items: Items) -> bool:
    return not _some(items)


def _all(items: Items) -> bool:
    """Whether the body is true of every element; false of no elements, as in json-logic-js."""
    empty = True
    for _, value in items:
        if not truthy(value):
            return False
        empty = False
    return not empty


def _reduce(args: tuple[Node, ...], build: Build) -> Evaluate:
    items, body, start = map(build, (*args, Literal(None))[:3])
    cost = args[1].size

    def fold(data: Any, meter: Meter | None) -> Any:
        accumulator = start(data, meter)
        for current in _elements(items(data, meter), cost, meter):
            accumulator = body({"current": current, "accumulator": accumulator}, meter)
        return accumulator

    return fold


OPERATORS = {
    "in": Operator(_in, 2, 2),
    "merge": Operator(_merge, 0, None, metered=True),
    "map": Operator(_iteration(_map), 2, 2, metered=True),
    "filter": Operator(_iteration(_filter), 2, 2, metered=True),
    "all": Operator(_iteration(_all), 2, 2, metered=True),
    "none": Operator(_iteration(_none), 2, 2, metered=True),
    "some": Operator(_iteration(_some), 2, 2, metered=True),
    "reduce": Operator(_reduce, 2, 3, metered=True),
}
