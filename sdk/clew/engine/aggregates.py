"""
How many occurrences become one value: small monoids, so that order and place do not matter.

`lift` makes the partial of one signal, `merge` joins two partials, `read` gives the value. Merging
is associative and commutative (sums up to the rounding of doubles), which is all that a late
signal, a second machine or an unlinked identity needs (RULES F6, I2). Partials are JSON.
"""

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Literal, TypeAlias

from attrs import frozen

from clew.engine.extract import Wire, number, read_path
from clew.errors import ConfigurationError
from clew.model.policy import Trait

__all__ = [
    "Aggregate",
    "Partial",
    "combine",
    "count",
    "first",
    "greatest",
    "last",
    "least",
    "recency",
    "required",
    "total",
    "window",
]

#: What an aggregate remembers: a JSON value, never null.
Partial: TypeAlias = Any

_Lift: TypeAlias = Callable[[float, Wire], Partial | None]


def _itself(partial: Partial) -> Partial:
    return partial


def _value(partial: Partial, _now: float) -> Any:
    return partial


@frozen
class Aggregate:
    """One way to aggregate, made for one trait."""

    #: The partial of one signal at an instant; None when the signal says nothing to the trait.
    lift: _Lift
    #: Joins two partials; may change and return the first, never the second.
    merge: Callable[[Partial, Partial], Partial]
    #: The value of a partial at the present.
    read: Callable[[Partial, float], Any] = _value
    #: The value when nothing happened.
    empty: Any = None
    #: A partial of one's own, to merge into.
    copy: Callable[[Partial], Partial] = _itself
    #: Whether partials remember instants, so that `read` minds the window itself, and exactly.
    timed: bool = False


def combine(aggregate: Aggregate, partials: Sequence[Partial], now: float) -> Any:
    """Read several partials as one, and leave them as they are."""
    if not partials:
        return aggregate.empty
    if len(partials) == 1:
        return aggregate.read(partials[0], now)
    joined = reduce(aggregate.merge, partials[1:], aggregate.copy(partials[0]))
    return aggregate.read(joined, now)


def required(trait: Trait, name: Literal["of", "by"]) -> str:
    """
    Take a path that the aggregate cannot do without.

    Raises:
        ConfigurationError: the trait does not declare it.
    """
    path: str | None = getattr(trait, name)
    if path is None:
        raise ConfigurationError(
            f"trait {trait.id!r}: {trait.aggregate!r} needs {name!r}, a path such as 'data.sku'"
        )
    return path


def window(trait: Trait) -> float:
    """How far back the trait looks, in seconds; infinite when no window is declared."""
    return trait.window_seconds or float("inf")


def count(_trait: Trait) -> Aggregate:
    """How many signals there were."""
    return Aggregate(lift=lambda _at, _signal: 1, merge=operator.add, empty=0)


def total(trait: Trait) -> Aggregate:
    """
    The sum of the numbers at `of`, an integer when it has no fraction.

    It is kept as a double: encoders of JSON refuse integers of more than 64 bits.
    """
    return Aggregate(
        lift=_number_at(trait, float),
        merge=operator.add,
        read=lambda partial, _now: int(partial) if partial.is_integer() else partial,
        empty=0,
    )


def least(trait: Trait) -> Aggregate:
    """The smallest number at `of`."""
    return Aggregate(lift=_number_at(trait), merge=min)


def greatest(trait: Trait) -> Aggregate:
    """The largest number at `of`."""
    return Aggregate(lift=_number_at(trait), merge=max)


def first(trait: Trait) -> Aggregate:
    """The value at `of` in the earliest signal that has one; of several at once, the lowest id."""
    return Aggregate(
        lift=_dated_value(trait),
        merge=lambda a, b: a if a[:2] <= b[:2] else b,
        read=lambda partial, _now: partial[2],
    )


def last(trait: Trait) -> Aggregate:
    """The value at `of` in the latest signal that has one; of several at once, the highest id."""
    seconds = window(trait)
    return Aggregate(
        lift=_dated_value(trait),
        merge=lambda a, b: a if a[:2] >= b[:2] else b,
        read=lambda partial, now: partial[2] if partial[0] > now - seconds else None,
        timed=True,
    )


def recency(trait: Trait) -> Aggregate:
    """Seconds since the latest signal, zero for one from ahead of the present."""
    seconds = window(trait)

    def read(latest: float, now: float) -> float | None:
        age = now - latest
        return None if age >= seconds else max(age, 0.0)

    return Aggregate(lift=lambda at, _signal: at, merge=max, read=read, timed=True)


def _number_at(trait: Trait, convert: Callable[[float], float] = _itself) -> _Lift:
    value_at = read_path(required(trait, "of"))

    def lift(_at: float, signal: Wire) -> float | None:
        found = number(value_at(signal))
        return None if found is None else convert(found)

    return lift


def _dated_value(trait: Trait) -> _Lift:
    value_at = read_path(required(trait, "of"))

    def lift(at: float, signal: Wire) -> list[Any] | None:
        value = value_at(signal)
        return None if value is None else [at, signal["id"], value]

    return lift
