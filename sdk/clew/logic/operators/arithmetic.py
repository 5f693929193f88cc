"""
Arithmetic: + - * / % max min.

In doubles, as in JavaScript. An argument that is no number, a division by zero and a result that is
not finite all give null: neither NaN nor infinity leaves a rule.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

from clew.logic.operators.operator import Builder, Operator, eager
from clew.logic.values import finite, number

__all__ = ["OPERATORS"]


def _of_numbers(function: Callable[..., float]) -> Builder:
    """An operator on numbers alone."""

    def compute(*values: Any) -> float | None:
        numbers = []
        for value in values:
            read = number(value)
            if read is None:
                return None
            numbers.append(read)
        try:
            return finite(function(*numbers))
        except (ZeroDivisionError, OverflowError):
            return None

    return eager(compute)


def _sum(*numbers: float) -> float:
    return sum(numbers)


def _product(*numbers: float) -> float:
    return math.prod(numbers)


def _difference(*numbers: float) -> float:
    return -numbers[0] if len(numbers) == 1 else numbers[0] - numbers[1]


def _remainder(one: float, other: float) -> float:
    """The remainder with the sign of the dividend (ECMA-262, Number::remainder)."""
    if not other:
        raise ZeroDivisionError
    rest = math.fmod(one, other)
    return int(rest) if isinstance(one, int) and isinstance(other, int) else rest


def _most(*numbers: float) -> float:
    return max(numbers)


def _least(*numbers: float) -> float:
    return min(numbers)


OPERATORS = {
    "+": Operator(_of_numbers(_sum), 1, None),
    "-": Operator(_of_numbers(_difference), 1, 2),
    "*": Operator(_of_numbers(_product), 1, None),
    "/": Operator(_of_numbers(operator.truediv), 2, 2),
    "%": Operator(_of_numbers(_remainder), 2, 2),
    "max": Operator(_of_numbers(_most), 1, None),
    "min": Operator(_of_numbers(_least), 1, None),
}
