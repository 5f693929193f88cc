"""
Weights that halve with age: one number, or one per key.

A weight w at an instant t counts `w · 2^(-(now - t) / half-life)` at the present. It is stored
scaled to a landmark instead of to the present (forward decay), so nothing has to be updated as time
goes by and partials of different age add up. Negative weights subtract: a cancelled order line.

Source: Cormode, Shkapenyuk, Srivastava and Xu, "Forward Decay: A Practical Time Decay Model for
Streaming Systems", ICDE 2009, section III (exponential decay; moving the landmark: section VI).
"""

import heapq
import math
from typing import Any

from clew.engine.aggregates import Aggregate, Partial, required
from clew.engine.extract import Wire, number, read_path, weighted_keys
from clew.model.policy import Trait

__all__ = ["HALF_LIFE_SECONDS", "KEYS", "affinity", "decayed", "half_life"]

#: Used where a trait declares none: 90 days, the memory of a season.
HALF_LIFE_SECONDS = 7_776_000.0

#: How many keys an affinity tells apart; beyond, the lightest is forgotten.
KEYS = 512

# An affinity's landmark moves every so many half-lives; 2^256 times any weight fits a double.
_EPOCH = 256
# Sums of doubles in another order differ by less than one step of what was added: a share of 1e-9.
_STEPS = 1e9


def half_life(trait: Trait) -> float:
    """After how many seconds a weight counts half."""
    return trait.half_life_seconds or HALF_LIFE_SECONDS


def decayed(trait: Trait) -> Aggregate:
    """
    The sum of weights, each decayed by its age; the weight is 1 unless `weight` says otherwise.

    The partial is `[landmark, sum]` and the landmark the latest instant, so that a signal from
    ahead of the present counts its weight and no more.
    """
    seconds = half_life(trait)
    weight_at = read_path(trait.weight) if trait.weight else None

    def lift(at: float, signal: Wire) -> list[float] | None:
        found = 1.0 if weight_at is None else weight_at(signal)
        weight = 1.0 if found is None else number(found)
        return None if weight is None else [at, weight]

    def merge(a: Partial, b: Partial) -> list[float]:
        late, early = (a, b) if a[0] >= b[0] else (b, a)
        return [late[0], late[1] + early[1] * 2.0 ** ((early[0] - late[0]) / seconds)]

    def read(partial: Partial, now: float) -> float:
        amount: float = partial[1] * 2.0 ** (min(partial[0] - now, 0.0) / seconds)
        return amount

    return Aggregate(lift=lift, merge=merge, read=read, empty=0.0)


def affinity(trait: Trait) -> Aggregate:
    """
    Which keys at `of` carry the decayed weight: `{"top": key, "shares": {key: share}}`.

    Shares are of the total of all positive keys, rounded to 1e-9 (below that, doubles depend on
    the order of adding); the `top` greatest are shown, equal ones by key. None when no key is
    positive. All is exact up to 512 keys; beyond, the lightest key is dropped as another comes.

    The partial is `[epoch, gross, {key: weight}]`: the landmark is the start of the epoch of 256
    half-lives, so one occurrence touches one key, and `gross` is the sum of all weights without
    sign, against which a key that cancelled out is told from rounding.
    """
    seconds = half_life(trait)
    epoch_seconds = _EPOCH * seconds
    read_keys = weighted_keys(required(trait, "of"), trait.weight)

    def lift(at: float, signal: Wire) -> Partial | None:
        found = read_keys(signal)
        if not found:
            return None
        epoch, after = divmod(at, epoch_seconds)
        scale = 2.0 ** (after / seconds)
        gross, weights = 0.0, dict[str, float]()
        for key, weight in found:
            gross += abs(weight) * scale
            weights[key] = weights.get(key, 0.0) + weight * scale
        return [int(epoch), gross, weights]

    return Aggregate(
        lift=lift,
        merge=_merge,
        read=lambda partial, _now: _shares(partial, trait.top),
        copy=lambda partial: [*partial[:2], dict(partial[2])],
    )


def _merge(a: Partial, b: Partial) -> Partial:
    if a[0] < b[0]:
        _move(a, b[0])
    scale = 2.0 ** (_EPOCH * (b[0] - a[0]))
    a[1] += b[1] * scale
    weights: dict[str, float] = a[2]
    for key, weight in b[2].items():
        weights[key] = weights.get(key, 0.0) + weight * scale
    if len(weights) > KEYS:
        _forget(weights)
    return a


def _move(partial: Partial, epoch: int) -> None:
    """Scale a partial to the landmark of a later epoch."""
    scale = 2.0 ** (_EPOCH * (partial[0] - epoch))
    partial[0], partial[1] = epoch, partial[1] * scale
    partial[2] = {key: weight * scale for key, weight in partial[2].items()}


def _forget(weights: dict[str, float]) -> None:
    excess = len(weights) - KEYS
    for key in heapq.nsmallest(excess, weights, key=lambda key: (abs(weights[key]), key)):
        del weights[key]


def _shares(partial: Partial, top: int) -> dict[str, Any] | None:
    _, gross, weights = partial
    positive = {key: weight for key, weight in weights.items() if weight * _STEPS > gross}
    if not positive:
        return None
    total = math.fsum(positive.values())
    ranked = sorted((-int(weight / total * _STEPS + 0.5), key) for key, weight in positive.items())
    return {"top": ranked[0][1], "shares": {key: -share / _STEPS for share, key in ranked[:top]}}
