"""Traits that can be folded, from signals that have what they read."""

from collections.abc import Iterator, Mapping

from attrs import evolve

from clew.engine.traits import compile_trait
from clew.errors import ConfigurationError, Problem
from clew.model.policy import Trait
from clew.policy.checks.paths import signal_paths
from clew.policy.parts import Parts

__all__ = ["traits"]


def traits(parts: Parts) -> Iterator[Problem]:
    """Find aggregates without what they need, and paths that no signal has."""
    for at, trait in parts.traits.items():
        try:
            compile_trait(evolve(trait, where=None))  # rules have a check of their own
        except ConfigurationError as error:
            yield Problem(at, "aggregate", str(error))
        if trait.aggregate == "together" and trait.catalogue is None:
            message = "`together` needs `catalogue`: the catalogue whose items `of` names"
            yield Problem(at, "aggregate", message)
        for name, path in _paths(trait).items():
            yield from signal_paths(parts, trait.signal, [path], f"{at}/{name}")


def _paths(trait: Trait) -> Mapping[str, str]:
    paths = {"of": trait.of, "weight": trait.weight, "by": trait.by}
    return {name: path for name, path in paths.items() if path is not None}
