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
    for at, slot in parts.slots.items():
        for index, path in enumerate(slot.features):
            yield from _withheld(parts, [slot], [path], f"{at}/features/{index}")
        if slot.items is not None and slot.items.pinned is not None:
            yield from _withheld(parts, [slot], [slot.items.pinned], f"{at}/items/pinned")
        for place, paths in compiled.reads.get(at, {}).items():
            yield from _withheld(parts, [slot], paths, place)
    for at, creative in parts.creatives.items():
        slots = parts.slots_of(creative)
        for place, paths in compiled.reads.get(at, {}).items():
            yield from _withheld(parts, slots, paths, place)
        rule = compiled.rules.get(f"{at}/when")
        named = segments_named(rule) if rule is not None else ()
        for name in sorted(segments.keys() & named):
            through = f"in the segment `{name}`, "
            yield from _withheld(parts, slots, segments[name], f"{at}/when", through)


def _withheld(
    parts: Parts, slots: Iterable[Slot], paths: Iterable[str], pointer: str, through: str = ""
) -> Iterator[Problem]:
    """Find the paths that may not be read in some of the slots."""
    for path in sorted(paths):
        sources = {trait.purpose for trait in traits_at(parts, path)}
        withheld = [slot for slot in slots if not _permitted(parts, sources, slot.purpose)]
        if withheld:
            uses = _listed({slot.purpose for slot in withheld})
            message = (
                f"{through}`{path}` is collected for {_listed(sources)}, and may not be read for"
                f" {uses} in {_listed({slot.id for slot in withheld})}; read another trait, or"
                " change a purpose"
            )
            yield Problem(pointer, "not_permitted", message)


def _permitted(parts: Parts, sources: set[str], use: str) -> bool:
    """Whether one of the traits at a path may be read; of unknown purposes nothing is said here."""
    if not sources or use not in parts.tree or any(one not in parts.tree for one in sources):
        return True
    return any(parts.tree.covers(one, use) for one in sources)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
