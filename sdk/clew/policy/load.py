"""
From the files of a policy to one document, which is the same however it was split into files.

Parts are put in the order of their ids, and sets within them are sorted, so two ways to write a
policy have one canonical form, one digest and one order in which the engine meets its parts.
"""

import hashlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
from attrs import evolve, field, frozen

from clew import schema
from clew.codec import from_json
from clew.errors import DocumentError, Problem
from clew.model.policy import Policy
from clew.policy.canonical import canonical
from clew.policy.files import Part, Written, read
from clew.policy.sections import SETS

__all__ = ["LoadedPolicy", "load_policy"]

_SCHEMA = "urn:clew:policy:1"


@frozen
class LoadedPolicy:
    """A policy as one document, and where each piece of it was written."""

    #: The document in canonical order; it may break its schema.
    document: dict[str, Any]
    #: The document as canonical JSON (RFC 8785).
    canonical: bytes = field(repr=False)
    #: What could not be read, with its file.
    problems: tuple[Problem, ...]
    _origins: Mapping[str, tuple[str | None, str]] = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        """The digest of the canonical document, in hex: equal policies have equal ones."""
        return hashlib.sha256(self.canonical).hexdigest()

    @cached_property
    def policy(self) -> Policy:
        """
        The document as values. That it has the right shape is checked, not that it fits together.

        Raises:
            DocumentError: it could not be read, or breaks its schema.
        """
        if self.problems:
            raise DocumentError("policy", self.problems)
        try:
            schema.validate("policy", self.document)
            return from_json(Policy, self.document)
        except DocumentError as error:
            raise DocumentError("policy", map(self.placed, error.problems)) from None

    def origin(self, pointer: str) -> tuple[str | None, str]:
        """Find where a piece of the document was written: the file, and the pointer within it."""
        above, below = pointer, ""
        while above not in self._origins:
            above, _, step = above.rpartition("/")
            below = f"/{step}{below}"
        file, written = self._origins[above]
        return file, f"{written}{below}"

    def placed(self, problem: Problem) -> Problem:
        """Say of a problem of the document where it was written."""
        file, pointer = self.origin(problem.pointer)
        return evolve(problem, file=file, pointer=pointer)


def load_policy(source: Mapping[str, Any] | str | Path) -> LoadedPolicy:
    """
    Read a policy from a document, a JSON file or a folder (see `clew.policy.files`).

    Nothing is raised for what the source holds: `check_policy` gives every fault, and
    `LoadedPolicy.policy` raises for those that leave no policy.
    """
    written = read(source)
    order = _Order(written)
    data = canonical(order.document)
    return LoadedPolicy(
        document=orjson.loads(data),
        canonical=data,
        problems=tuple(written.problems),
        origins=order.origins,
    )


class _Order:
    """Puts parts in their order and remembers where they came from."""

    def __init__(self, written: Written) -> None:
        self.origins: dict[str, tuple[str | None, str]] = {"": (written.file, "")}
        self.document: dict[str, Any] = {"$schema": _SCHEMA}
        for section, parts in written.sections.items():
            self.document[section] = self._section(section, parts)
        for name, part in written.head.items():
            here = schema.pointer([name])
            self.origins[here] = (part.file, part.pointer)
            self.document[name] = self._set(part, here, "") if name in SETS[""] else part.value

    def _section(self, section: str, parts: list[Part]) -> list[Any]:
        values = []
        for place, part in enumerate(sorted(parts, key=lambda part: _rank(part.value))):
            here = f"/{section}/{place}"
            self.origins[here] = (part.file, part.pointer)
            values.append(self._part(part, here, SETS.get(section, ())))
        return values

    def _part(self, part: Part, here: str, sets: tuple[str, ...]) -> Any:
        if not isinstance(part.value, dict):
            return part.value
        ordered = {
            name: self._set(evolve(part, value=part.value[name]), here, f"/{name}")
            for name in sets
            if name in part.value
        }
        return {**part.value, **ordered}

    def _set(self, part: Part, above: str, name: str) -> Any:
        """Sort the list at *name* below *above*; anything else is left for the schema to refuse."""
        if not isinstance(part.value, list):
            return part.value
        values = list(enumerate(part.value))
        values.sort(key=lambda numbered: _rank(numbered[1]))
        for place, (written, _) in enumerate(values):
            inner = f"{name}/{written}"
            if place != written or inner in part.pieces:
                pointer = part.pieces.get(inner, f"{part.pointer}{inner}")
                self.origins[f"{above}{name}/{place}"] = (part.file, pointer)
        return [value for _, value in values]


def _rank(value: Any) -> tuple[str, bytes]:
    """Order by id, and the same ids by all the rest."""
    name = value.get("id") if isinstance(value, dict) else value
    return (name if isinstance(name, str) else "", canonical(value))
