"""
Splits: fixed shares of subjects, each keeping its creative, compared as arms (RULES M9).

A subject's share is a pure hash; what was assigned once stays, also when identities are linked.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from clew.engine.bucketing import choose, point
from clew.engine.compiled import CompiledCreative, CompiledSlot
from clew.engine.situation import Raw, Situation

__all__ = ["split", "split_arm", "split_experiment"]


def split(slot: CompiledSlot, candidates: Sequence[CompiledCreative], at: Situation) -> Raw:
    """By fixed shares; what nobody eligible has a share in falls to the default."""
    name = _share(slot, at.uniform()) if at.key is None else split_arm(slot, at.key, at.trials)
    for creative in candidates:
        if creative.id == name and creative is not slot.default:
            return Raw("split", creative, slot.slot.shares[name])
    shares = slot.slot.shares
    others = math.fsum(shares.get(c.id, 0.0) for c in candidates if c is not slot.default)
    return Raw("split", slot.default, max(1.0 - others, 0.0))


def split_experiment(slot: str) -> str:
    """Name the experiment that compares the creatives of a `split` slot."""
    return f"slot:{slot}"


def split_arm(slot: CompiledSlot, key: str, trials: Mapping[str, Mapping[str, Any]]) -> str:
    """
    Whose share a subject falls into: the stored arm, else by hash (RULES M7).

    It is not always what is shown. Whom it cannot be shown to stays in this arm nevertheless: with
    them moved to the default, the two would be compared over different people.
    """
    trial = trials.get(f"{split_experiment(slot.id)}:{slot.split_epoch}")
    return _share(slot, point(slot.split_salt, key)) if trial is None else str(trial["arm"])


def _share(slot: CompiledSlot, at: float) -> str:
    """Whose share holds a point in [0, 1); past the last it is the default's."""
    names, bounds = slot.split
    index = choose(bounds, at)
    return slot.default.id if index is None else names[index]
