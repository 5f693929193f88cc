"""Slots: what they maximise, and how they are filled."""

from collections.abc import Iterator
from math import fsum

from clew.errors import Problem
from clew.model.policy import Items, Slot
from clew.policy.checks.paths import TRAITS, profile_paths, traits_at
from clew.policy.parts import Parts, unknown
from clew.schema import pointer

__all__ = ["slots"]

# Shares are decimal fractions, whose sum as doubles may be past 1 by a hair.
_HAIR = 1e-9


def slots(parts: Parts) -> Iterator[Problem]:
    """Check every slot."""
    for at, slot in parts.slots.items():
        if not slot.objective:
            message = "the slot has no objective; name what it maximises"
            yield Problem(f"{at}/objective", "no_objective", message)
        if slot.sticky_seconds is not None and slot.sticky != "seconds":
            message = f"`sticky` is `{slot.sticky}`; make it `seconds`, or remove this"
            yield Problem(f"{at}/sticky_seconds", "sticky_seconds", message)
        yield from _shares(slot, at, parts)
        if slot.items is not None:
            yield from _items(slot.items, f"{at}/items", parts)


def _shares(slot: Slot, at: str, parts: Parts) -> Iterator[Problem]:
    here = f"{at}/shares"
    if slot.strategy != "split":
        if slot.shares:
            message = f"the strategy is `{slot.strategy}`; make it `split`, or remove the shares"
            yield Problem(here, "shares", message)
        return
    total = fsum(slot.shares.values())
    if not slot.shares:
        yield Problem(at, "shares", "a split needs `shares`: a share for each creative")
    elif total > 1 + _HAIR:
        message = f"the shares sum to {total:.6g}; they may sum to 1 at most"
        yield Problem(here, "shares", message)
    creatives = parts.creatives_by_id
    for name in slot.shares:
        if name in creatives and slot.id not in creatives[name].slots:
            message = f"`{name}` is not for this slot; add `{slot.id}` to its slots"
            yield Problem(f"{here}{pointer([name])}", "shares", message)


def _items(items: Items, at: str, parts: Parts) -> Iterator[Problem]:
    if items.pinned is not None:
        yield from _pinned(items.pinned, f"{at}/pinned", parts)
    if items.together is None:
        return
    here, known = f"{at}/together", parts.kinds.get("computed", ())
    if items.together not in known:
        yield unknown("trait", items.together, known, here)
    known_catalogue = items.catalogue in parts.names["catalogues"]
    for trait in traits_at(parts, f"computed.{items.together}"):
        if trait.aggregate != "together":
            message = f"`{trait.id}` is of `{trait.aggregate}`; name a trait of `together`"
            yield Problem(here, "together", message)
        elif trait.catalogue not in {None, items.catalogue} and known_catalogue:
            message = (
                f"`{trait.id}` counts items of `{trait.catalogue}`, and the slot shows those of"
                f" `{items.catalogue}`; name one catalogue"
            )
            yield Problem(here, "together", message)


def _pinned(path: str, here: str, parts: Parts) -> Iterator[Problem]:
    if path.partition(".")[0] not in TRAITS or path.count(".") != 1:
        message = f"`{path}` is no trait; name one of `affinity`, as in `computed.usual`"
        yield Problem(here, "pinned", message)
        return
    yield from profile_paths(parts, [path], here)
    for trait in traits_at(parts, path):
        if trait.aggregate != "affinity":
            message = f"`{path}` is of `{trait.aggregate}`; name a trait of `affinity`"
            yield Problem(here, "pinned", message)
