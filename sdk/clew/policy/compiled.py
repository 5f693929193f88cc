"""The rules and templates of a policy, each compiled once, with its place."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain

from attrs import Factory, frozen

from clew.errors import DocumentError, Problem
from clew.logic import Rule, compile_rule
from clew.policy.parts import Parts
from clew.schema import pointer
from clew.templates import Template, compile_template

__all__ = ["Compiled", "compiled"]

# Of the pointer of a part: nothing, the section, the place.
_PART_STEPS = 3


@frozen
class Compiled:
    """What compiled, by pointer, and what did not."""

    rules: dict[str, Rule] = Factory(dict)
    templates: dict[str, Template] = Factory(dict)
    problems: list[Problem] = Factory(list)

    @cached_property
    def reads(self) -> Mapping[str, Mapping[str, frozenset[str]]]:
        """By part of the policy, the places of its rules and templates and what each can read."""
        found: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
        sources: tuple[Mapping[str, Rule | Template], ...] = (self.rules, self.templates)
        for place, one in chain.from_iterable(source.items() for source in sources):
            part = "/".join(place.split("/", _PART_STEPS)[:_PART_STEPS])
            found[part][place] = one.reads
        return found


def compiled(parts: Parts) -> Compiled:
    """Compile every rule and template of a policy."""
    found = Compiled()
    for place, source in _rules(parts):
        try:
            found.rules[place] = compile_rule(source, pointer=place)
        except DocumentError as error:
            found.problems.extend(error.problems)
    for place, text in _templates(parts):
        try:
            found.templates[place] = compile_template(text, pointer=place)
        except DocumentError as error:
            found.problems.extend(error.problems)
    return found


def _rules(parts: Parts) -> Iterator[tuple[str, object]]:
    for at, objective in parts.objectives.items():
        if objective.value is not None:
            yield f"{at}/value", objective.value
    for at, trait in parts.traits.items():
        if trait.where is not None:
            yield f"{at}/where", trait.where
    for at, creative in parts.creatives.items():
        if creative.when is not None:
            yield f"{at}/when", creative.when
    for section in (parts.segments, parts.suppressions, parts.moments):
        for at, part in section.items():
            yield f"{at}/when", part.when


def _templates(parts: Parts) -> Iterator[tuple[str, str]]:
    for at, creative in parts.creatives.items():
        for locale, content in creative.content.items():
            for name, value in content.items():
                if isinstance(value, str):
                    yield f"{at}{pointer(['content', locale, name])}", value
    for at, slot in parts.slots.items():
        if slot.items is not None:
            for name, text in slot.items.content.items():
                yield f"{at}{pointer(['items', 'content', name])}", text
            yield f"{at}/items/pinned_because", slot.items.pinned_because
            yield f"{at}/items/drawn_because", slot.items.drawn_because
