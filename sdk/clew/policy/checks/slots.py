"""Slots: what they maximise, what they fall back to, and how they are filled."""

from collections.abc import Iterator
from math import fsum

from clew.errors import Problem
from clew.model.policy import Items, Slot
from clew.policy.checks.paths import profile_paths, traits_at
from clew.policy.compiled import Compiled
from clew.policy.parts import Parts, unknown
from clew.schema import pointer

__all__ = ["slots"]

# Shares are decimal fractions, whose sum as doubles may be past 1 by a hair.
_HAIR = 1e-9


def slots(parts: Parts, compiled: Compiled) -> Iterator[Problem]:
    """Check every slot."""
    for at, slot in parts.slots.items():
        if not slot.objective:
            message = "the slot has no objective; name what it maximises"
            yield Problem(f"{at}/objective", "no_objective", message)
        if slot.sticky_seconds is not None and slot.sticky != "seconds":
            message = f"`sticky` is `{slot.sticky}`; make it `seconds`, or remove this"
            yield Problem(f"{at}/sticky_seconds", "sticky_seconds", message)
        yield from _shares(slot, at, parts)
        yield from _default(slot, at, parts, compiled)
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


def _default(slot: Slot, at: str, parts: Parts, compiled: Compiled) -> Iterator[Problem]:
    """The default is shown whatever happens, so nothing may be missing for it."""
    found = ((at, one) for at, one in parts.creatives.items() if one.id == slot.default)
    place, creative = next(found, (None, None))
    if creative is None:
        return
    here, name = f"{at}/default", creative.id
    if creative.status == "draft":
        message = f"`{name}` is a draft; the default is always shown: make it live"
        yield Problem(here, "default", message)
    if parts.locale not in creative.content:
        message = f"`{name}` has no content in `{parts.locale}`, the policy's locale; write it"
        yield Problem(here, "default", message)
    for locale, content in creative.content.items():
        for field in content:
            template = compiled.templates.get(f"{place}{pointer(['content', locale, field])}")
            if template is not None and template.render({}) is None:
                message = (
                    f"`{field}` of `{name}` ({locale}) cannot be filled for somebody unknown;"
                    ' give each of its holes a default, as in `{{ path | default: "you" }}`'
                )
                yield Problem(here, "default", message)


def _items(items: Items, at: str, parts: Parts) -> Iterator[Problem]:
    if items.pinned is not None:
        yield from _pinned(items.pinned, f"{at}/pinned", parts)
    if items.together is None:
        return
    here, known = f"{at}/together", parts.kinds.get("computed", ())
    if items.together not in known:
        yield unknown("trait", items.together, known, here)
    for trait in traits_at(parts, f"computed.{items.together}"):
        if trait.aggregate != "together":
            message = f"`{trait.id}` is of `{trait.aggregate}`; name a trait of `together`"
            yield Problem(here, "together", message)
        elif trait.catalogue not in {None, items.catalogue}:
            message = (
                f"`{trait.id}` counts items of `{trait.catalogue}`, and the slot shows those of"
                f" `{items.catalogue}`; name one catalogue"
            )
            yield Problem(here, "together", message)


def _pinned(path: str, here: str, parts: Parts) -> Iterator[Problem]:
    faults = list(profile_paths(parts, [path], here))
    yield from faults
    found = traits_at(parts, path)
    if not found and not faults and path.partition(".")[2] not in parts.names["traits"]:
        message = f"`{path}` is no trait; name one of `affinity`, as in `computed.usual`"
        yield Problem(here, "pinned", message)
    for trait in found:
        if trait.aggregate != "affinity":
            message = f"`{path}` is of `{trait.aggregate}`; name a trait of `affinity`"
            yield Problem(here, "pinned", message)
