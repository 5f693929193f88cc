"""
Deciding: from a masked view of one person to the draw of a creative (RULES D1).

This file is pure: no clock, no chance, no I/O. The moment, the uniform number and what was learned
are arguments, so the same inputs give the same decision, and a recorded one can be drawn again.

Order: permission, moments and journeys, suppressions, eligibility, `measured`, holdout arm, caps,
arbitration, draw. What comes after permission runs alike in both arms of a holdout. Journeys,
moments, suppressions and caps let everything pass so far; where each belongs is marked.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from clew.engine.bandit import bandit, item_arm
from clew.engine.bucketing import point
from clew.engine.compiled import CompiledCreative, CompiledPolicy, CompiledSlot
from clew.engine.menu import Menu, menu
from clew.engine.situation import Assignment, Entry, Raw, Situation
from clew.engine.split import split
from clew.logic.values import truthy
from clew.model.words import Reason

__all__ = ["assigned", "decide"]


def decide(policy: CompiledPolicy, slot: CompiledSlot, at: Situation) -> Raw:
    """Fill one slot."""
    view = at.view
    view["segments"] = [name for name, rule in policy.segments if truthy(rule(view))]
    if at.basis is None:
        raw = Raw("consent_denied", _contextual(policy, slot, at))
    else:
        rendered: dict[str, dict[str, Any]] = {}
        # Here: a journey's state, then a moment, which outranks what follows; then suppressions.
        eligible, names = _eligible(policy, slot, at, rendered)
        raw = _kept(slot, names, at) or _arbitrate(slot, eligible, at)
        raw.eligible = names
        if rendered and raw.creative is not None:
            raw.content = rendered.get(raw.creative.id)
    raw.segments = tuple(view["segments"])
    return raw


def _kept(slot: CompiledSlot, names: tuple[str, ...], at: Situation) -> Raw | None:
    """The kept decision again, while the same creatives are eligible in the same versions."""
    kept = at.kept
    if kept is None or not at.counted or kept["void"] or tuple(kept["eligible"]) != names:
        return None
    creative = next((c for c in (*slot.creatives, slot.default) if c.id == kept["creative"]), None)
    if kept["creative"] is not None and (creative is None or creative.version != kept["version"]):
        return None
    arms = tuple([(a["id"], a["epoch"], a["arm"]) for a in kept["assignments"]])
    # A link may have brought another arm, which is served from then on (RULES M7).
    if arms != (assigned(slot, at) if kept["measured"] else ()):
        return None
    return Raw(
        kept["reason"],
        creative,
        kept["propensity"],
        assignments=arms,
        measured=kept["measured"],
        entries=tuple(Entry(*entry) for entry in kept["items"]),
        hit=True,
    )


def assigned(slot: CompiledSlot, at: Situation) -> tuple[Assignment, ...]:
    """
    The holdouts this person is part of for this slot, each with the arm; one that holds out first.

    A stored arm is kept, else it is a pure hash of the subject. Members of the holdout with scope
    `all` leave every other (RULES M7).
    """
    if at.key is None or not at.counted:
        return ()
    found: list[Assignment] = []
    for holdout in slot.holdouts:
        if not holdout.holds_at(at.now):
            continue
        trial = at.trials.get(f"{holdout.id}:{holdout.epoch}")
        if trial is not None:
            arm = trial["arm"]
        else:
            inside = point(holdout.holdout.salt, at.key) < holdout.holdout.share
            arm = "holdout" if inside else "treated"
        if arm == "holdout" and holdout.holdout.scope == "all":
            return ((holdout.id, holdout.epoch, arm),)
        found.append((holdout.id, holdout.epoch, arm))
    if len(found) > 1:
        found.sort(key=lambda assignment: assignment[2] != "holdout")
    return tuple(found)


def _eligible(
    policy: CompiledPolicy,
    slot: CompiledSlot,
    at: Situation,
    rendered: dict[str, dict[str, Any]],
) -> tuple[Sequence[CompiledCreative], tuple[str, ...]]:
    """The creatives that may be shown, and their names."""
    unconditional = "locale" not in at.view["context"]
    if unconditional and slot.unconditional:
        return slot.creatives, slot.options.names
    eligible = [
        creative
        for creative in slot.creatives
        if (unconditional and creative.unconditional) or _fits(policy, creative, at, rendered)
    ]
    return eligible, tuple([creative.id for creative in eligible])


def _fits(
    policy: CompiledPolicy,
    creative: CompiledCreative,
    at: Situation,
    rendered: dict[str, dict[str, Any]],
) -> bool:
    """Schedule, channel, locale, condition, and whether the content can be filled."""
    context = at.view["context"]
    if not creative.starts_at <= at.now < creative.ends_at:
        return False
    if creative.channels:
        channel = context.get("channel")  # the request tells it, and may tell anything
        if not isinstance(channel, str) or channel not in creative.channels:
            return False
    filling = creative.filling(context.get("locale"), policy.policy.locale)
    if filling is None or (creative.when is not None and not truthy(creative.when(at.view))):
        return False
    if not filling.total:
        content = filling.fill(at.view)
        if content is None:
            return False
        rendered[creative.id] = content
    return True


def _contextual(policy: CompiledPolicy, slot: CompiledSlot, at: Situation) -> CompiledCreative:
    """Without permission: the first creative that only looks at the request, else the default."""
    fitting = [c for c in slot.creatives if c.contextual and _fits(policy, c, at, {})]
    return min(fitting, key=_rank, default=slot.default)


def _rank(creative: CompiledCreative) -> tuple[float, str]:
    return -creative.creative.priority, creative.id


def _arbitrate(slot: CompiledSlot, eligible: Sequence[CompiledCreative], at: Situation) -> Raw:
    offer = None if slot.items is None else menu(slot.items, at.view, at.learned)
    if slot.has_essential:
        essential = [creative for creative in eligible if creative.creative.essential]
        if essential:
            # A late parcel or a legal notice is owed to everybody, and never measured (RULES D10).
            return Raw("priority", min(essential, key=_rank), 1.0)
    if not (_beyond_default(slot, eligible) if offer is None else offer):
        return Raw("no_eligible", slot.default, 1.0)
    assignments = assigned(slot, at)
    # Behind this: caps, which reserve a use for who is treated (RULES D6).
    if assignments and assignments[0][2] == "holdout":
        raw = Raw("holdout", _held_out(slot, assignments[0][0]), 1.0)
    elif offer is not None:
        raw = _list(slot, offer, at)
    else:
        raw = _STRATEGIES[slot.slot.strategy](slot, eligible, at)
    raw.assignments = assignments
    raw.measured = at.counted and at.key is not None
    return raw


def _beyond_default(slot: CompiledSlot, eligible: Sequence[CompiledCreative]) -> bool:
    """Whether anything but the default may be shown."""
    return len(eligible) > 1 or (len(eligible) == 1 and eligible[0] is not slot.default)


def _held_out(slot: CompiledSlot, holdout: str) -> CompiledCreative | None:
    serve = next(h.holdout.serve for h in slot.holdouts if h.id == holdout)
    return slot.default if serve == "default" else None


def _priority(slot: CompiledSlot, candidates: Sequence[CompiledCreative], at: Situation) -> Raw:  # noqa: ARG001
    return Raw("priority", min(candidates, key=_rank), 1.0)


def _bandit(slot: CompiledSlot, candidates: Sequence[CompiledCreative], at: Situation) -> Raw:
    options = slot.options
    if candidates is not slot.creatives:
        options = slot.options_of([(creative.id, creative.learning_key) for creative in candidates])
    arm, prior = at.learned.arm, slot.prior
    arms = [arm(key, prior) for key in options.state_keys]
    index, propensity, draw = bandit(slot, options, arms, at)
    return Raw("bandit", candidates[index], propensity, draw=draw)


_STRATEGIES: dict[str, Callable[[CompiledSlot, Sequence[CompiledCreative], Situation], Raw]] = {
    "bandit": _bandit,
    "split": split,
    "priority": _priority,
}


def _list(slot: CompiledSlot, offer: Menu, at: Situation) -> Raw:
    """Draw the positions in order, each without what stands before it (RULES D9)."""
    assert slot.items is not None  # noqa: S101 - the caller looked
    entries = [] if offer.pinned is None else [Entry(offer.pinned, "pinned", 1.0)]
    left = dict(offer.candidates)
    while left and len(entries) < slot.items.count:
        options = slot.options_of([(item, item) for item in left])
        learned = [at.learned.arm(key, slot.prior) for key in options.state_keys]
        arms = [
            item_arm(slot, arm, strength)
            for arm, strength in zip(learned, left.values(), strict=True)
        ]
        index, propensity, draw = bandit(slot, options, arms, at)
        item = options.names[index]
        entries.append(Entry(item, "bandit", propensity, draw))
        del left[item]
    product = math.prod(entry.propensity for entry in entries)
    reason: Reason = "bandit" if any(entry.draw for entry in entries) else "pinned"
    return Raw(reason, slot.default, product, entries=tuple(entries))
