"""
What a trait takes out of a signal: the value, the numbers or the keys at a dotted path.

A path steps through objects: `data.total`. A step that ends in `[]` goes through every element of a
list: `data.items[].sku`. What is missing there is None, so two such lists of one signal align.
"""

from collections.abc import Callable, Mapping
from itertools import repeat
from typing import Any, TypeAlias

from clew.logic.values import text

__all__ = ["Read", "Weighted", "Wire", "key", "keys", "number", "read_path", "weighted_keys"]

#: A signal as the wire has it: `id`, `type`, `data`, `channel`, `party`, `source` …
Wire: TypeAlias = Mapping[str, Any]
Read: TypeAlias = Callable[[Any], Any]
Weighted: TypeAlias = Callable[[Wire], list[tuple[str, float]]]

# No amount of anything is larger, and no sum of such numbers leaves the range of a double.
_LARGEST = 1e15
# Keys are kept in profiles; longer text is prose, not a key. In characters.
_LONGEST = 512
_ID_BITS = 64


def read_path(path: str) -> Read:
    """
    Compile a path; the result gives the value at it, None where there is none.

    >>> read_path("data.items[].sku")({"data": {"items": [{"sku": "a"}, {}]}})
    ['a', None]
    """
    before, each, after = path.partition("[].")
    steps = tuple(before.removesuffix("[]").split("."))

    def walk(data: Any) -> Any:
        try:
            for step in steps:
                data = data[step]
        except (KeyError, TypeError):
            return None
        return data

    if not each:
        return walk
    inner = read_path(after)

    def walk_each(data: Any) -> Any:
        found = walk(data)
        return [inner(one) for one in found] if isinstance(found, list) else None

    return walk_each


def number(value: Any) -> float | None:
    """Take a number as it is; None when it is none, not finite, or beyond ±1e15."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -_LARGEST <= value <= _LARGEST else None


def key(value: Any) -> str | None:
    """Name a thing: text of 1 to 512 characters, or a number as text; None for all else."""
    if isinstance(value, str):
        return value if 0 < len(value) <= _LONGEST else None
    if isinstance(value, int):
        # Ids have more digits than a double holds; more than 64 bits are no JSON of ours.
        return None if isinstance(value, bool) or value.bit_length() > _ID_BITS else str(value)
    return text(value) if isinstance(value, float) else None


def keys(value: Any) -> list[str | None]:
    """Name each element of a list, or the one thing that is no list."""
    return list(map(key, value)) if isinstance(value, list) else [key(value)]


def weighted_keys(of: str, weight: str | None) -> Weighted:
    """
    Compile two paths; the result gives the keys at `of`, each with its weight.

    A weight that is missing is 1; a key whose weight is zero or no number is left out. Two lists
    pair element by element, and a single weight holds for every key.
    """
    read_keys = read_path(of)
    read_weights = None if weight is None else read_path(weight)

    def read(signal: Wire) -> list[tuple[str, float]]:
        found = read_keys(signal)
        weights = None if read_weights is None else read_weights(signal)
        if not (isinstance(found, list) or isinstance(weights, list)):  # as most signals are
            name, amount = key(found), _weight(weights)
            return [(name, amount)] if name is not None and amount else []
        return [
            (name, amount)
            for one, each in zip(
                found if isinstance(found, list) else (found,),
                weights if isinstance(weights, list) else repeat(weights),
                strict=False,
            )
            if (name := key(one)) is not None and (amount := _weight(each))
        ]

    return read


def _weight(value: Any) -> float | None:
    return 1.0 if value is None else number(value)
