"""
What is shown: content as a pure function of a decision's record and the policy that made it.

Everything the content can read was recorded with the decision, so a decision that is looked at
again, days later or elsewhere, renders to the same text.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from clew.engine.compiled import CompiledPolicy, CompiledSlot
from clew.engine.menu import Counts
from clew.engine.person import KINDS
from clew.model.decision import ListItem

__all__ = ["content", "items"]


def content(policy: CompiledPolicy, decision: Mapping[str, Any]) -> dict[str, Any]:
    """Fill the creative's fields; empty when there is none, or it is no longer in the policy."""
    slot = policy.slots.get(decision["slot"])
    name = decision.get("creative")
    if slot is None or name is None:
        return {}
    found = (c for c in (*slot.creatives, slot.default) if c.id == name)
    creative = next(found, None)
    if creative is None:
        return {}
    context = decision.get("reads", {}).get("context", {})
    filling = creative.filling(context.get("context.locale"), policy.policy.locale)
    if filling is None:
        return {}
    return filling.fill(_seen(decision) if filling.templates else {}) or {}


def items(
    policy: CompiledPolicy, decision: Mapping[str, Any], counts: Counts
) -> Iterator[ListItem]:
    """Fill the positions of a list slot."""
    slot = policy.slots.get(decision["slot"])
    view = _seen(decision)
    for entry in decision.get("items", ()):
        filled, because = _item(slot, entry, view, counts) if slot is not None else ({}, ())
        yield ListItem(
            position=entry["position"],
            item=entry["item"],
            content=filled,
            reason=entry["reason"],
            propensity=entry["propensity"],
            because=because,
        )


def _item(
    slot: CompiledSlot, entry: Mapping[str, Any], view: dict[str, Any], counts: Counts
) -> tuple[dict[str, Any], tuple[str, ...]]:
    offer = slot.items
    if offer is None:
        return {}, ()
    found = offer.catalogue.get(entry["item"]) or counts.item(offer.name, entry["item"])
    if found is None:
        return {}, ()
    named = {"id": found.id, "name": found.name or found.id, "price": found.price}
    around = {**view, "item": {**found.data, **named}}
    because = offer.pinned_because if entry["reason"] == "pinned" else offer.drawn_because
    return offer.filling.fill(around) or named, tuple(filter(None, [because.render(around)]))


def _seen(decision: Mapping[str, Any]) -> dict[str, Any]:
    """The view again, with what was looked at and nothing else."""
    reads = decision.get("reads", {})
    view: dict[str, Any] = {kind: {} for kind in (*KINDS, "traits", "context")}
    view["segments"] = list(decision.get("segments", ()))
    for path, value in reads.get("context", {}).items():
        _put(view, path.split("."), value)
    for path, value in reads.get("profile", {}).items():
        _put(view, path.split(".", 1), value)
    for kind in reversed(KINDS):
        view["traits"].update({n: v for n, v in view[kind].items() if v is not None})
    return view


def _put(view: dict[str, Any], steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        view = view.setdefault(step, {})
    view[steps[-1]] = value
