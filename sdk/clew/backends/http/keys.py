"""What a decision hangs on besides what is known of its subject: the key it is kept by (D4)."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeAlias

import orjson

from clew.cache import Asker, Key
from clew.engine.compiled import CompiledPolicy, CompiledSlot

__all__ = ["Keys"]

_Found: TypeAlias = tuple[CompiledPolicy | None, dict[str, tuple[str, ...] | None]]
"""A policy, and by slot the names that it reads of a context; None is all of them."""

#: In place of the names that a slot reads, where they were not found yet.
_UNKNOWN = ("?",)


class Keys:
    """Makes keys; what the slots of a policy read of a request is found once."""

    def __init__(self) -> None:
        # Replaced as a whole, for other threads may still be at what was found of another policy.
        self._found: _Found = (None, {})

    def of(
        self,
        policy: CompiledPolicy | None,
        slots: Iterable[str],
        asker: Asker,
        context: Mapping[str, Any],
    ) -> dict[str, Key]:
        """
        Make the key of each slot of a request.

        Of a slot that the policy does not have, as of one without a policy, anything may be read.

        Raises:
            TypeError: the context is no JSON.
        """
        found = self._found
        if policy is not found[0]:
            found = self._found = (policy, {})
        keys: dict[str, Key] = {}
        for slot in slots:
            names = found[1].get(slot, _UNKNOWN)
            if names is _UNKNOWN:
                names = _find(found, slot)
            keys[slot] = (slot, asker, _seen(context, names))
        return keys


def _find(found: _Found, slot: str) -> tuple[str, ...] | None:
    policy, names = found
    known = None if policy is None else policy.slots.get(slot)
    if known is None:
        return None
    names[slot] = read = _names_read(known)
    return read


def _seen(context: Mapping[str, Any], names: tuple[str, ...] | None) -> Hashable:
    """What is seen of a context, told apart as JSON tells it: for Python, true is 1."""
    if names is None:
        return orjson.dumps(dict(context), option=orjson.OPT_SORT_KEYS)
    values = tuple(map(context.get, names))
    for value in values:
        if value is not None and type(value) is not str:
            return orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
    return values


def _names_read(slot: CompiledSlot) -> tuple[str, ...] | None:
    """The fields of the context that anything in a slot reads; None is all of them."""
    names = {"view_id"} if slot.slot.sticky == "view" else set()
    for _, steps in slot.context_reads:
        if len(steps) == 1:
            return None
        names.add(steps[1])
    return tuple(sorted(names))
