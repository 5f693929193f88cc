"""
The record of a decision in wire form: what is spooled, stored, learned from and explained.

It keeps everything needed to compute the propensity again and to say why (RULES D7), and names the
person only where deciding for them was permitted (D1).
"""

from collections.abc import Mapping
from typing import Any

from clew.clock import to_text
from clew.engine.compiled import CompiledPolicy, CompiledSlot
from clew.engine.situation import Raw, Situation

__all__ = ["looked_at", "record"]


def record(
    policy: CompiledPolicy,
    slot: CompiledSlot,
    raw: Raw,
    at: Situation,
    *,
    id: str,
    request: Mapping[str, Any],
) -> dict[str, Any]:
    """
    Write a draw down.

    Args:
        request: `subject`, `anonymous_subject`, `session_id`, `request_id` and `traffic`, where
            they are known.
    """
    document: dict[str, Any] = {
        "id": id,
        "slot": slot.id,
        "decided_at": to_text(at.now),
        "reason": raw.reason,
        **request,
        "policy_id": policy.policy.id,
        "policy_version": policy.policy.version,
        "objective": slot.objective,
        "consent": {"purpose": slot.purpose, "basis": at.basis}
        if at.basis is not None
        else {"purpose": slot.purpose},
        "reads": looked_at(slot, raw, at),
    }
    if raw.creative is not None:
        document["creative"] = raw.creative.id
        document["creative_version"] = raw.creative.version
    if raw.propensity is not None:
        document["propensity"] = raw.propensity
    channel = at.view["context"].get("channel")
    if isinstance(channel, str):
        document["channel"] = channel
    if raw.segments:
        document["segments"] = list(raw.segments)
    if raw.eligible:
        document["eligible"] = list(raw.eligible)
    if raw.assignments:
        arms = [{"id": name, "epoch": epoch, "arm": arm} for name, epoch, arm in raw.assignments]
        document["holdout"], document["assignments"] = arms[0], arms
    if raw.measured:
        document["measured"] = True
    if raw.entries:
        document["items"] = [
            {"position": n, "item": e.item, "reason": e.reason, "propensity": e.propensity}
            for n, e in enumerate(raw.entries)
        ]
    drawn = [raw.draw, *[entry.draw for entry in raw.entries]]
    if draws := [draw for draw in drawn if draw is not None]:
        document["draws"] = draws
    return document


def looked_at(slot: CompiledSlot, raw: Raw, at: Situation) -> dict[str, Any]:
    """
    Everything that was looked at, by path.

    What the chosen content can read counts as looked at, although it is rendered later.
    """
    view = at.view
    if raw.creative is not None and at.basis is not None:
        for steps in raw.creative.content_reads:
            _touch(view, steps)
    profile, withheld = view["traits"].looked_at()
    context = {}
    given = view["context"]
    for path, steps in slot.context_reads:
        # Most are not given at all, which a look at the first name tells.
        if steps[1] not in given or (at.basis is None and not _harmless(steps, raw)):
            continue
        value = _touch(view, steps)
        if value is not None:
            context[path] = value
    reads = {"profile": profile, "context": context, "withheld": withheld}
    return {name: what for name, what in reads.items() if what}


def _harmless(steps: tuple[str, ...], raw: Raw) -> bool:
    """Whether a record without permission may keep a value: what rendering needs, no more."""
    needed = () if raw.creative is None else raw.creative.content_reads
    return steps[1:] in {("channel",), ("locale",)} or steps in needed


def _touch(view: Any, steps: tuple[str, ...]) -> Any:
    try:
        for step in steps:
            view = view[step]
    except (KeyError, TypeError, IndexError):
        return None
    return view
