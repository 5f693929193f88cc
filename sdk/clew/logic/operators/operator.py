"""
What an operator is: how many arguments it takes and how it is compiled.

A compiled node is a closure over its compiled arguments. It takes the data and the meter of this
evaluation; the meter is None in rules that need none.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from attrs import frozen

from clew.logic.meter import Meter
from clew.logic.tree import Node

__all__ = ["Build", "Builder", "Check", "Evaluate", "Fault", "Operator", "eager"]

#: (data, meter) -> value
Evaluate: TypeAlias = Callable[[Any, Meter | None], Any]
#: Compiles an argument.
Build: TypeAlias = Callable[[Node], Evaluate]
#: Compiles an operator's arguments into its closure.
Builder: TypeAlias = Callable[[tuple[Node, ...], Build], Evaluate]


@frozen
class Fault:
    """What is wrong with one argument beyond its being there."""

    argument: int
    keyword: str
    message: str


#: Finds what is wrong with arguments whose number is right.
Check: TypeAlias = Callable[[tuple[Node, ...]], Iterator[Fault]]


def _no_faults(args: tuple[Node, ...]) -> Iterator[Fault]:  # noqa: ARG001 - the shape of a Check
    yield from ()


@frozen
class Operator:
    """One operator of the profile."""

    build: Builder
    #: The fewest arguments it takes.
    least: int
    #: The most arguments it takes; None is any number.
    most: int | None
    check: Check = _no_faults
    #: Whether it iterates or builds, so that its rule needs a meter.
    metered: bool = False


def eager(function: Callable[..., Any]) -> Builder:
    """An operator that is a function of its evaluated arguments and of nothing else."""

    def build(args: tuple[Node, ...], compiled: Build) -> Evaluate:
        parts = tuple(map(compiled, args))
        if len(parts) == 1:
            (only,) = parts
            return lambda data, meter: function(only(data, meter))
        if len(parts) == 2:  # noqa: PLR2004 - most operators; spares them a list
            one, other = parts
            return lambda data, meter: function(one(data, meter), other(data, meter))
        return lambda data, meter: function(*[part(data, meter) for part in parts])

    return build
