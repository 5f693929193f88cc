"""
Comparing: ==, ===, !=, !==, <, <=, >, >=.

Ordering is null-safe: with a missing side it is false, whichever way round, so nobody is "under 18"
for want of an age. `!=` and `!==` are true of a missing value; guard them where that matters.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any

from clew.logic.meter import Meter
from clew.logic.operators.operator import Build, Builder, Evaluate, Fault, Operator, eager
from clew.logic.tree import Literal, Node, elements
from clew.logic.values import MOST_EXACT, loosely_equal, number, ordered, strictly_equal

__all__ = ["OPERATORS"]

_PAIR = 2


def _equality(equal: Callable[[Any, Any], bool]) -> Builder:
    """An equality, quick where one side is text that only the same text can equal."""
    general = eager(equal)

    def build(args: tuple[Node, ...], compiled: Build) -> Evaluate:
        for one, other in (args, args[::-1]):
            if _only_itself(other, equal):
                value, wanted = compiled(one), other.value  # type: ignore[union-attr]
                return lambda data, meter: value(data, meter) == wanted
        return general(args, compiled)

    return build


def _only_itself(node: Node, equal: Callable[[Any, Any], bool]) -> bool:
    """Whether a node is literal text that does not also read as a number."""
    if not isinstance(node, Literal) or not isinstance(node.value, str):
        return False
    return equal is strictly_equal or number(node.value) is None


def _negated(build_equality: Builder) -> Builder:
    def build(args: tuple[Node, ...], compiled: Build) -> Evaluate:
        equal = build_equality(args, compiled)
        return lambda data, meter: not equal(data, meter)

    return build


def _ordering(holds: Callable[[Any, Any], bool]) -> Builder:
    """An ordering of two values, or of three in a row ("between")."""

    def build(args: tuple[Node, ...], compiled: Build) -> Evaluate:
        if len(args) > _PAIR:
            return _between(holds, args, compiled)
        one, other = args
        if isinstance(other, Literal) and type(other.value) in (int, float):
            return _beside_number(holds, compiled(one), other.value)
        return eager(lambda first, second: ordered(holds, first, second))(args, compiled)

    return build


def _beside_number(holds: Callable[[Any, Any], bool], one: Evaluate, bound: float) -> Evaluate:
    """Compare with a literal number: what most rules do."""

    def compare(data: Any, meter: Meter | None) -> bool:
        value = one(data, meter)
        kind = type(value)
        # What is beyond may be no double, and is left to the longer way.
        if (kind is int or kind is float) and -MOST_EXACT <= value <= MOST_EXACT:
            return holds(value, bound)
        return ordered(holds, value, bound)

    return compare


def _between(
    holds: Callable[[Any, Any], bool], args: tuple[Node, ...], compiled: Build
) -> Evaluate:
    low, middle, high = map(compiled, args)

    def compare(data: Any, meter: Meter | None) -> bool:
        value = middle(data, meter)
        return ordered(holds, low(data, meter), value) and ordered(holds, value, high(data, meter))

    return compare


def _check_equality(args: tuple[Node, ...]) -> Iterator[Fault]:
    for place, node in enumerate(args):
        if elements(node) is not None:
            yield Fault(
                place,
                "never_equal",
                "an array equals nothing: use in, some or all for its elements, ! for emptiness",
            )


_loose = _equality(loosely_equal)
_strict = _equality(strictly_equal)

OPERATORS = {
    "==": Operator(_loose, 2, 2, _check_equality),
    "===": Operator(_strict, 2, 2, _check_equality),
    "!=": Operator(_negated(_loose), 2, 2, _check_equality),
    "!==": Operator(_negated(_strict), 2, 2, _check_equality),
    "<": Operator(_ordering(operator.lt), 2, 3),
    "<=": Operator(_ordering(operator.le), 2, 3),
    ">": Operator(_ordering(operator.gt), 2, 3),
    ">=": Operator(_ordering(operator.ge), 2, 3),
}
