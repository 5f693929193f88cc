"""Creatives that nobody can ever be shown."""

from collections.abc import Iterator

from clew.errors import Problem
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
    slots = {slot.id: slot for slot in parts.slots.values()}
    defaults = {slot.default for slot in slots.values()}
    asked_for = {name for moment in parts.moments.values() for name in moment.creatives}
    for at, creative in parts.creatives.items():
        is_default = creative.id in defaults
        if creative.status == "retired":
            message = "the creative is retired, so no slot shows it; make it live, or remove it"
            yield Problem(f"{at}/status", _KEYWORD, message)
        if problem := schedule(at, creative.starts_at, creative.ends_at, _KEYWORD):
            yield problem
        if not creative.content:
            message = "the creative has no content; write some, by locale and field"
            yield Problem(f"{at}/content", _KEYWORD, message)
        if not creative.slots and not is_default and creative.id not in asked_for:
            message = "the creative is for no slot; name its slots, or remove it"
            yield Problem(f"{at}/slots", _KEYWORD, message)
        # A default is shown whatever its condition says.
        rule = compiled.rules.get(f"{at}/when")
        if rule is not None and not is_default and _never(rule.tree):
            message = "the condition never holds; correct it, or remove the creative"
            yield Problem(f"{at}/when", _KEYWORD, message)
        for place, name in enumerate(creative.slots):
            slot = slots.get(name)
            if slot is not None and (reason := _kept_out(creative, slot)):
                yield Problem(f"{at}/slots/{place}", _KEYWORD, reason)


def _never(node: Node) -> bool:
    """Whether a condition is false by itself, without a look at the data."""
    match node:
        case Literal(value):
            return not truthy(value)
        case Call("and", args):
            return any(map(_never, args))
        case Call("or", args):
            return all(map(_never, args))
    return False


def _kept_out(creative: Creative, slot: Slot) -> str | None:
    """Say why a slot never shows a creative that names it."""
    if creative.id == slot.default:
        return None
    if creative.channels and slot.channels and not {*creative.channels} & {*slot.channels}:
        return (
            f"the creative is for {_listed(creative.channels)}, `{slot.id}` is on"
            f" {_listed(slot.channels)}; give them a common channel"
        )
    if creative.essential:  # goes before all else
        return None
    if slot.items is not None:
        return f"`{slot.id}` shows items of `{slot.items.catalogue}`; take it out of the slots"
    if slot.strategy == "split" and slot.shares and creative.id not in slot.shares:
        return f"`{slot.id}` gives the creative no share; add one, or take it out of the slots"
    return None


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
