"""
Folding facts into a person: the one place where a fact changes what is known and learned.

The same functions run twice for each fact: at once on the hot person of the process that took it,
and again on the stored documents when it is made durable. They change the documents given and
return what is to be added elsewhere. Facts are in wire form, each is seen once, and permission has
been checked and stamped (RULES F5).
"""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from clew.clock import instant
from clew.engine import learned
from clew.engine.compiled import OUTCOMES_AS_SIGNALS, CompiledObjective, CompiledSlot
from clew.engine.credit import (
    CHOSEN,
    OUTCOMES_KEPT,
    UNHEARD,
    Earned,
    count_decision,
    credit,
    creditable,
    holds,
    reverse,
    taken,
    void,
)
from clew.engine.effects import Effects
from clew.engine.entries import keep, recalled, shortened
from clew.engine.person import Person
from clew.engine.split import split_arm, split_experiment
from clew.engine.traits import CompiledTrait
from clew.engine.trial import TrialDocument, count, key, opened, remember
from clew.errors import Problem
from clew.trust.ledger import record

__all__ = [
    "counted_by",
    "fold_consent",
    "fold_decision",
    "fold_earlier",
    "fold_outcome",
    "fold_signal",
    "fold_trait",
    "history",
    "misfit",
]

Fact: TypeAlias = Mapping[str, Any]

#: Outcome types that say a decision reached the person, by what a slot counts on.
_COUNTING = {"displayed": "displayed", "sent": "sent"}


def history(person: Person, trial: TrialDocument, who: str, signal: Fact) -> None:
    """Count a stored signal of one identity in a trial that begins where it did not before."""
    if signal.get("traffic", "human") not in person.policy.traffic:
        return
    at = instant(signal["occurred_at"])
    received_at = instant(signal.get("received_at") or signal["occurred_at"])
    since = _since(person, who, trial)
    for objective in person.policy.objectives_of_signal.get(signal["type"], ()):
        worth = objective.value(signal)
        if worth is not None and at >= since:
            remember(trial, objective, worth, at=at)
            count(trial, objective, worth, at=at, received_at=received_at)


def fold_consent(person: Person, who: str, consent: Fact) -> None:
    """Record what was said through an identity, with it alone: a link may be undone (I2)."""
    record(person.documents[who]["said"], consent)
    person.permissions_changed()


def fold_signal(
    person: Person, who: str, signal: Fact, *, told: Collection[str] = frozenset()
) -> Effects:
    """
    Fold a signal of one identity into its traits, then credit the objectives it reaches.

    Args:
        told: the objectives that an outcome with its id has counted for before (`counted_by`).
    """
    effects = Effects()
    at = instant(signal["occurred_at"])
    document = person.documents[who]
    document["signals"] += 1
    document["seen"] = max(document["seen"], at)
    counts = signal.get("traffic", "human") in person.policy.traffic
    # What is bought with what, and what things are called, is learned from nobody else either (F3).
    _fold_traits(person, document, signal, at, effects if counts else Effects())
    if not counts:
        return effects
    _learn_items(person, signal, at, effects)
    for objective in person.policy.objectives_of_signal.get(signal["type"], ()):
        _reach(person, who, objective, signal, at, effects, is_told=objective.id in told)
    return effects


def fold_decision(person: Person, decision: Fact, at: float, *, described: bool = True) -> Effects:
    """
    Keep a decision made at an instant for crediting, count it, and open its trials.

    Args:
        described: whether to count it in the figures too, which no decision reads.
    """
    effects = Effects()
    if decision.get("traffic", "human") not in person.policy.traffic:
        effects.add("excluded", {decision["traffic"]: 1.0})
        return effects
    if described:
        _describe(decision, 1.0, effects)
    if decision.get("subject") is None:
        return effects
    entry = keep(person.documents[person.subject], decision, at)
    for assignment in decision.get("assignments", ()) if decision.get("measured") else ():
        _open_trial(person, decision, assignment, at, effects)
    slot = person.policy.slots.get(decision["slot"])
    if slot is None:
        return effects
    if decision["reason"] == "split" and decision.get("measured"):
        # With fixed shares each creative is an arm of its own (M9).
        own = {"id": split_experiment(slot.id), "epoch": slot.split_epoch}
        arm = split_arm(slot, decision["subject"], person.trials)
        _open_trial(person, decision, {**own, "arm": arm}, at, effects)
    if slot.slot.counts_on == "served":
        count_decision(person, slot, entry, at, effects)
    return effects


def fold_earlier(person: Person, decision: Fact, signals: Iterable[Fact], effects: Effects) -> None:
    """
    Credit a decision that was just folded with signals that were stored before it (F6).

    An application elsewhere may tell of a purchase before the server has stored the decision that
    led to it. What another decision of the slot was credited with stays there.
    """
    slot = person.policy.slots.get(decision["slot"])
    entry = person.entry(decision["id"])
    if slot is None or entry is None:
        return
    for signal in signals:
        at = instant(signal["occurred_at"])
        if at < entry["at"] or signal.get("traffic", "human") not in person.policy.traffic:
            continue
        for objective in person.policy.objectives_of_signal.get(signal["type"], ()):
            worth = objective.value(signal)
            if (
                worth is None
                or slot not in person.policy.slots_of_objective.get(objective.id, ())
                or holds(person, slot, objective, signal["id"])
                or creditable(person, slot, objective, at) is not entry
            ):
                continue
            earned = Earned(signal["id"], worth, at, taken(slot, signal))
            credit(slot, objective, entry, earned, effects)


def misfit(person: Person, decision: Fact, outcome: Fact) -> Problem | None:
    """
    Say why an outcome counts for none of the objectives it is for; None where it may (L5).

    Args:
        decision: the record or the entry of the decision that it names.
    """
    slot = person.policy.slots.get(decision["slot"])
    if slot is None or outcome["type"] not in OUTCOMES_AS_SIGNALS:
        return None
    misfits = [objective.misfit(outcome) for objective in _reached(slot, outcome)]
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
    reached = _reached(slot, outcome)
    return frozenset(one.id for one in reached if one.misfit(outcome) is None)


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
    _describe(entry, times, effects)
    effects.add(f"figures:{entry['slot']}", {"voided": -times})


def _describe(decision: Fact, times: float, effects: Effects) -> None:
    """Count a decision in the figures; with *times* -1, take it out again (D8)."""
    figures = {"decisions": 1.0, f"reason:{decision['reason']}": 1.0}
    if decision.get("creative") and decision["reason"] in CHOSEN:
        figures[f"d:{decision['creative']}"] = 1.0
    effects.add(f"figures:{decision['slot']}", figures, times)
    for assignment in decision.get("assignments", ()) if decision.get("measured") else ():
        where = f"decided:{assignment['id']}:{assignment['epoch']}"
        effects.add(where, {assignment["arm"]: 1.0}, times)


# -- traits and catalogues


def _fold_traits(
    person: Person, document: dict[str, Any], signal: Fact, at: float, effects: Effects
) -> None:
    states = document["traits"]
    for trait in person.policy.traits_for(signal["type"], signal.get("purposes", ())):
        if fold_trait(trait, states, signal, at, effects):
            person.changed(trait)


def fold_trait(
    trait: CompiledTrait, states: dict[str, Any], signal: Fact, at: float, effects: Effects
) -> bool:
    """Fold a signal into one trait; whether there is a state now."""
    state = states.get(trait.digest)
    if trait.fold_pairs is None:
        state = trait.fold(state, at, signal)
    else:
        state, pairs = trait.fold_pairs(state, at, signal)
        for (item, other), n in pairs.items():
            where = f"pairs:{trait.digest}:{item}" if other else f"pairs:{trait.digest}"
            effects.add(where, {other or item: n})
    if state is None:
        return False
    states[trait.digest] = state
    return True


def _learn_items(person: Person, signal: Fact, at: float, effects: Effects) -> None:
    for catalogue, read in person.policy.item_sources.get(signal["type"], ()):
        found = read(signal)
        if found is not None:
            item, fields = found
            effects.items.append((catalogue, item, learned.told(fields, at, signal["id"])))


# -- measuring


def _reach(
    person: Person,
    who: str,
    objective: CompiledObjective,
    signal: Fact,
    at: float,
    effects: Effects,
    *,
    is_told: bool,
) -> None:
    """A signal of one identity that counts for an objective; once, whoever else told of it (M1)."""
    worth = objective.value(signal)
    if worth is None:
        effects.add(f"objective:{objective.id}", {"refused": 1.0})
        return
    received_at = instant(signal.get("received_at") or signal["occurred_at"])
    if not is_told:
        _measure(person, who, objective, worth, at, received_at, effects)
    for slot in person.policy.slots_of_objective.get(objective.id, ()):
        if is_told and holds(person, slot, objective, signal["id"]):
            continue
        entry = creditable(person, slot, objective, at)
        if entry is not None:
            earned = Earned(signal["id"], worth, at, taken(slot, signal))
            credit(slot, objective, entry, earned, effects)


def _open_trial(
    person: Person, decision: Fact, assignment: Fact, at: float, effects: Effects
) -> None:
    name = key(assignment["id"], assignment["epoch"])
    version = decision.get("policy_version") or ""
    trial = person.trials.get(name)
    if trial is None:
        arm = (assignment["id"], assignment["epoch"], assignment["arm"])
        trial = opened(arm, at=at, owner=person.subject, policy_version=version)
        person.trials[name] = trial
        effects.opened.append((trial, math.inf))
    elif at < trial["at"] and trial["owner"] == person.subject and trial["left"] is None:
        # Another process has stored a later decision first (M4, F6).
        effects.opened.append((trial, trial["at"]))
        trial["at"], trial["policy_version"] = at, version


def _measure(
    person: Person,
    who: str,
    objective: CompiledObjective,
    worth: float,
    at: float,
    received_at: float,
    effects: Effects,
    *,
    is_reversal: bool = False,
) -> None:
    """Count an outcome in all of the person's trials, alike in both arms (M1, M3)."""
    verdicts: set[str] = set()
    for trial in person.trials.values():
        told = {"at": at, "received_at": received_at, "since": _since(person, who, trial)}
        verdict = count(trial, objective, worth, is_reversal=is_reversal, **told)
        verdicts.add(verdict)
        if verdict == "counted":
            effects.trials.append(trial)
    # It is one outcome, however many trials it is in.
    if "late" in verdicts:
        effects.add(f"objective:{objective.id}", {"late": 1.0})
    if "counted" in verdicts and not is_reversal and objective.clip(worth) != worth:
        effects.add(f"objective:{objective.id}", {"clipped": 1.0})


def _since(person: Person, who: str, trial: TrialDocument) -> float:
    """From when on an identity's outcomes belong to a trial: its own, or since both are linked."""
    if who == trial["owner"]:
        return 0.0
    links = (person.documents[name].get("link") for name in (who, trial["owner"]))
    return max((float(link["at"]) for link in links if link), default=0.0)


# -- outcomes


def _reached(slot: CompiledSlot, outcome: Fact) -> list[CompiledObjective]:
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
    if reverses in entry["undone"] or outcome["id"] in entry.get("waived", ()):
        return
    came_first = True
    for objective in _reached(slot, outcome):
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
        who = person.subject
        _measure(person, who, objective, worth, at, received_at, effects, is_reversal=is_reversal)
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
