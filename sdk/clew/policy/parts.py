"""
The parts of a policy as values, each with its place, for checks that look at one part at a time.

A part that breaks its schema is left out, so the rest can still be checked; its id stays known,
so nothing that names it is called wrong for it.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from itertools import chain
from typing import Any, TypeAlias, TypeVar

import attrs
from attrs import frozen

from clew.codec import from_json
from clew.errors import DocumentError, Problem
from clew.model.policy import (
    Cap,
    Catalogue,
    Creative,
    Holdout,
    Journey,
    Moment,
    Objective,
    Policy,
    Purpose,
    Segment,
    SignalType,
    Slot,
    Suppression,
    Trait,
)
from clew.policy.sections import SECTIONS
from clew.schema import nearest
from clew.trust.purposes import Purposes

__all__ = ["Parts", "unknown"]

T = TypeVar("T")

_LOCALE: Any = attrs.fields(Policy).locale.default

#: Values by the pointer at which they stand in the document.
Placed: TypeAlias = Mapping[str, T]


@frozen
class Parts:
    """The well-formed parts of a policy by their pointers, and the names of all of them."""

    purposes: Placed[Purpose]
    signals: Placed[SignalType]
    objectives: Placed[Objective]
    traits: Placed[Trait]
    segments: Placed[Segment]
    slots: Placed[Slot]
    creatives: Placed[Creative]
    holdouts: Placed[Holdout]
    caps: Placed[Cap]
    suppressions: Placed[Suppression]
    catalogues: Placed[Catalogue]
    journeys: Placed[Journey]
    moments: Placed[Moment]
    #: Ids by section, of faulty parts too; under `tags`, the tags of the creatives.
    names: Mapping[str, frozenset[str]]
    #: Ids of the traits of each kind, of faulty ones too.
    kinds: Mapping[str, Collection[str]]
    #: Whether signals are declared, so that other types are refused.
    declares_signals: bool
    #: The locale used when a request names none.
    locale: str
    tree: Purposes

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Parts":
        """Take a document apart, whatever is wrong with it."""
        placed: dict[str, Any] = {
            section: dict(_values(section, kind, _listed(document.get(section))))
            for section, kind in SECTIONS.items()
        }
        named = {section: _named(document.get(section)) for section in SECTIONS}
        kinds: dict[str, list[str]] = {}
        for trait in named["traits"]:
            kinds.setdefault(str(trait.get("kind", "computed")), []).append(trait["id"])
        tags = chain.from_iterable(_listed(one.get("tags")) for one in named["creatives"])
        names = {section: frozenset(part["id"] for part in named[section]) for section in SECTIONS}
        locale = document.get("locale")
        return cls(
            **placed,
            names={**names, "tags": frozenset(tag for tag in tags if isinstance(tag, str))},
            kinds=kinds,
            declares_signals=isinstance(document.get("signals"), list),
            locale=locale if isinstance(locale, str) else _LOCALE,
            tree=Purposes(placed["purposes"].values()),
        )

    @cached_property
    def creatives_by_id(self) -> Mapping[str, Creative]:
        """Find a creative by its id."""
        return {creative.id: creative for creative in self.creatives.values()}

    def slots_of(self, creative: Creative) -> list[Slot]:
        """Give the slots that a creative is for, or the default of."""
        return [
            slot
            for slot in self.slots.values()
            if slot.id in creative.slots or slot.default == creative.id
        ]


def unknown(kind: str, name: str, known: Iterable[str], pointer: str) -> Problem:
    """Say that a name is used which nothing has, and which was probably meant."""
    hint = nearest(name, known) or "; declare it, or name another"
    return Problem(pointer, f"unknown_{kind}", f"there is no {kind} `{name}`{hint}")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _named(parts: Any) -> list[dict[str, Any]]:
    found = (part for part in _listed(parts) if isinstance(part, dict))
    return [part for part in found if isinstance(part.get("id"), str)]


def _values(section: str, kind: type[T], values: list[Any]) -> Iterable[tuple[str, T]]:
    for place, value in enumerate(values):
        try:
            # An unknown field hides nothing of the rest.
            part = from_json(kind, value, keep_unknown=True)
        except DocumentError:  # the schema tells what is wrong
            continue
        yield f"/{section}/{place}", part
