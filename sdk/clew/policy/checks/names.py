"""Names: each id is given once, and whatever is named exists."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from clew.errors import Problem
from clew.model.policy import Slot
from clew.policy.parts import Parts, unknown
from clew.policy.sections import SECTIONS
from clew.schema import nearest, pointer

__all__ = ["duplicates", "references"]

# Lists within parts whose entries have ids.
_LISTS = {"catalogues": "items", "slots": "objective"}

# Fields that hold a name, or a list of names: section, field, and what is named.
_REFERENCES = (
    ("purposes", "parent", "purpose"),
    ("signals", "purposes", "purpose"),
    ("traits", "purpose", "purpose"),
    ("traits", "catalogue", "catalogue"),
    ("slots", "purpose", "purpose"),
    ("slots", "default", "creative"),
    ("creatives", "slots", "slot"),
    ("caps", "tag", "tag"),
    ("suppressions", "tags", "tag"),
    ("journeys", "purpose", "purpose"),
    ("moments", "creatives", "creative"),
)


#: How alike two names are of which one is taken for the other misspelt.
ALIKE = 0.9


def duplicates(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Find ids that are given twice in one place."""
    for section in SECTIONS:
        parts = _listed(document.get(section))
        yield from _repeated(parts, f"/{section}")
        inner = _LISTS.get(section)
        for place, part in enumerate(parts if inner else ()):
            if isinstance(part, dict):
                yield from _repeated(_listed(part.get(inner)), f"/{section}/{place}/{inner}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _repeated(parts: list[Any], above: str) -> Iterator[Problem]:
    seen: Counter[tuple[str, Any]] = Counter()
    for place, part in enumerate(parts):
        name = part.get("id") if isinstance(part, dict) else None
        if not isinstance(name, str):
            continue
        # Traits of two kinds may share a name: what the person declared goes before the computed.
        key = name, str(part.get("kind", "computed"))
        seen[key] += 1
        if seen[key] > 1:
            message = f"the id `{name}` is given twice; rename or remove one of the two"
            yield Problem(f"{above}/{place}/id", "duplicate_id", message)


def references(parts: Parts) -> Iterator[Problem]:
    """Find names that nothing has."""
    for kind, name, place in _named(parts):
        known = parts.names[f"{kind}s"]
        if name not in known:
            yield unknown(kind, name, known, place)
    if parts.declares_signals:
        yield from _signals(parts)


def _signals(parts: Parts) -> Iterator[Problem]:
    """
    Find signals that are refused, or misspelt.

    A type that a trait or an objective names is taken; but one that is nearly a declared one is
    nobody's, for what is emitted is the other.
    """
    declared = parts.names["signals"]
    read = {at: trait.signal for at, trait in parts.traits.items()}
    read |= {at: objective.signal for at, objective in parts.objectives.items()}
    for at, name in read.items():
        if name not in declared and (hint := nearest(name, declared, alike=ALIKE)):
            message = f"`{name}` is not among `signals`{hint} Else declare it there"
            yield Problem(f"{at}/signal", "unknown_signal", message)
    known = declared.union(
        (trait.signal for trait in parts.traits.values()),
        (objective.signal for objective in parts.objectives.values()),
    )
    for at, catalogue in parts.catalogues.items():
        learn = catalogue.learn
        if learn is not None and learn.signal not in known:
            yield unknown("signal", learn.signal, known, f"{at}/learn/signal")


def _named(parts: Parts) -> Iterator[tuple[str, str, str]]:
    """Give each name that refers to another part: its kind, the name and its place."""
    for section, field, kind in _REFERENCES:
        for at, part in getattr(parts, section).items():
            value = getattr(part, field)
            if isinstance(value, str):
                yield kind, value, f"{at}/{field}"
            else:
                yield from _each(kind, value or (), f"{at}/{field}")
    for at, holdout in parts.holdouts.items():
        if holdout.scope != "all":
            yield from _each("slot", holdout.scope, f"{at}/scope")
    for at, slot in parts.slots.items():
        yield from _named_by_slot(slot, at)


def _named_by_slot(slot: Slot, at: str) -> Iterator[tuple[str, str, str]]:
    for name in slot.shares:
        yield "creative", name, f"{at}{pointer(['shares', name])}"
    if isinstance(slot.objective, str):
        yield "objective", slot.objective, f"{at}/objective"
    else:
        for place, objective in enumerate(slot.objective):
            yield "objective", objective.id, f"{at}/objective/{place}/id"
    if slot.items is not None:
        yield "catalogue", slot.items.catalogue, f"{at}/items/catalogue"


def _each(kind: str, names: Iterable[str], above: str) -> Iterator[tuple[str, str, str]]:
    for place, name in enumerate(names):
        yield kind, name, f"{above}/{place}"
