"""Creatives that nobody can ever be shown."""

from collections.abc import Iterator
from itertools import chain

from clew.errors import Problem
from clew.logic import Rule
from clew.logic.tree import Call, Literal, Node
from clew.logic.values import truthy
from clew.model.policy import Creative, Slot
from clew.policy.checks.measuring import schedule
from clew.policy.compiled import Compiled
from clew.policy.parts import Parts

__all__ = ["reach"]

_KEYWORD = "unreachable"


def reach(parts: Parts, compiled: Compiled) -> Iterator[Problem]:
    """Find what keeps creatives from ever being shown, at all or in one of their slots."""
    defaults = {slot.default for slot in parts.slots.values()}
    asked_for = {name for moment in parts.moments.values() for name in moment.creatives}
    for at, creative in parts.creatives.items():
        if creative.status == "retired":
            message = "the creative is retired, so no slot shows it; make it live, or remove it"
            yield Problem(f"{at}/status", _KEYWORD, message)
        if problem := schedule(at, creative.starts_at, creative.ends_at, _KEYWORD):
            yield problem
        if not creative.content:
            message = "the creative has no content; write some, by locale and field"
            yield Problem(f"{at}/content", _KEYWORD, message)
        yield from _slots(creative, at, parts, compiled)
        if creative.id in defaults:  # shown whatever its condition says
            continue
        if not creative.slots and creative.id not in asked_for:
            message = "the creative is for no slot; name its slots, or remove it"
            yield Problem(f"{at}/slots", _KEYWORD, message)
        rule = compiled.rules.get(f"{at}/when")
        if rule is not None and _never(rule):
            message = "the condition never holds; correct it, or remove the creative"
            yield Problem(f"{at}/when", _KEYWORD, message)


def _never(rule: Rule) -> bool:
    """Whether a condition is false whatever the data."""
    return _is_false(rule.tree) or not (rule.reads or truthy(rule({})))


def _is_false(node: Node) -> bool:
    match node:
        case Literal(value):
            return not truthy(value)
        case Call("and", args):
            return any(map(_is_false, args))
        case Call("or", args):
            return all(map(_is_false, args))
    return False


def _slots(creative: Creative, at: str, parts: Parts, compiled: Compiled) -> Iterator[Problem]:
    slots = {slot.id: slot for slot in parts.slots.values()}
    for place, name in enumerate(creative.slots):
        slot = slots.get(name)
        # The creative may be the default that was misspelt.
        if slot is None or slot.default not in parts.names["creatives"]:
            continue
        if reason := _kept_out(creative, slot, contextual=_is_contextual(at, compiled)):
            yield Problem(f"{at}/slots/{place}", _KEYWORD, reason)


def _is_contextual(at: str, compiled: Compiled) -> bool:
    """Whether a creative looks at the request alone: then it is shown to who permits nothing."""
    read = chain.from_iterable(compiled.reads.get(at, {}).values())
    return f"{at}/when" in compiled.rules and all(
        path.partition(".")[0] == "context" for path in read
    )


def _kept_out(creative: Creative, slot: Slot, *, contextual: bool) -> str | None:
    """Say why a slot never shows a creative that names it."""
    if creative.id == slot.default:
        return None
    if creative.channels and slot.channels and not {*creative.channels} & {*slot.channels}:
        return (
            f"the creative is for {_listed(creative.channels)}, `{slot.id}` is on"
            f" {_listed(slot.channels)}; give them a common channel"
        )
    if creative.essential or contextual:
        return None
    if slot.items is not None:
        return f"`{slot.id}` shows items of `{slot.items.catalogue}`; take it out of the slots"
    if slot.strategy == "split" and slot.shares and creative.id not in slot.shares:
        return f"`{slot.id}` gives the creative no share; add one, or take it out of the slots"
    return None


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
