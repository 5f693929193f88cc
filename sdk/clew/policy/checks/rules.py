"""Rules, templates and features: what they read can be there, and the segments they name exist."""

from collections.abc import Iterator

from clew.errors import Problem
from clew.logic import Rule
from clew.logic.reads import reads
from clew.logic.tree import Call, Literal, walk
from clew.policy.checks.paths import PROFILE, profile_paths, signal_paths
from clew.policy.compiled import Compiled
from clew.policy.parts import Parts, unknown

__all__ = ["features", "rules", "segments_named", "templates"]

_ITEM = PROFILE | {"item"}


def rules(parts: Parts, compiled: Compiled) -> Iterator[Problem]:
    """Check every rule."""
    of_signals = {f"{at}/where": trait.signal for at, trait in parts.traits.items()} | {
        f"{at}/value": objective.signal for at, objective in parts.objectives.items()
    }
    for place, rule in compiled.rules.items():
        if problem := _constant(rule, place):
            yield problem
        if place in of_signals:
            yield from signal_paths(parts, of_signals[place], rule.reads, place)
        else:
            yield from profile_paths(parts, rule.reads, place)
            yield from _segments(parts, rule, place)


def _constant(rule: Rule, place: str) -> Problem | None:
    """Say so if a text or a list was written where a rule is meant: all people are alike to it."""
    if not isinstance(rule.tree, Literal) or not isinstance(rule.tree.value, str | list):
        return None
    if place.endswith("/value"):
        message = 'this is no number, nor a rule that gives one; write `{"var": "data.total"}`'
    else:
        message = (
            "this is no rule, so it is the same for everybody; write for example"
            ' `{">=": [{"var": "computed.views"}, 3]}` or `{"in": ["keen", {"var": "segments"}]}`'
        )
    return Problem(place, "constant", message)


def _segments(parts: Parts, rule: Rule, place: str) -> Iterator[Problem]:
    if place.startswith("/segments/"):
        if any(path.partition(".")[0] == "segments" for path in rule.reads):
            message = "a segment cannot look at segments; write the other's condition out"
            yield Problem(place, "segment_in_segment", message)
        return
    known = parts.names["segments"]
    for name in sorted(segments_named(rule) - known):
        yield unknown("segment", name, known, place)


def segments_named(rule: Rule) -> frozenset[str]:
    """Give the segments in which a rule looks for the person: `{"in": ["keen", segments]}`."""
    found = set()
    for node in walk(rule.tree):
        match node:
            case Call("in", (Literal(str(name)), place)) if "segments" in reads(place):
                found.add(name)
    return frozenset(found)


def templates(parts: Parts, compiled: Compiled) -> Iterator[Problem]:
    """Check every template; those of list slots see an item besides the person."""
    for place, template in compiled.templates.items():
        areas = _ITEM if place.startswith("/slots/") else PROFILE
        yield from profile_paths(parts, template.reads, place, areas)


def features(parts: Parts) -> Iterator[Problem]:
    """Check the paths that slots tell visitors apart by."""
    for at, slot in parts.slots.items():
        for place, path in enumerate(slot.features):
            here = f"{at}/features/{place}"
            yield from profile_paths(parts, [path], here)
            if not path:
                yield Problem(here, "unknown_path", "the path is empty; write `context.channel`")
