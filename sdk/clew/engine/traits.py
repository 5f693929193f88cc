"""
Computed traits: compiled once from the policy, folded per signal, read when a decision asks.

Rules of the file:

- The fold sees each signal once (ids are deduplicated before) and only those of the trait's type.
- State is kept per identity and merged on read, so that unmerging two identities is exact (I2).
- Neither clock nor randomness: the present is given.
"""

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any, TypeAlias

from attrs import frozen

from clew.engine.aggregates import (
    Aggregate,
    count,
    first,
    greatest,
    last,
    least,
    recency,
    total,
)
from clew.engine.decay import affinity, decayed, half_life
from clew.engine.extract import Wire
from clew.engine.panes import Fold, Read, State, folding, pane_seconds, panes
from clew.engine.sketch import distinct
from clew.engine.together import FoldPairs, baskets
from clew.errors import ConfigurationError
from clew.logic import Rule, compile_rule
from clew.logic.values import truthy
from clew.model.policy import Trait

__all__ = ["CompiledTrait", "compile_trait"]

# Raised with any change of what a state means.
_VERSION = 1

_AGGREGATES: dict[str, Callable[[Trait], Aggregate]] = {
    "affinity": affinity,
    "count": count,
    "decayed": decayed,
    "distinct": distinct,
    "first": first,
    "last": last,
    "max": greatest,
    "min": least,
    "recency": recency,
    "sum": total,
}

_DECAYING = ("affinity", "decayed")
# What grows older by itself. Shares of an affinity do not: all its keys decay alike.
_AGEING = ("decayed", "recency")

_Accepts: TypeAlias = Callable[[Wire], bool]


@frozen
class CompiledTrait:
    """One trait of a policy, ready to fold and to read."""

    id: str
    kind: str
    #: Where a rule or a template finds it: `computed.views_30d`.
    path: str
    purpose: str
    #: The type of the signals that it is folded from.
    signal: str
    #: What it is, in the person's words.
    plain: str | None
    #: Names what a state means; states under two digests are not comparable.
    digest: str
    #: `fold(state, at, signal) -> state`: takes one signal; may change the state it is given.
    fold: Fold
    #: `read(states, now) -> value`: the value over the states of all identities of a person.
    read: Read
    #: Time goes in steps of so many seconds, from the epoch on, and within one the value changes
    #: by a signal alone; 0 where it grows older by itself.
    step_seconds: float = 0.0
    #: For `together`: as `fold`, and gives the pairs to add beside the state. Else None.
    fold_pairs: FoldPairs | None = None


def compile_trait(trait: Trait, *, pointer: str = "") -> CompiledTrait:
    """
    Prepare a trait.

    A trait of kind `declared` takes only what the person said themselves (party zero). One that
    takes pairs (`together`) has no value of its own: its `read` gives None, and its `fold` keeps
    the baskets but drops the pairs, for a state that is rebuilt after they were counted.

    Args:
        trait: as the policy declares it.
        pointer: where it stands in its document (JSON Pointer), for the problems of its rule.

    Raises:
        ConfigurationError: the aggregate lacks a path it needs or has a duration it does not mind.
        DocumentError: `where` is no rule.
    """
    _refuse_idle(trait)
    where = None if trait.where is None else compile_rule(trait.where, pointer=f"{pointer}/where")
    fold, read, fold_pairs = _working(trait, _condition(trait, where))
    return CompiledTrait(
        id=trait.id,
        kind=trait.kind,
        path=f"{trait.kind}.{trait.id}",
        purpose=trait.purpose,
        signal=trait.signal,
        plain=trait.plain,
        digest=_digest(trait),
        fold=fold,
        read=read,
        step_seconds=_step_seconds(trait),
        fold_pairs=fold_pairs,
    )


def _refuse_idle(trait: Trait) -> None:
    """Refuse a duration that would be declared and have no effect."""
    idle = None
    if trait.half_life_seconds is not None and trait.aggregate not in _DECAYING:
        idle = "half_life_seconds"
    elif trait.window_seconds is not None and trait.aggregate == "together":
        idle = "window_seconds"
    if idle:
        raise ConfigurationError(
            f"trait {trait.id!r}: {trait.aggregate!r} has no use for {idle!r}; leave it out"
        )


def _condition(trait: Trait, where: Rule | None) -> _Accepts | None:
    """Which signals the trait takes; None when it takes all of its type."""
    declared = trait.kind == "declared"
    if where is None:
        return (lambda signal: signal.get("party") == "zero") if declared else None
    if declared:
        return lambda signal: signal.get("party") == "zero" and truthy(where(signal))
    return lambda signal: truthy(where(signal))


def _working(trait: Trait, accepts: _Accepts | None) -> tuple[Fold, Read, FoldPairs | None]:
    if trait.aggregate == "together":
        fold_pairs = baskets(trait)
        if accepts is not None:
            fold_pairs = _guarded_pairs(fold_pairs, accepts)
        return (lambda *given: fold_pairs(*given)[0]), (lambda _states, _now: None), fold_pairs
    aggregate = _AGGREGATES[trait.aggregate](trait)
    if trait.window_seconds is None or aggregate.timed:
        fold, read = folding(aggregate)
    else:
        fold, read = panes(aggregate, trait.window_seconds)
    return fold if accepts is None else _guarded(fold, accepts), read, None


def _step_seconds(trait: Trait) -> float:
    if trait.aggregate in _AGEING:
        return 0.0
    if trait.window_seconds is None:
        return math.inf
    return 0.0 if _AGGREGATES[trait.aggregate](trait).timed else pane_seconds(trait.window_seconds)


def _guarded(fold: Fold, accepts: _Accepts) -> Fold:
    def guarded(state: State, at: float, signal: Wire) -> State:
        return fold(state, at, signal) if accepts(signal) else state

    return guarded


def _guarded_pairs(fold: FoldPairs, accepts: _Accepts) -> FoldPairs:
    return lambda state, at, signal: fold(state, at, signal) if accepts(signal) else (state, {})


def _digest(trait: Trait) -> str:
    """
    What makes a state: not the trait's name, its words or how much of it is shown.

    The purpose does: what was collected for one is not read for another.
    """
    meaning: list[Any] = [
        _VERSION,
        trait.kind,
        trait.purpose,
        trait.signal,
        trait.aggregate,
        trait.of,
        trait.weight,
        trait.by,
        trait.where,
        trait.window_seconds and float(trait.window_seconds),
        float(half_life(trait)) if trait.aggregate in _DECAYING else None,
    ]
    law = json.dumps(meaning, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(law.encode()).hexdigest()[:16]
