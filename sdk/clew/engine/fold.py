"""
Folding facts into a person: the one place where a fact changes what is known and learned.

The same functions run twice for each fact: at once on the hot person of the process that took it,
and again on the stored documents when it is made durable. They change the documents given and
return what is to be added elsewhere. Facts are in wire form, each is seen once, and permission has
been checked and stamped (RULES F5).
"""

from bisect import insort
from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import Factory, define

from clew.clock import instant
from clew.engine.compile import OUTCOMES_AS_SIGNALS, CompiledObjective, CompiledSlot
from clew.engine.learn import LINEAR, LOGISTIC, converted
from clew.engine.person import Person
from clew.engine.trial import TrialDocument, count, key, opened, remember
from clew.trust.ledger import record

__all__ = [
    "DECISIONS_KEPT",
    "Effects",
    "fold_consent",
    "fold_decision",
    "fold_outcome",
    "fold_signal",
    "history",
]

Fact: TypeAlias = Mapping[str, Any]

#: Decisions of a slot that can still be credited, per identity; older ones are history.
DECISIONS_KEPT = 4

_MODELS = {model.name: model for model in (LOGISTIC, LINEAR)}

#: Outcome types that say a decision reached the person, by what a slot counts on.
_COUNTING = {"displayed": "displayed", "sent": "sent"}


@define
class Effects:
    """What a fact adds beyond the documents of its person."""

    #: By key, what to add to each name.
    sums: dict[str, dict[str, float]] = Factory(dict)
    #: Trials that changed and are to be mirrored.
    trials: list[TrialDocument] = Factory(list)
    #: Trials that were opened; what the log has of their subject is still to be counted in them.
    opened: list[TrialDocument] = Factory(list)
    #: (catalogue, item, fields) that were named.
    items: list[tuple[str, str, dict[str, Any]]] = Factory(list)
    #: `applied`, or `late` when it came after every window it could have counted in.
    status: str = "applied"

    def add(self, key: str, deltas: Mapping[str, float]) -> None:
        """Add to the sums under a key."""
        sums = self.sums.setdefault(key, {})
        for name, delta in deltas.items():
            sums[name] = sums.get(name, 0.0) + delta


def history(person: Person, trial: TrialDocument, who: str, signal: Fact) -> None:
    """Count a stored signal of one identity in a trial that has just been opened."""
    at = instant(signal["occurred_at"])
    received_at = instant(signal.get("received_at") or signal["occurred_at"])
    link = person.documents[who].get("link")
    since = link["at"] if link is not None and trial["owner"] != who else 0.0
    for objective in person.policy.objectives_of_signal.get(signal["type"], ()):
        worth = objective.value(signal)
        if worth is not None and at >= since:
            remember(trial, objective, worth, at=at)
            count(trial, objective, worth, at=at, received_at=received_at)


def fold_consent(person: Person, consent: Fact) -> None:
    """Record what the person said, with every identity that is linked when they say it."""
    for document in person.documents.values():
        record(document["ledger"], consent)
    person.permissions_changed()


def fold_signal(person: Person, who: str, signal: Fact) -> Effects:
    """Fold a signal of one identity into its traits, then credit the objectives it reaches."""
    effects = Effects()
    at = instant(signal["occurred_at"])
    document = person.documents[who]
    document["signals"] += 1
    document["seen"] = max(document["seen"], at)
    _fold_traits(person, document, signal, at, effects)
    _learn_items(person, signal, effects)
    if signal.get("traffic", "human") in person.policy.traffic:
        received_at = instant(signal.get("received_at") or signal["occurred_at"])
        for objective in person.policy.objectives_of_signal.get(signal["type"], ()):
            worth = objective.value(signal)
            if worth is None:
                effects.add(f"objective:{objective.id}", {"refused": 1.0})
                continue
            _measure(person, who, objective, worth, at, received_at, effects)
            for slot in person.policy.slots_of_objective.get(objective.id, ()):
                entry = _creditable(person, slot, objective, at)
                if entry is not None:
                    _credit(slot, objective, entry, signal["id"], worth, signal, effects)
    return effects


def fold_decision(person: Person, decision: Fact, at: float) -> Effects:
    """Keep a decision made at an instant for crediting, count it, and open its trials."""
    effects = Effects()
    figures = {"decisions": 1.0, f"reason:{decision['reason']}": 1.0}
    if decision.get("traffic", "human") not in person.policy.traffic:
        effects.add("excluded", {decision["traffic"]: 1.0})
        return effects
    if decision.get("creative"):
        figures[f"d:{decision['creative']}"] = 1.0
    effects.add(f"figures:{decision['slot']}", figures)
    if decision.get("subject") is None:
        return effects
    entry = _entry(decision, at)
    document = person.documents[person.subject]
    kept = document["slots"].setdefault(decision["slot"], [])
    insort(kept, entry, key=_when)
    del kept[:-DECISIONS_KEPT]
    for assignment in decision.get("assignments", ()) if decision.get("measured") else ():
        where = f"decided:{assignment['id']}:{assignment['epoch']}"
        effects.add(where, {assignment["arm"]: 1.0})
        _open_trial(person, decision, assignment, at, effects)
    slot = person.policy.slots.get(decision["slot"])
    if slot is not None and slot.slot.counts_on == "served":
        _count(entry, at, effects)
    return effects


def fold_outcome(person: Person, outcome: Fact) -> Effects:
    """Apply an outcome to the decision it names, if that is still kept."""
    effects = Effects()
    entry = person.entry(outcome["decision"])
    slot = person.policy.slots.get(entry["slot"]) if entry is not None else None
    if entry is None or slot is None:
        effects.status = "late"
        return effects
    at = instant(outcome["occurred_at"])
    kind = outcome["type"]
    if kind in {"voided", "overridden"}:
        entry["void"] = True
        effects.add(f"figures:{slot.id}", {kind: 1.0})
    elif kind == _COUNTING.get(slot.slot.counts_on):
        _count(entry, at, effects)
    if kind in OUTCOMES_AS_SIGNALS:
        _convert(person, slot, entry, outcome, at, effects)
    return effects


# -- traits and catalogues


def _fold_traits(
    person: Person, document: dict[str, Any], signal: Fact, at: float, effects: Effects
) -> None:
    covers = person.policy.purposes.covers
    stamped = signal.get("purposes", ())
    for trait in person.policy.traits_of_signal.get(signal["type"], ()):
        if not any(covers(purpose, trait.purpose) for purpose in stamped):
            continue
        states = document["traits"]
        state = states.get(trait.digest)
        if trait.fold_pairs is None:
            state = trait.fold(state, at, signal)
        else:
            state, pairs = trait.fold_pairs(state, at, signal)
            for (item, other), n in pairs.items():
                where = f"pairs:{trait.digest}:{item}" if other else f"pairs:{trait.digest}"
                effects.add(where, {other or item: n})
        if state is not None:
            states[trait.digest] = state
            person.gather(trait)


def _learn_items(person: Person, signal: Fact, effects: Effects) -> None:
    for catalogue, read in person.policy.item_sources.get(signal["type"], ()):
        found = read(signal)
        if found is not None:
            effects.items.append((catalogue, *found))


# -- measuring


def _open_trial(
    person: Person, decision: Fact, assignment: Fact, at: float, effects: Effects
) -> None:
    name = key(assignment["id"], assignment["epoch"])
    if name in person.trials:
        return
    trial = opened(
        (assignment["id"], assignment["epoch"], assignment["arm"]),
        at=at,
        owner=person.subject,
        policy_version=decision.get("policy_version") or "",
    )
    person.trials[name] = trial
    effects.opened.append(trial)


def _measure(
    person: Person,
    who: str,
    objective: CompiledObjective,
    worth: float,
    at: float,
    received_at: float,
    effects: Effects,
) -> None:
    """Count an outcome in all of the person's trials, alike in both arms (M1, M3)."""
    link = person.documents[who].get("link")
    for trial in person.trials.values():
        since = link["at"] if link is not None and trial["owner"] != who else 0.0
        verdict = count(trial, objective, worth, at=at, received_at=received_at, since=since)
        if verdict == "late":
            effects.add(f"objective:{objective.id}", {"late": 1.0})
        elif verdict == "counted":
            effects.trials.append(trial)
            if objective.clip(worth) != worth:
                effects.add(f"objective:{objective.id}", {"clipped": 1.0})


# -- learning


def _when(entry: Mapping[str, Any]) -> tuple[float, str]:
    return entry["at"], entry["id"]


def _entry(decision: Fact, at: float) -> dict[str, Any]:
    """What is kept of a decision: enough to repeat it, to count it and to credit it."""
    draws = decision.get("draws", ())
    items = [item for item in decision.get("items", ()) if item["reason"] == "bandit"]
    names = [item["item"] for item in items] or [None] * len(draws)
    return {
        "id": decision["id"],
        "slot": decision["slot"],
        "at": at,
        "session": decision.get("session_id"),
        "view": decision.get("view_id"),
        "creative": decision.get("creative"),
        "version": decision.get("creative_version"),
        "reason": decision["reason"],
        "propensity": decision.get("propensity"),
        "policy": [decision.get("policy_id"), decision.get("policy_version")],
        "assignments": decision.get("assignments", []),
        "measured": decision.get("measured", False),
        "eligible": decision.get("eligible", []),
        "items": [[i["item"], i["reason"], i.get("propensity")] for i in decision.get("items", ())],
        "arms": [_arm(name, draw) for name, draw in zip(names, draws, strict=True)],
        "counted": None,
        "void": False,
        "done": {},
    }


def _arm(item: str | None, draw: Fact) -> dict[str, Any]:
    """One drawn arm; x, m and p are of the moment of the draw (L2)."""
    return {
        "item": item,
        "key": draw["state_key"],
        "model": draw["model"],
        "x": draw["features"],
        "m": draw["means"],
        "p": draw["predicted"],
        "choice": len(draw["candidates"]) > 1,
    }


def _count(entry: dict[str, Any], at: float, effects: Effects) -> None:
    """Count a decision once: from here on it teaches (L1, L2)."""
    if entry["counted"] is not None or entry["void"]:
        return
    entry["counted"] = at
    for arm in entry["arms"]:
        model = _MODELS[arm["model"]]
        effects.add(arm["key"], model.counted(arm.pop("m"), arm.pop("p"), arm["x"]))
        group, learning_key, digest = arm["key"].split(":")[1:]
        counts = {f"n:{learning_key}": 1.0, "rounds": float(arm["choice"])}
        effects.add(f"slot:{group}:{digest}", counts)
    creative = entry["creative"]
    figures = {f"s:{creative}": 1.0}
    if entry["propensity"]:
        figures[f"w:{creative}"] = 1.0 / entry["propensity"]
    effects.add(f"figures:{entry['slot']}", figures)
    for assignment in entry["assignments"]:
        where = f"displays:{assignment['id']}:{assignment['epoch']}"
        effects.add(where, {assignment["arm"]: 1.0})


def _creditable(
    person: Person, slot: CompiledSlot, objective: CompiledObjective, at: float
) -> dict[str, Any] | None:
    """The last counted decision of a slot whose window holds the instant (M1)."""
    fitting = [entry for entry in person.entries(slot.id) if _open(entry, objective, at)]
    return max(fitting, key=lambda entry: (entry["counted"], entry["id"]), default=None)


def _open(entry: dict[str, Any], objective: CompiledObjective, at: float) -> bool:
    """Whether a decision was counted and its window holds the instant."""
    counted = entry["counted"]
    if counted is None or entry["void"]:
        return False
    return bool(counted <= at <= counted + objective.objective.window_seconds)


def _credit(
    slot: CompiledSlot,
    objective: CompiledObjective,
    entry: dict[str, Any],
    id: str,
    worth: float,
    signal: Fact,
    effects: Effects,
) -> None:
    """Let a decision's arms earn an outcome; of a list, only the item that was taken."""
    done = entry["done"].setdefault(objective.id, [])
    first_only = objective.objective.count == "first"
    if first_only and done:
        return
    reward = 1.0 if slot.model is LOGISTIC else slot.terms[objective.id].of(worth)
    taken = _taken(slot, signal)
    for arm in entry["arms"]:
        if taken is None or arm["item"] is None or arm["item"] in taken:
            effects.add(arm["key"], converted(arm["x"], reward))
    done.append([id, reward])
    earned = {f"r:{entry['creative']}": reward / entry["propensity"]} if entry["propensity"] else {}
    effects.add(f"figures:{slot.id}", earned)
    effects.add(f"objective:{objective.id}", {"attributed": objective.clip(worth)})


def _taken(slot: CompiledSlot, signal: Fact) -> frozenset[str] | None:
    """The items a signal names; None where the slot does not tell items apart."""
    if slot.items is None or slot.items.of is None or "data" not in signal:
        return None
    found = slot.items.of(signal)
    return frozenset(map(str, found if isinstance(found, list) else [found]))


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
    for objective in slot.objectives:
        if objective.objective.signal != outcome["type"] and outcome["type"] != "converted":
            continue
        worth = outcome.get("value")
        worth = 1.0 if worth is None else float(worth)
        reverses = outcome.get("reverses")
        if reverses is not None:
            _reverse(objective, entry, reverses, effects)
            worth = -worth
        elif _open(entry, objective, at):
            _credit(slot, objective, entry, outcome["id"], worth, {}, effects)
        else:
            effects.status = "late"
        _measure(person, person.subject, objective, worth, at, received_at, effects)


def _reverse(
    objective: CompiledObjective, entry: dict[str, Any], reverses: str, effects: Effects
) -> None:
    """Take back what an outcome taught, with the reward it was learned with (L2)."""
    done = entry["done"].get(objective.id, [])
    for credited in done:
        if credited[0] == reverses:
            for arm in entry["arms"]:
                effects.add(arm["key"], converted(arm["x"], -credited[1]))
            effects.add(f"objective:{objective.id}", {"reversed": 1.0})
            done.remove(credited)
            return
