"""
What is taken together with what: pairs of items in one basket, as counts that add.

Per identity only the recent baskets are kept, to know which items a new line meets. The counts
belong to nobody: each fold gives the deltas by which they grow, for a store that adds numbers.

Bounds: an identity remembers its 16 latest baskets and 128 items of each; beyond these an item
makes no pairs. Lines of one basket that arrive under two identities do not meet.
"""

import heapq
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from clew.engine.aggregates import required
from clew.engine.extract import Wire, key, read_path, weighted_keys
from clew.engine.panes import State
from clew.model.policy import Trait

__all__ = ["ALONE", "BASKETS", "ITEMS", "FoldPairs", "Pairs", "baskets", "propose"]

#: What to add to the counts: of (item, other), and of (item, `ALONE`) in how many baskets it is.
Pairs: TypeAlias = dict[tuple[str, str], float]
FoldPairs: TypeAlias = Callable[[State, float, Wire], tuple[State, Pairs]]

#: Stands for the other item in an item's own count; no item has this name.
ALONE = ""

BASKETS = 16
ITEMS = 128

# Of how many common baskets half is believed: chance puts two rare items together once or twice.
_DAMPING = 5.0


def baskets(trait: Trait) -> FoldPairs:
    """
    Compile a `together` trait; the result takes one signal and gives the pairs it adds.

    Each pair is counted once per basket, both ways round, whatever the order of the lines. A line
    without positive weight is a return and makes no pairs. The state is
    `{basket: [latest instant, [item, …]]}`.
    """
    basket_at = read_path(required(trait, "by"))
    read_items = weighted_keys(required(trait, "of"), trait.weight)

    def fold(state: State, at: float, signal: Wire) -> tuple[State, Pairs]:
        basket = key(basket_at(signal))
        items = [item for item, weight in read_items(signal) if weight > 0.0]
        if basket is None or not items:
            return state, {}
        state = {} if state is None else state
        held = _open(state, basket, at)
        return state, {} if held is None else _add(held, items)

    return fold


def propose(
    anchor: str,
    together: Mapping[str, float],
    totals: Mapping[str, float],
    *,
    exclude: Collection[str] = (),
    n: int,
) -> list[tuple[str, float]]:
    """
    The *n* items that are found with *anchor* most tellingly, each with its strength in (0, 1).

    Strength is the cosine n_ab / √(n_a · n_b), damped by n_ab / (n_ab + 5), so that neither what
    everybody takes nor what met once by chance comes first. Equal ones are ordered by id.

    Args:
        anchor: the item that is there already; it is never proposed.
        together: by item, in how many baskets it is together with the anchor.
        totals: by item, in how many baskets it is; of the anchor too.
        exclude: items not to propose.
        n: at most so many.

    Source: Linden, Smith and York, "Amazon.com Recommendations: Item-to-Item Collaborative
    Filtering", IEEE Internet Computing 7(1), 2003 (cosine); the damping: Bell and Koren, "Scalable
    Collaborative Filtering with Jointly Derived Neighborhood Interpolation Weights", ICDM 2007.
    """
    strengths = {
        item: _strength(common, totals.get(anchor, 0.0), totals.get(item, 0.0))
        for item, common in together.items()
        if common > 0.0 and item not in {anchor, ALONE} and item not in exclude
    }
    best = heapq.nsmallest(n, strengths, key=lambda item: (-strengths[item], item))
    return [(item, strengths[item]) for item in best]


def _open(state: dict[str, Any], basket: str, at: float) -> list[str] | None:
    """The items in a basket so far; None when it is older than all that can be remembered."""
    latest, items = state.get(basket, (at, []))
    state[basket] = [max(latest, at), items]
    if len(state) > BASKETS:
        del state[min(state, key=lambda name: (state[name][0], name))]
    return items if basket in state else None


def _add(held: list[str], items: list[str]) -> Pairs:
    pairs: Pairs = {}
    for item in items:
        if item in held or len(held) >= ITEMS:
            continue
        pairs[item, ALONE] = 1.0
        for other in held:
            pairs[item, other] = pairs[other, item] = 1.0
        held.append(item)
    return pairs


def _strength(common: float, one: float, other: float) -> float:
    # Counts of several machines arrive apart: an item is at least where the pair is.
    cosine = common / (math.sqrt(max(one, common)) * math.sqrt(max(other, common)))
    return cosine * common / (common + _DAMPING)
