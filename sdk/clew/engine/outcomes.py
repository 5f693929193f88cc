"""
Folding outcomes: what came of a decision, applied to what is kept of it.

An outcome names its decision, by whose entry it is counted, credited or taken back; facts come in
any order (`clew.engine.credit`). As `clew.engine.fold`, all of it runs twice for each outcome.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, get_args

from clew.clock import instant
from clew.engine.compiled import OUTCOMES_AS_SIGNALS, CompiledObjective, CompiledSlot
from clew.engine.counting import End, count_decision, end_decision
from clew.engine.credit import Credit, undo
from clew.engine.effects import Effects
from clew.engine.entries import Recall, find, note, owner_of, unrecorded
from clew.engine.measured import event_of, measure
from clew.engine.person import Person
from clew.engine.trial import Event
from clew.errors import Problem

__all__ = [
    "Told",
    "fold_outcome",
    "misfit",
    "reached",
    "told_by_outcome",
    "told_by_signal",
    "worth_of",
]

Fact: TypeAlias = Mapping[str, Any]
#: By objective, what another fact of the same id has told before.
Told: TypeAlias = Mapping[str, Event]

_ENDS: frozenset[End] = frozenset(get_args(End))
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


def told_by_signal(person: Person, signal: Fact | None, outcome: Fact) -> Told | None:
    """
    Say what of an outcome a stored signal of its id has told before (M1).

    Args:
        signal: None where there is none; so if it is something else than the outcome.
    """
    if signal is None or not _say_the_same(outcome, signal):
        return None
    if signal.get("traffic", "human") not in person.policy.traffic:
        return None
    objectives = person.policy.objectives_of_signal.get(signal["type"], ())
    worths = ((objective.id, objective.value(signal)) for objective in objectives)
    return {name: event_of(signal, worth) for name, worth in worths if worth is not None}


def told_by_outcome(
    person: Person, outcome: Fact | None, signal: Fact, recall: Recall
) -> Told | None:
    """As `told_by_signal`, of a signal by an outcome."""
    if outcome is None or not _say_the_same(outcome, signal):
        return None
    entry = find(person, outcome["decision"], recall)
    slot = None if entry is None else person.policy.slots.get(entry["slot"])
    if slot is None:
        return None
    event = event_of(outcome, worth_of(outcome))
    return {one.id: event for one in reached(slot, outcome) if one.misfit(outcome) is None}


def _say_the_same(outcome: Fact, signal: Fact) -> bool:
    """
    Whether an outcome and a signal of one id are the same event.

    Only an outcome that counts for objectives is: whoever saw a display that goes by the number of
    an order has not ordered, nor whoever was given the money back.
    """
    kind = outcome["type"]
    is_event = kind in OUTCOMES_AS_SIGNALS and outcome.get("reverses") is None
    return is_event and kind in {"converted", signal["type"]}


def worth_of(outcome: Fact) -> float:
    """What an outcome is worth; 1 where it gives no value."""
    value = outcome.get("value")
    return 1.0 if value is None else float(value)


def fold_outcome(
    person: Person, outcome: Fact, *, recall: Recall = unrecorded, told: Told | None = None
) -> Effects:
    """
    Apply an outcome to the decision it names, if that is still kept.

    Args:
        told: what a signal of its id has told before; of the decision only this outcome tells.
    """
    effects = Effects()
    entry = find(person, outcome["decision"], recall)
    slot = None if entry is None else person.policy.slots.get(entry["slot"])
    if entry is None or slot is None:
        effects.status = "late"
        return effects
    if _has_moved(person, slot, entry, outcome, effects):
        note(person, entry)
        Credit(person, slot, effects, recall).settle()
    if outcome["type"] in OUTCOMES_AS_SIGNALS:
        if outcome.get("reverses") is not None:
            _reverse(person, entry, outcome, effects, recall)
        else:
            _convert(person, entry, outcome, effects, recall, told or {})
    return effects


def _has_moved(
    person: Person,
    slot: CompiledSlot,
    entry: dict[str, Any],
    outcome: Fact,
    effects: Effects,
) -> bool:
    """Count a decision or take it back, as an outcome says; whether it says either."""
    kind = outcome["type"]
    if kind in _ENDS:
        end_decision(slot, entry, kind, effects)
    elif kind == _COUNTING.get(slot.slot.counts_on):
        count_decision(person, slot, entry, instant(outcome["occurred_at"]), effects)
    else:
        return False
    return True


def reached(slot: CompiledSlot, outcome: Fact) -> list[CompiledObjective]:
    """The objectives of a slot that an outcome is for."""
    kind = outcome["type"]
    return [one for one in slot.objectives if kind in {"converted", one.objective.signal}]


def _convert(
    person: Person,
    entry: dict[str, Any],
    outcome: Fact,
    effects: Effects,
    recall: Recall,
    told: Told,
) -> None:
    """Measure an outcome that was told of a decision, and let the decision earn it."""
    slot, who = person.policy.slots[entry["slot"]], owner_of(person, entry)
    event = event_of(outcome, worth_of(outcome))
    for objective in _fitting(slot, outcome, effects):
        before = told.get(objective.id)
        if before is None:
            measure(person, who, objective, event, effects)
        else:
            effects.disturbs |= event.contradicts(before)
        earned = {"id": outcome["id"], "at": event.at, "worth": event.worth}
        earned["decision"] = entry["id"]
        is_known = Credit(person, slot, effects, recall).tell(who, objective, earned)
        effects.disturbs |= is_known and before is None
        if _is_late(objective, entry, event.at):
            effects.status = "late"


def _reverse(
    person: Person, entry: dict[str, Any], outcome: Fact, effects: Effects, recall: Recall
) -> None:
    """Take an outcome back, whoever has told or will tell of it, and whoever has earned it."""
    slot, who = person.policy.slots[entry["slot"]], owner_of(person, entry)
    effects.disturbs = True
    for objective in _fitting(slot, outcome, effects):
        measure(
            person, who, objective, event_of(outcome, worth_of(outcome)), effects, is_reversal=True
        )
        undo(person, who, objective, outcome["reverses"], effects, recall)


def _fitting(slot: CompiledSlot, outcome: Fact, effects: Effects) -> Iterator[CompiledObjective]:
    """Give the objectives that an outcome is for and counts for; of others note it."""
    for objective in reached(slot, outcome):
        if objective.misfit(outcome) is None:
            yield objective
        else:
            effects.add(f"objective:{objective.id}", {"refused": 1.0})


def _is_late(objective: CompiledObjective, entry: Fact, at: float) -> bool:
    """Whether a decision was counted and its window does not hold the instant."""
    counted = entry["counted"]
    window = objective.objective.window_seconds
    return counted is not None and not counted <= at <= counted + window
