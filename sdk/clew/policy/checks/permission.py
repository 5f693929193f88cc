"""
Permission: a slot reads only what was collected for its purpose, or for a parent of it.

At run time what is not permitted is masked, and reads as missing. A slot that reads it would never
get it, whoever consents to what, so the policy is wrong.
"""

from collections.abc import Iterable, Iterator

from clew.errors import Problem
from clew.model.policy import Slot
from clew.policy.checks.paths import traits_at
from clew.policy.checks.rules import segments_named
from clew.policy.compiled import Compiled
from clew.policy.parts import Parts

__all__ = ["permission"]


def permission(parts: Parts, compiled: Compiled) -> Iterator[Problem]:
    """Find traits that a slot reads and its purpose does not permit."""
    segments = {
        segment.id: compiled.rules[f"{at}/when"].reads
        for at, segment in parts.segments.items()
        if f"{at}/when" in compiled.rules
    }
    slots = {slot.id: slot for slot in parts.slots.values()}
    for at, slot in parts.slots.items():
        for index, path in enumerate(slot.features):
            yield from _withheld(parts, slot, [path], f"{at}/features/{index}")
        if slot.items is not None and slot.items.pinned is not None:
            yield from _withheld(parts, slot, [slot.items.pinned], f"{at}/items/pinned")
        for place, paths in compiled.reads.get(at, {}).items():
            yield from _withheld(parts, slot, paths, place)
    for at, creative in parts.creatives.items():
        shown_in = [slots[name] for name in creative.slots if name in slots]
        rule = compiled.rules.get(f"{at}/when")
        named = segments_named(rule) if rule is not None else ()
        for slot in shown_in:
            for place, paths in compiled.reads.get(at, {}).items():
                yield from _withheld(parts, slot, paths, place)
            for name in sorted(segments.keys() & named):
                through = f"in the segment `{name}`, "
                yield from _withheld(parts, slot, segments[name], f"{at}/when", through)


def _withheld(
    parts: Parts, slot: Slot, paths: Iterable[str], pointer: str, through: str = ""
) -> Iterator[Problem]:
    if slot.purpose not in parts.tree:
        return
    for path in sorted(paths):
        purposes = sorted({trait.purpose for trait in traits_at(parts, path)})
        known = all(purpose in parts.tree for purpose in purposes)
        if purposes and known and not any(parts.tree.covers(p, slot.purpose) for p in purposes):
            message = (
                f"{through}`{path}` is collected for `{purposes[0]}`; `{slot.id}` may only"
                f" read what `{slot.purpose}` or a parent of it permits"
            )
            yield Problem(pointer, "not_permitted", message)
