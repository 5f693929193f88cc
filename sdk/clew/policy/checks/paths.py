"""
Paths: whatever a rule, a template or a feature reads can be there.

Rules about a person see their traits, segments, journeys and the context; rules about a signal see
the signal. A path that can never have a value is a slip of the pen, and would silently read null.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import get_args

import attrs

from clew.errors import Problem
from clew.model.policy import Trait
from clew.model.signal import Signal
from clew.model.words import TraitKind
from clew.policy.parts import Parts, unknown
from clew.schema import nearest

__all__ = ["PROFILE", "TRAITS", "profile_paths", "signal_paths", "traits_at"]

_KINDS = frozenset(get_args(TraitKind))

#: Where traits are.
TRAITS = _KINDS | {"traits"}

#: What may stand at the beginning of a path about a person.
PROFILE = TRAITS | {"segments", "journeys", "context"}

_SIGNAL = frozenset(one.name for one in attrs.fields(Signal))


def profile_paths(
    parts: Parts, paths: Iterable[str], pointer: str, areas: Collection[str] = PROFILE
) -> Iterator[Problem]:
    """Find paths about a person that nothing fills; *areas* is what there is to see."""
    for path in sorted(paths):
        area, _, below = path.partition(".")
        name = below.partition(".")[0]
        # "" stands for a path that is computed from data: what it reads cannot be known.
        if path and area not in areas:
            yield _no_area(path, areas, pointer)
        elif name and area in _KINDS and name not in parts.kinds.get(area, ()):
            yield _nobody(f"{area}.{name}", parts, pointer)
        elif name and area == "traits" and name not in parts.names["traits"]:
            yield _nobody(path, parts, pointer)
        elif name and area == "journeys" and name not in parts.names["journeys"]:
            yield unknown("journey", name, parts.names["journeys"], pointer)


def signal_paths(
    parts: Parts, signal: str, paths: Iterable[str], pointer: str
) -> Iterator[Problem]:
    """Find paths into a type of signal that it has nothing at; undeclared types have anything."""
    declared = {one.id: one.fields for one in parts.signals.values()}.get(signal)
    for path in sorted(paths):
        area, *below = (step.removesuffix("[]") for step in path.split("."))
        if path and area not in _SIGNAL:
            yield _no_area(path, _SIGNAL, pointer)
        elif area == "data" and below and declared is not None and below[0] not in declared:
            hint = nearest(below[0], declared) or "; declare it, or it is dropped when emitted"
            message = f"the signal `{signal}` has no field `{below[0]}`{hint}"
            yield Problem(pointer, "unknown_field", message)


def traits_at(parts: Parts, path: str) -> tuple[Trait, ...]:
    """Give the traits that a path reads; `traits.*` merges those of all kinds."""
    area, _, below = path.partition(".")
    name = below.partition(".")[0]
    return tuple(
        trait
        for trait in parts.traits.values()
        if trait.id == name and area in {trait.kind, "traits"}
    )


def _no_area(path: str, areas: Collection[str], pointer: str) -> Problem:
    hint = nearest(path.partition(".")[0], sorted(areas))
    message = f"`{path}` is nowhere{hint or f'; a path begins with {_either(areas)}'}"
    return Problem(pointer, "unknown_path", message)


def _either(names: Iterable[str]) -> str:
    *most, last = sorted(names)
    return f"{', '.join(most)} or {last}"


def _nobody(path: str, parts: Parts, pointer: str) -> Problem:
    known = [f"{kind}.{name}" for kind, names in parts.kinds.items() for name in names]
    hint = nearest(path, known) or "; declare the trait, or read another"
    return Problem(pointer, "unknown_trait", f"no trait gives `{path}`{hint}")
