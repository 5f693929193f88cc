"""
Folding outcomes: what came of a decision, applied to what is kept of it.

An outcome names its decision, by whose entry it is counted, credited or taken back; facts come in
any order (`clew.engine.credit`). As `clew.engine.fold`, all of it runs twice for each outcome.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from clew.clock import instant
from clew.engine.compiled import OUTCOMES_AS_SIGNALS, CompiledObjective, CompiledSlot
from clew.engine.credit import (
    CHOSEN,
    OUTCOMES_KEPT,
    UNHEARD,
    Earned,
    count_decision,
    credit,
    reverse,
    void,
)
from clew.engine.effects import Effects
from clew.engine.entries import owner_of, recalled, shortened
from clew.engine.measured import measure
from clew.engine.person import Person
from clew.errors import Problem

__all__ = ["counted_by", "describe", "fold_outcome", "misfit", "reached"]

Fact: TypeAlias = Mapping[str, Any]

#: Outcome types that say a decision reached the person, by what a slot counts on.
_COUNTING = {"displayed": "displayed", "sent": "sent"}


def misfit(person: Person, decision: Fact, outcome: Fact) -> Problem | None:
    """
    Say why an outcome counts for none of the objectives it is for; None where it may (L5).

    Args:
        decision: the record or the entry of the decision that it names.
    """
    slot = person.policy.slots.get(decision["slot"])
    if slot is None or outcome["type"] not in OUTCOMES_AS_SIGNALS:
        return None
    misfits = [objective.misfit(outcome) for objective in reached(slot, outcome)]
    return misfits[0] if misfits and all(misfits) else None


def counted_by(person: Person, outcome: Fact, decision: Fact | None) -> frozenset[str]:
    """
    Give the objectives that a stored outcome has counted for, as a signal of its id would (M1).

    Args:
        decision: the record of the decision that it names; None where that is not stored.
    """
    entry = person.entry(outcome["decision"])
    if entry is None and (decision is None or recalled(person, decision) is None):
        return frozenset()
    slot = person.policy.slots.get((entry or decision or {})["slot"])
    if slot is None or outcome["type"] not in OUTCOMES_AS_SIGNALS or outcome.get("reverses"):
        return frozenset()
    fitting = (one for one in reached(slot, outcome) if one.misfit(outcome) is None)
    return frozenset(one.id for one in fitting)


def fold_outcome(person: Person, outcome: Fact, decision: Fact | None = None) -> Effects:
    """
    Apply an outcome to the decision it names, if that is still kept.

    Args:
        decision: its record, which an older one needs.
    """
    effects = Effects()
    entry = person.entry(outcome["decision"])
    if entry is not None:
        _apply(person, entry, outcome, effects)
        return effects
    found = None if decision is None else recalled(person, decision)
    if found is None:
        effects.status = "late"
        return effects
    entry, short = found
    _apply(person, entry, outcome, effects)
    shortened(entry, short)
    return effects


def _apply(person: Person, entry: dict[str, Any], outcome: Fact, effects: Effects) -> None:
    slot = person.policy.slots.get(entry["slot"])
    if slot is None:
        effects.status = "late"
        return
    at = instant(outcome["occurred_at"])
    kind = outcome["type"]
    if kind == "voided":
        _void(slot, entry, effects, is_unheard="request_id" in outcome)
    elif kind == "overridden":
        void(entry, effects)
        effects.add(f"figures:{slot.id}", {kind: 1.0})
    elif kind == _COUNTING.get(slot.slot.counts_on):
        if entry["void"] == UNHEARD:  # another has asked for it, and shown it
            entry["void"] = False
            _leave_out(entry, effects, is_out=False)
        count_decision(person, slot, entry, at, effects)
    if kind in OUTCOMES_AS_SIGNALS:
        _convert(person, slot, entry, outcome, at, effects)


def _void(slot: CompiledSlot, entry: dict[str, Any], effects: Effects, *, is_unheard: bool) -> None:
    """
    Take a decision back that nobody used (D8).

    Args:
        is_unheard: whether that is said of its request, whose client has not heard of it. Another
            may have got the same decision, since it is sticky, and what was seen stands.
    """
    was_seen = entry["counted"] is not None and slot.slot.counts_on != "served"
    if is_unheard and was_seen:
        return
    _leave_out(entry, effects, is_out=True)
    is_new = not entry["void"]
    void(entry, effects)
    if is_unheard and is_new:
        entry["void"] = UNHEARD


def _leave_out(entry: dict[str, Any], effects: Effects, *, is_out: bool) -> None:
    """Take a decision out of the figures, or put it back; each once."""
    if entry.get("out", False) == is_out:
        return
    entry["out"] = is_out
    times = -1.0 if is_out else 1.0
    describe(entry, times, effects)
    effects.add(f"figures:{entry['slot']}", {"voided": -times})


def describe(decision: Fact, times: float, effects: Effects) -> None:
    """Count a decision in the figures; with *times* -1, take it out again (D8)."""
    figures = {"decisions": 1.0, f"reason:{decision['reason']}": 1.0}
    if decision.get("creative") and decision["reason"] in CHOSEN:
        figures[f"d:{decision['creative']}"] = 1.0
    effects.add(f"figures:{decision['slot']}", figures, times)
    for assignment in decision.get("assignments", ()) if decision.get("measured") else ():
        where = f"decided:{assignment['id']}:{assignment['epoch']}"
        effects.add(where, {assignment["arm"]: 1.0}, times)


def reached(slot: CompiledSlot, outcome: Fact) -> list[CompiledObjective]:
    """The objectives of a slot that an outcome is for."""
    kind = outcome["type"]
    return [one for one in slot.objectives if kind in {"converted", one.objective.signal}]


def _convert(
    person: Person,
    slot: CompiledSlot,
    entry: dict[str, Any],
    outcome: Fact,
    at: float,
    effects: Effects,
) -> None:
    """An outcome that was reported on a decision itself, or the reversal of one."""
    received_at = instant(outcome.get("received_at") or outcome["occurred_at"])
    reverses = outcome.get("reverses")
    effects.disturbs = reverses is not None or outcome["id"] in entry["undone"]
    if reverses in entry["undone"] or outcome["id"] in entry.get("waived", ()):
        return
    came_first = True
    for objective in reached(slot, outcome):
        if objective.misfit(outcome) is not None:
            effects.add(f"objective:{objective.id}", {"refused": 1.0})
            continue
        worth = _worth(objective, entry, outcome, effects)
        if worth is None:
            continue
        is_reversal = reverses is not None
        if not is_reversal:
            credit(slot, objective, entry, Earned(outcome["id"], worth, at), effects)
        came_first = False
        who = owner_of(person, entry)
        measure(person, who, objective, worth, at, received_at, effects, is_reversal=is_reversal)
    if reverses is not None:
        _remember(entry, "undone", reverses)
        if came_first:  # there was nothing to take back, so what comes is nothing, too
            _remember(entry, "waived", reverses)


def _worth(
    objective: CompiledObjective, entry: dict[str, Any], outcome: Fact, effects: Effects
) -> float | None:
    """What an outcome adds, or a reversal takes back; None where nothing is known of that."""
    value = outcome.get("value")
    if outcome.get("reverses") is None:
        return 1.0 if value is None else float(value)
    credited = reverse(objective, entry, outcome["reverses"], effects)
    if value is None:
        return credited
    # A refund is told with either sign; it takes back what had the sign of the purchase.
    return math.copysign(value, 1.0 if credited is None else credited)


def _remember(entry: dict[str, Any], what: str, name: str) -> None:
    names = entry.setdefault(what, [])
    names.append(name)
    del names[:-OUTCOMES_KEPT]
