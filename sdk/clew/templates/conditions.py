"""
Truth and comparison in `{% if %}`, as Liquid has them, except that no comparison fails.

- Nil, a missing path and false are false; everything else is true, 0 and empty text too.
- `and` and `or` bind alike, from the right: `a or b and c` is `a or (b and c)`, and
  `a and b or c` is `a and (b or c)`.
- Text orders with text and numbers with numbers; any other order is false. Lists and mappings
  equal nothing.
"""

import operator
from collections.abc import Callable
from typing import Any

from clew.templates.paths import Value

__all__ = ["COMPARISONS", "chain", "compare", "is_true"]


def is_true(value: Any) -> bool:
    """Tell whether a value counts as true."""
    return value is not None and value is not False


def _comparable(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    return numbers or (isinstance(left, str) and isinstance(right, str))


def _equal(left: Any, right: Any) -> bool:
    if _comparable(left, right):
        return bool(left == right)
    # What is left to be equal is nil and the booleans, of which there is one each.
    return left is right and (left is None or isinstance(left, bool))


def _ordered(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda left, right: _comparable(left, right) and holds(left, right)


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
}


def compare(left: Value, mark: str, right: Value) -> Value:
    """Compile a comparison."""
    holds = COMPARISONS[mark]
    return lambda view: holds(left(view), right(view))


def chain(terms: list[Value], joints: list[str]) -> Callable[[Any], bool]:
    """
    Compile terms joined by `and` and `or`, one joint fewer than terms.

    Joints bind from the right, so the first term that settles its joint settles the whole.
    """
    settled_by = [joint == "or" for joint in joints]
    *before, last = terms
    settling = tuple(zip(before, settled_by, strict=True))

    def holds(view: Any) -> bool:
        for term, settled in settling:
            if is_true(term(view)) is settled:
                return settled
        return is_true(last(view))

    return holds
