"""
What a list slot may offer to one person: the usual item, and candidates that go with it.

Candidates are the items most tellingly found together with what the person takes most; where those
are few, what is taken most by everybody. Pure, like all of deciding.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from attrs import frozen

from clew.engine.compiled import CompiledItems, Reader
from clew.engine.together import propose
from clew.model.policy import CatalogueItem

__all__ = ["Counts", "Menu", "menu"]

# What is merely popular is offered after what goes together, however popular it is.
_POPULAR = 0.05


class Counts(Protocol):
    """Where counts of pairs and learned items are read."""

    def tally(self, key: str, /) -> Mapping[str, float]:
        """Sums by name."""
        ...

    def item(self, catalogue: str, item: str, /) -> CatalogueItem | None:
        """An entry that a catalogue learned from signals."""
        ...


@frozen
class Menu:
    """What may be shown: the pinned item, and candidates with their strength in (0, 1)."""

    pinned: str | None
    candidates: Mapping[str, float]

    def __bool__(self) -> bool:
        """Whether there is anything to offer."""
        return self.pinned is not None or bool(self.candidates)


def menu(items: CompiledItems, view: Mapping[str, Any], counts: Counts) -> Menu:
    """Choose the pinned item and up to `items.candidates` others, strongest first."""
    usual = [name for name in _usual(items.pinned, view) if _offered(items, name, counts)]
    pinned = usual[0] if usual else None
    found: dict[str, float] = {}
    if items.pairs is not None:
        totals = counts.tally(items.pairs)
        for anchor in usual:
            partners = counts.tally(f"{items.pairs}:{anchor}")
            ranked = propose(anchor, partners, totals, n=len(partners))
            _add(found, items, counts, ranked, exclude=pinned)
        if len(found) < items.candidates:
            _add(found, items, counts, _popular(totals), exclude=pinned)
    return Menu(pinned, found)


def _usual(path: Reader | None, view: Mapping[str, Any]) -> list[str]:
    if path is None:
        return []
    value: Any = view
    try:
        for step in path:
            value = value[step]
        return list(value["shares"])
    except (KeyError, TypeError):
        return []


def _offered(items: CompiledItems, name: str, counts: Counts) -> bool:
    item = items.catalogue.get(name) or counts.item(items.name, name)
    return item is not None and item.available


def _popular(totals: Mapping[str, float]) -> Iterable[tuple[str, float]]:
    most = max(totals.values(), default=1.0)
    return ((n, _POPULAR * totals[n] / most) for n in sorted(totals, key=lambda n: (-totals[n], n)))


def _add(
    found: dict[str, float],
    items: CompiledItems,
    counts: Counts,
    ranked: Iterable[tuple[str, float]],
    *,
    exclude: str | None,
) -> None:
    for name, strength in ranked:
        if len(found) >= items.candidates:
            return
        if name != exclude and name not in found and _offered(items, name, counts):
            found[name] = strength
