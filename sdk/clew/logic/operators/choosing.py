"""Choosing between values: if, ?:, and, or, !, !!."""

from typing import Any

from clew.logic.meter import Meter
from clew.logic.operators.operator import Build, Evaluate, Operator, eager
from clew.logic.tree import Literal, Node
from clew.logic.values import truthy

__all__ = ["OPERATORS"]


def _if(args: tuple[Node, ...], build: Build) -> Evaluate:
    """Condition and value in turns, then the value for otherwise (null when not given)."""
    branches = tuple(zip(map(build, args[::2]), map(build, args[1::2]), strict=False))
    otherwise = build(args[-1] if len(args) % 2 else Literal(None))

    def choose(data: Any, meter: Meter | None) -> Any:
        for condition, value in branches:
            if truthy(condition(data, meter)):
                return value(data, meter)
        return otherwise(data, meter)

    return choose


def _and(args: tuple[Node, ...], build: Build) -> Evaluate:
    """The first value that is not true, else the last."""
    terms = tuple(map(build, args))

    def every(data: Any, meter: Meter | None) -> Any:
        value: Any = None
        for term in terms:
            value = term(data, meter)
            if value is not True and not truthy(value):
                break
        return value

    return every


def _or(args: tuple[Node, ...], build: Build) -> Evaluate:
    """The first value that is true, else the last."""
    terms = tuple(map(build, args))

    def first(data: Any, meter: Meter | None) -> Any:
        value: Any = None
        for term in terms:
            value = term(data, meter)
            if value is not False and truthy(value):
                break
        return value

    return first


def _not(value: Any) -> bool:
    return not truthy(value)


OPERATORS = {
    "if": Operator(_if, 0, None),
    "?:": Operator(_if, 0, None),
    "and": Operator(_and, 1, None),
    "or": Operator(_or, 1, None),
    "!": Operator(eager(_not), 1, 1),
    "!!": Operator(eager(truthy), 1, 1),
}
