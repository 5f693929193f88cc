"""
What a decision earns: counting it, crediting outcomes to it, taking them back (RULES L1, L2, D8).

A decision's entry (`clew.engine.entries`) says what was drawn and what has been credited so far.
Facts may arrive in any order: an outcome that comes before its decision was counted waits in the
entry, and one that was reversed before it came earns nothing.
"""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from clew.engine.compiled import CompiledObjective, CompiledSlot
from clew.engine.effects import Effects
from clew.engine.entries import credits_of, when
from clew.engine.learn import LINEAR, LOGISTIC, converted
from clew.engine.person import Person
from clew.engine.trial import key

__all__ = [
    "CHOSEN",
    "OUTCOMES_KEPT",
    "UNHEARD",
    "Earned",
    "count_decision",
    "credit",
    "creditable",
    "holds",
    "reverse",
    "taken",
    "void",
]

#: Outcomes that wait for one decision to be counted; what comes beyond teaches nothing.
EARLY_KEPT = 8
#: Outcomes of one objective that one decision is credited with, and reversals it remembers. No
#: person reaches it within a window, and whoever is none would make the profile grow for ever.
OUTCOMES_KEPT = 128
#: How an entry is void whose request got no answer: if it is seen after all, it stands.
UNHEARD = "unheard"
#: Reasons which say that a creative was chosen, not fallen back to.
CHOSEN = frozenset({"bandit", "split", "priority"})

_MODELS = {model.name: model for model in (LOGISTIC, LINEAR)}


@frozen
class Earned:
    """An outcome as a decision is credited with it."""

    id: str
    worth: float
    at: float
    #: The items it names, where the slot tells items apart.
    taken: list[str] | None = None


def count_decision(
    person: Person, slot: CompiledSlot, entry: dict[str, Any], at: float, effects: Effects
) -> None:
    """Count a decision once: from here on it teaches (L1, L2), also of what came before."""
    if entry["counted"] is not None or entry["void"]:
        return
    entry["counted"] = at
    _teach(entry, 1.0, effects)
    _see(person, entry, effects)
    for name, *earned in entry["early"]:
        objective = person.policy.objectives.get(name)
        if objective is not None:
            credit(slot, objective, entry, Earned(*earned), effects)
    entry["early"] = []


def _see(person: Person, entry: Mapping[str, Any], effects: Effects) -> None:
    """Count a subject who has been shown something, once per trial: the arms are compared (M8)."""
    for assignment in entry["assignments"]:
        trial = person.trials.get(key(assignment["id"], assignment["epoch"]))
        if trial is not None and not trial["seen"]:
            trial["seen"] = True
            effects.add(f"seen:{assignment['id']}:{assignment['epoch']}", {trial["arm"]: 1.0})


def void(entry: dict[str, Any], effects: Effects) -> None:
    """Take back what a decision has taught; from here on it teaches nothing (D8, L6)."""
    if entry["void"]:
        entry["void"] = True
        return
    entry["void"] = True
    if entry["counted"] is not None:
        _teach(entry, -1.0, effects)
    for objective, credited in entry["done"].items():
        for one in credited:
            if one["taught"]:
                _earn(objective, entry, one, -1.0, effects)
    entry["done"] = {}


def _teach(entry: dict[str, Any], times: float, effects: Effects) -> None:
    """Add what being counted means, or with *times* -1 take it back."""
    rounds = float(any(arm["choice"] for arm in entry["arms"]))
    for arm in entry["arms"]:
        delta = _MODELS[arm["model"]].counted(arm["m"], arm["p"], arm["x"])
        effects.add(arm["key"], delta, times)
        _, group, named = arm["key"].split(":", 2)
        # Items are named by whoever sells them, and may hold a colon.
        learning_key, _, digest = named.rpartition(":")
        # A list is one decision, however many positions it has (L3).
        effects.add(f"slot:{group}:{digest}", {f"n:{learning_key}": 1.0, "rounds": rounds}, times)
        rounds = 0.0
    if entry["reason"] in CHOSEN:
        # The default of the held out was not chosen: it says nothing of the creative's share (L6).
        creative = entry["creative"]
        figures = {f"s:{creative}": 1.0}
        if entry["propensity"]:
            figures[f"w:{creative}"] = 1.0 / entry["propensity"]
        effects.add(f"figures:{entry['slot']}", figures, times)
    for assignment in entry["assignments"]:
        where = f"displays:{assignment['id']}:{assignment['epoch']}"
        effects.add(where, {assignment["arm"]: 1.0}, times)


def creditable(
    person: Person, slot: CompiledSlot, objective: CompiledObjective, at: float
) -> dict[str, Any] | None:
    """The last counted decision whose window holds the instant (M1), else one still to be."""
    entries = [entry for entry in person.entries(slot.id) if not entry["void"]]
    fitting = [entry for entry in entries if _open(entry, objective, at)]
    if fitting:
        return max(fitting, key=lambda entry: (entry["counted"], entry["id"]))
    waiting = [entry for entry in entries if entry["counted"] is None and entry["at"] <= at]
    return max(waiting, key=when, default=None)


def holds(person: Person, slot: CompiledSlot, objective: CompiledObjective, name: str) -> bool:
    """Whether a decision of a slot was credited with an outcome, or will be once it is counted."""
    return any(
        any(one["id"] == name for one in done.get(objective.id, ()))
        or any(waiting[:2] == [objective.id, name] for waiting in early)
        for done, early in credits_of(person, slot.id)
    )


def _open(entry: dict[str, Any], objective: CompiledObjective, at: float) -> bool:
    """Whether a decision was counted and its window holds the instant."""
    counted = entry["counted"]
    window = objective.objective.window_seconds
    return counted is not None and bool(counted <= at <= counted + window)


def credit(
    slot: CompiledSlot,
    objective: CompiledObjective,
    entry: dict[str, Any],
    earned: Earned,
    effects: Effects,
) -> None:
    """
    Let a decision earn an outcome.

    What comes before the decision is counted waits for it, and what was reversed before it came
    earns nothing: facts may arrive in any order (L2, F6).
    """
    is_over = entry["void"] and (entry["void"] != UNHEARD or entry["counted"] is not None)
    if is_over or earned.id in entry["undone"]:
        return
    if entry["counted"] is None:
        if len(entry["early"]) < EARLY_KEPT:
            early = [objective.id, earned.id, earned.worth, earned.at, earned.taken]
            entry["early"].append(early)
        return
    if not _open(entry, objective, earned.at):
        effects.status = "late"
        return
    reward = 1.0 if slot.model is LOGISTIC else slot.terms[objective.id].of(earned.worth)
    done = entry["done"].setdefault(objective.id, [])
    if len(done) >= OUTCOMES_KEPT:
        return
    credited = {
        "id": earned.id,
        "worth": earned.worth,
        "attributed": objective.clip(earned.worth),
        "reward": reward,
        "items": earned.taken,
        "taught": not done or objective.objective.count != "first",
    }
    done.append(credited)
    if credited["taught"]:
        _earn(objective.id, entry, credited, 1.0, effects)


def _earn(
    objective: str,
    entry: Mapping[str, Any],
    credited: Mapping[str, Any],
    times: float,
    effects: Effects,
) -> None:
    """Add a credited outcome to the arms; of a list, only to those of the items taken."""
    reward, items = credited["reward"], credited["items"]
    for arm in entry["arms"]:
        if items is None or arm["item"] is None or arm["item"] in items:
            effects.add(arm["key"], converted(arm["x"], reward), times)
    if entry["propensity"] and entry["reason"] in CHOSEN:
        earned = {f"r:{entry['creative']}": reward / entry["propensity"]}
        effects.add(f"figures:{entry['slot']}", earned, times)
    if entry["reason"] != "holdout":
        effects.add(f"objective:{objective}", {"attributed": credited["attributed"]}, times)


def taken(slot: CompiledSlot, signal: Mapping[str, Any]) -> list[str] | None:
    """The items a signal names; None where the slot does not tell items apart."""
    if slot.items is None or slot.items.of is None or "data" not in signal:
        return None
    found = slot.items.of(signal)
    return [str(item) for item in (found if isinstance(found, list) else [found])]


def reverse(
    objective: CompiledObjective, entry: dict[str, Any], reverses: str, effects: Effects
) -> float | None:
    """Take back an outcome as it was learned (L2); gives what it was worth, if it is known."""
    waiting = [one for one in entry["early"] if one[:2] == [objective.id, reverses]]
    if waiting:
        entry["early"].remove(waiting[0])
        return float(waiting[0][2])
    done = entry["done"].get(objective.id, [])
    credited = next((one for one in done if one["id"] == reverses), None)
    if credited is None:
        return None
    done.remove(credited)
    if credited["taught"]:
        _earn(objective.id, entry, credited, -1.0, effects)
        if done and not done[0]["taught"]:
            done[0]["taught"] = True
            _earn(objective.id, entry, done[0], 1.0, effects)
    effects.add(f"objective:{objective.id}", {"reversed": 1.0})
    return float(credited["worth"])
