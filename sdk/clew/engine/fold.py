"""
Folding facts into a person: the one place where a fact changes what is known and learned.

The same functions run twice for each fact: at once on the hot person of the process that took it,
and again on the stored documents when it is made durable. They change the documents given and
return what is to be added elsewhere. Facts are in wire form, each is seen once, and permission has
been checked and stamped (RULES F5).
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from clew.clock import instant
from clew.engine import learned
from clew.engine.compiled import CompiledObjective, CompiledSlot
from clew.engine.counting import add_to_figures, count_decision
from clew.engine.credit import Credit
from clew.engine.effects import Effects
from clew.engine.entries import Recall, keep, unrecorded
from clew.engine.measured import event_of, measure, open_trial
from clew.engine.outcomes import NOTHING, Told
from clew.engine.person import Person
from clew.engine.split import split_arm, split_experiment
from clew.engine.traits import CompiledTrait
from clew.engine.trial import Event
from clew.trust.ledger import record

__all__ = [
    "fold_consent",
    "fold_decision",
    "fold_signal",
    "fold_traits",
]

Fact: TypeAlias = Mapping[str, Any]


def fold_consent(person: Person, who: str, consent: Fact) -> None:
    """Record what was said through an identity, with it alone: a link may be undone (I2)."""
    record(person.documents[who]["said"], consent)
    person.permissions_changed()


def fold_signal(
    person: Person,
    who: str,
    signal: Fact,
    *,
    recall: Recall = unrecorded,
    told: Told = NOTHING,
) -> Effects:
    """
    Fold a signal of one identity into its traits, then credit the objectives it reaches.

    Args:
        told: what an outcome of its id has told before (`told_by_outcome`).
    """
    effects = Effects()
    at = instant(signal["occurred_at"])
    document = person.documents[who]
    document["signals"] += 1
    document["seen"] = max(document["seen"], at)
    counts = signal.get("traffic", "human") in person.policy.traffic
    traits = person.policy.traits_for(signal["type"], signal.get("purposes", ()))
    # What is bought with what, and what things are called, is learned from nobody else either (F3).
    learned_from = effects if counts else Effects()
    person.changed(fold_traits(traits, document["traits"], signal, at, learned_from))
    if not counts:
        return effects
    for catalogue, read in person.policy.item_sources.get(signal["type"], ()):
        found = read(signal)
        if found is not None:
            item, fields = found
            effects.items.append((catalogue, item, learned.told(fields, at, signal["id"])))
    objectives = person.policy.objectives_of_signal.get(signal["type"])
    if objectives:
        _reach(person, who, objectives, signal, effects, recall, told)
    return effects


def fold_decision(
    person: Person,
    decision: Fact,
    at: float,
    *,
    in_figures: bool = True,
    recall: Recall = unrecorded,
) -> Effects:
    """
    Keep a decision made at an instant for crediting, count it, and open its trials.

    Args:
        in_figures: whether to count it in the figures too, which no decision reads.
    """
    effects = Effects()
    if decision.get("traffic", "human") not in person.policy.traffic:
        effects.add("excluded", {decision["traffic"]: 1.0})
        return effects
    if in_figures:
        add_to_figures(decision, 1.0, effects)
    if decision.get("subject") is None:
        return effects
    entry = keep(person.documents[decision["subject"]], decision, at)
    for assignment in decision.get("assignments", ()) if decision.get("measured") else ():
        open_trial(person, decision, assignment, at, effects)
    slot = person.policy.slots.get(decision["slot"])
    if slot is None:
        return effects
    if decision["reason"] == "split" and decision.get("measured"):
        # With fixed shares each creative is an arm of its own (M9).
        own = {"id": split_experiment(slot.id), "epoch": slot.split_epoch}
        arm = split_arm(slot, decision["subject"], person.trials)
        open_trial(person, decision, {**own, "arm": arm}, at, effects)
    if slot.slot.counts_on == "served":
        count_decision(person, slot, entry, at, effects)
        Credit(person, slot, effects, recall).settle()
    return effects


# -- traits and catalogues


def fold_traits(
    traits: Iterable[CompiledTrait],
    states: dict[str, Any],
    signal: Fact,
    at: float,
    effects: Effects,
) -> list[str]:
    """Fold a signal into traits; gives the digests of those that have a state now."""
    changed: list[str] = []
    for trait in traits:
        digest = trait.digest
        if trait.fold_pairs is None:
            state = trait.fold(states.get(digest), at, signal)
        else:
            state, pairs = trait.fold_pairs(states.get(digest), at, signal)
            for (item, other), n in pairs.items():
                where = f"pairs:{digest}:{item}" if other else f"pairs:{digest}"
                effects.add(where, {other or item: n})
        if state is not None:
            states[digest] = state
            changed.append(digest)
    return changed


# -- outcomes


def _reach(
    person: Person,
    who: str,
    objectives: Iterable[CompiledObjective],
    signal: Fact,
    effects: Effects,
    recall: Recall,
    told: Told,
) -> None:
    """Measure a signal that counts for objectives, and let decisions earn it (M1)."""
    for objective in objectives:
        worth = objective.value(signal)
        if worth is None:
            effects.add(f"objective:{objective.id}", {"refused": 1.0})
            continue
        event, before = event_of(signal, worth), told.get(objective.id)
        measure(person, who, objective, event, effects, before=before)
        for slot in person.policy.slots_of_objective.get(objective.id, ()):
            credit = Credit(person, slot, effects, recall)
            is_known = credit.tell(who, objective, _outcome(slot, signal, event))
            effects.disturbs |= is_known and before is None


def _outcome(slot: CompiledSlot, signal: Fact, event: Event) -> dict[str, Any]:
    """A signal that reaches an objective, as a slot keeps it."""
    outcome = {"id": signal["id"], "at": event.at, "worth": event.worth}
    # What was taken of a list, if the slot tells that.
    if slot.items is not None and slot.items.of is not None and "data" in signal:
        found = slot.items.of(signal)
        outcome["items"] = [str(item) for item in (found if isinstance(found, list) else [found])]
    return outcome
