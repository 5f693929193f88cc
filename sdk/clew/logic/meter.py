"""
The budget that bounds one evaluation of a rule.

A unit is one node of the rule evaluated within an iteration, or one element or character of what is
built. Rules without operators that iterate or build have no meter at all: their work is bounded by
their own size and costs nothing to watch.
"""

from collections.abc import Iterable
from typing import Any

from clew.logic.values import ARRAYS

__all__ = ["BUDGET", "Exhausted", "Meter"]

#: Units of one evaluation: at worst some tens of milliseconds.
BUDGET = 100_000

# As deep as a rule may nest; encoders of JSON give up at some hundreds.
_MAX_DEPTH = 32


class Exhausted(Exception):  # noqa: N818 - a signal within the evaluation, never seen outside
    """The budget of this evaluation is spent."""


class Meter:
    """What is left of one evaluation's budget."""

    __slots__ = ("_left",)

    def __init__(self, budget: int) -> None:
        self._left = budget

    def spend(self, units: int) -> None:
        """
        Take *units* from the budget, before the work is done.

        Raises:
            Exhausted: there are not as many left.
        """
        self._left -= units
        if self._left < 0:
            raise Exhausted

    def spend_values(self, values: Iterable[Any]) -> None:
        """
        Take what *values* would weigh when written out: elements of arrays and characters of text.

        An accumulator that holds itself twice at each step shares its parts in memory but doubles
        as a document, so parts count as often as they occur.

        Raises:
            Exhausted: they weigh more than is left, or nest deeper than a rule may.
        """
        for _ in range(_MAX_DEPTH):
            sized = [value for value in values if isinstance(value, (str, *ARRAYS))]
            if not sized:
                return
            self.spend(sum(map(len, sized)))
            values = [part for value in sized if not isinstance(value, str) for part in value]
        raise Exhausted
