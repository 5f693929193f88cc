"""Traits and signals in short, and the fold that a client would run."""

from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from clew.engine.traits import CompiledTrait, compile_trait
from clew.model.policy import Trait

__all__ = ["DAY", "START", "Happened", "compiled", "fold", "happened", "value"]

DAY = 86_400.0
#: 2026-01-01T00:00:00Z, in seconds since the epoch.
START = 1_767_225_600.0


@frozen
class Happened:
    """A signal on the wire and when it occurred."""

    at: float
    signal: dict[str, Any]


def happened(at: float, data: Any = None, id: str = "s-1", **fields: Any) -> Happened:
    """A signal, `at` seconds after the start."""
    signal = {"id": id, "type": "item_ordered", "party": "first", "data": data or {}, **fields}
    return Happened(START + at, signal)


def compiled(aggregate: str, **declared: Any) -> CompiledTrait:
    """A trait over `item_ordered`."""
    given = {"id": "t", "signal": "item_ordered", "purpose": "personalise", **declared}
    return compile_trait(Trait(aggregate=aggregate, **given))


def fold(trait: CompiledTrait, signals: Iterable[Happened], state: Any = None) -> Any:
    """The state after the signals, in the order given."""
    for one in signals:
        state = trait.fold(state, one.at, one.signal)
    return state


def value(trait: CompiledTrait, signals: Sequence[Happened], after: float) -> Any:
    """The value of one identity's signals, `after` seconds from the start."""
    return trait.read([fold(trait, signals)], START + after)
