"""
What a decision teaches by having reached its person, and when it is taken back (RULES L1, L2, D8).

Of its entry (`clew.engine.entries`), `reached_at` and `ended` are what was told, in any order: when
it first reached its person, and how it was taken back. The others follow from them: whether it is
`void`, whether it is `left_out` of the figures, and since when it is `counted`. They are kept
because they say what the sums hold of the decision at present: nothing but `_conclude` writes them,
always together with the difference. What it earns is a matter of `clew.engine.credit`.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from clew.engine.compiled import CompiledSlot
from clew.engine.effects import Effects
from clew.engine.entries import Entry
from clew.engine.learn import LINEAR, LOGISTIC
from clew.engine.person import Person
from clew.engine.trial import key

__all__ = ["CHOSEN", "End", "add_to_figures", "count_decision", "end_decision"]

#: `voided`: nobody used it; `unheard`: its request got no answer, but if it was seen all the same,
#: it stands; `overridden`: something else was shown, which somebody chose.
End: TypeAlias = Literal["voided", "unheard", "overridden"]

#: Reasons which say that a creative was chosen, not fallen back to.
CHOSEN = frozenset({"bandit", "split", "priority"})

_MODELS = {model.name: model for model in (LOGISTIC, LINEAR)}


def count_decision(
    person: Person, slot: CompiledSlot, entry: Entry, at: float, effects: Effects
) -> None:
    """
    Count a decision that has reached its person: from then on it teaches, once (L1, L2).

    Args:
        at: when it has; it may be displayed several times, and the first one counts.
    """
    reached_at = entry["reached_at"]
    entry["reached_at"] = at if reached_at is None else min(reached_at, at)
    _see(person, entry, effects)
    _conclude(slot, entry, effects)


def end_decision(slot: CompiledSlot, entry: Entry, end: End, effects: Effects) -> None:
    """Take a decision back (D8, L6)."""
    if end in entry["ended"]:
        return
    entry["ended"].append(end)
    if end == "overridden":
        effects.add(f"figures:{slot.id}", {end: 1.0})
    _conclude(slot, entry, effects)


def add_to_figures(decision: Mapping[str, Any], times: float, effects: Effects) -> None:
    """Count a decision among those made; with *times* -1, leave it out again (D8)."""
    figures = {"decisions": 1.0, f"reason:{decision['reason']}": 1.0}
    if decision.get("creative") and decision["reason"] in CHOSEN:
        figures[f"d:{decision['creative']}"] = 1.0
    effects.add(f"figures:{decision['slot']}", figures, times)
    for assignment in decision.get("assignments", ()) if decision.get("measured") else ():
        where = f"decided:{assignment['id']}:{assignment['epoch']}"
        effects.add(where, {assignment["arm"]: 1.0}, times)


def _conclude(slot: CompiledSlot, entry: Entry, effects: Effects) -> None:
    """Draw the conclusions from what was told of a decision, and teach the difference."""
    reached_at, ended = entry["reached_at"], entry["ended"]
    # What is served counts at once, by the word of the server: nobody need have seen it.
    is_seen = reached_at is not None and slot.slot.counts_on != "served"
    left_out = "voided" in ended or ("unheard" in ended and not is_seen)
    if left_out != entry["left_out"]:
        entry["left_out"] = left_out
        add_to_figures(entry, -1.0 if left_out else 1.0, effects)
        effects.add(f"figures:{slot.id}", {"voided": 1.0 if left_out else -1.0})
    entry["void"] = left_out or "overridden" in ended
    counted = None if entry["void"] else reached_at
    if (counted is None) != (entry["counted"] is None):
        _teach(entry, -1.0 if counted is None else 1.0, effects)
    entry["counted"] = counted


def _see(person: Person, entry: Mapping[str, Any], effects: Effects) -> None:
    """Count a subject who has been shown something, once per trial: the arms are compared (M8)."""
    for assignment in entry["assignments"]:
        trial = person.trials.get(key(assignment["id"], assignment["epoch"]))
        if trial is not None and not trial["seen"]:
            trial["seen"] = True
            effects.add(f"seen:{assignment['id']}:{assignment['epoch']}", {trial["arm"]: 1.0})


def _teach(entry: Mapping[str, Any], times: float, effects: Effects) -> None:
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
