"""
Folding outcomes: what came of a decision, applied to what is kept of it.

An outcome names its decision, by whose entry it is counted, credited or taken back; facts come in
any order (`clew.engine.credit`). As `clew.engine.fold`, all of it runs twice for each outcome.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias, get_args

from clew.clock import instant
from clew.engine.compiled import OUTCOMES_AS_SIGNALS, CompiledObjective, CompiledSlot
from clew.engine.counting import End, count_decision, end_decision
from clew.engine.credit import Credit
from clew.engine.effects import Effects
from clew.engine.entries import Entry, Recall, find, note, owner_of, unrecorded
from clew.engine.measured import event_of, measure
from clew.engine.person import Person
from clew.engine.trial import Event
from clew.errors import Problem

__all__ = [
    "NOTHING",
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

#: Where nothing was told before.
NOTHING: Told = MappingProxyType({})
_ENDS: frozenset[End] = frozenset(get_args(End))


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


def told_by_signal(person: Person, signal: Fact | None, outcome: Fact) -> Told:
    """
    Say what of an outcome a signal of its id has told before (M1).

    Args:
        signal: the stored one; None, or one that is another event, has told nothing of it.
    """
    if signal is None or not _say_the_same(outcome, signal):
        return NOTHING
    if signal.get("traffic", "human") not in person.policy.traffic:
        return NOTHING
    objectives = person.policy.objectives_of_signal.get(signal["type"], ())
    worths = ((objective.id, objective.value(signal)) for objective in objectives)
    return {name: event_of(signal, worth) for name, worth in worths if worth is not None}


def told_by_outcome(person: Person, outcome: Fact | None, signal: Fact, recall: Recall) -> Told:
    """Say what of a signal an outcome of its id has told before, as `told_by_signal`."""
    if outcome is None or not _say_the_same(outcome, signal):
        return NOTHING
    entry = find(person, outcome["decision"], recall)
    slot = None if entry is None else person.policy.slots.get(entry["slot"])
    if slot is None:
        return NOTHING
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
    person: Person, outcome: Fact, *, recall: Recall = unrecorded, told: Told = NOTHING
) -> Effects:
    """
    Apply an outcome to the decision it names, if that is still kept.

    Args:
        told: what a signal of its id has told before (`told_by_signal`); that the decision has
            earned it this outcome alone says.
    """
    effects = Effects()
    entry = find(person, outcome["decision"], recall)
    slot = None if entry is None else person.policy.slots.get(entry["slot"])
    if entry is None or slot is None:
        effects.status = "late"
        return effects
    may_have_changed = _count_or_end(person, slot, entry, outcome, effects)
    credit = Credit(person, slot, effects, recall)
    if may_have_changed:
        note(person, entry)
        credit.settle()
    if outcome["type"] in OUTCOMES_AS_SIGNALS:
        if outcome.get("reverses") is not None:
            _reverse(credit, entry, outcome)
        else:
            _convert(credit, entry, outcome, told)
    return effects


def _count_or_end(
    person: Person, slot: CompiledSlot, entry: Entry, outcome: Fact, effects: Effects
) -> bool:
    """Count a decision or take it back, as an outcome says; whether it says either."""
    kind = outcome["type"]
    if kind in _ENDS:
        end_decision(slot, entry, kind, effects)
    elif kind == slot.slot.counts_on:
        count_decision(person, slot, entry, instant(outcome["occurred_at"]), effects)
    else:
        return False
    return True


def reached(slot: CompiledSlot, outcome: Fact) -> list[CompiledObjective]:
    """The objectives of a slot that an outcome is for."""
    kind = outcome["type"]
    return [one for one in slot.objectives if kind in {"converted", one.objective.signal}]


def _convert(credit: Credit, entry: Entry, outcome: Fact, told: Told) -> None:
    """Measure an outcome that was told of a decision, and let the decision earn it."""
    person, effects = credit.person, credit.effects
    who, event = owner_of(person, entry), event_of(outcome, worth_of(outcome))
    for objective in _fitting(credit, outcome):
        before = told.get(objective.id)
        measure(person, who, objective, event, effects, before=before)
        kept = {"id": outcome["id"], "at": event.at, "worth": event.worth, "decision": entry["id"]}
        effects.disturbs |= credit.tell(who, objective, kept) and before is None
        counted = entry["counted"]
        if counted is not None and not objective.is_in_window(counted, event.at):
            effects.status = "late"


def _reverse(credit: Credit, entry: Entry, outcome: Fact) -> None:
    """Take an outcome back, whoever has told or will tell of it, and whoever has earned it."""
    person, effects = credit.person, credit.effects
    who, event = owner_of(person, entry), event_of(outcome, worth_of(outcome))
    effects.disturbs = True
    for objective in _fitting(credit, outcome):
        measure(person, who, objective, event, effects, is_reversal=True)
        credit.reverse(who, objective, outcome["reverses"])


def _fitting(credit: Credit, outcome: Fact) -> Iterator[CompiledObjective]:
    """Give the objectives that an outcome is for and counts for; of others note it."""
    for objective in reached(credit.slot, outcome):
        if objective.misfit(outcome) is None:
            yield objective
        else:
            credit.effects.add(f"objective:{objective.id}", {"refused": 1.0})
