"""
What a catalogue learns of an item from signals: its name, its price.

The newest value of each field wins, whatever the order in which they arrive, so each is kept with
the instant and the id of the signal that told it: `{field: [value, at, id]}`. A value that was
stored without them is older than any.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

__all__ = ["Learned", "newest", "told", "values"]

Learned: TypeAlias = dict[str, Any]


def told(fields: Mapping[str, Any], at: float, name: str) -> Learned:
    """The fields of an item as a signal has told them."""
    return {field: [value, at, name] for field, value in fields.items()}


def newest(known: Mapping[str, Any], more: Mapping[str, Any]) -> Learned:
    """What is known of an item when more is told of it, each field by its newest word."""
    merged = dict(known)
    for field, entry in more.items():
        if field not in merged or _when(entry) > _when(merged[field]):
            merged[field] = entry
    return merged


def values(learned: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an item, without when they were told."""
    return {field: one[0] if isinstance(one, list) else one for field, one in learned.items()}


def _when(entry: Any) -> tuple[float, str]:
    return (entry[1], entry[2]) if isinstance(entry, list) else (-math.inf, "")
