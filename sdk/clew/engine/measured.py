"""
A person's trials: opened by the first measured decision, and what is counted in them (RULES M).

Both arms are treated alike, and nothing is attributed: every outcome of the person counts.
"""

import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from clew.clock import instant
from clew.engine.compiled import CompiledObjective
from clew.engine.effects import Effects
from clew.engine.person import Person
from clew.engine.trial import Event, TrialDocument, count, key, opened, standing

__all__ = ["event_of", "measure", "open_trial", "since"]

Fact: TypeAlias = Mapping[str, Any]


def open_trial(
    person: Person, decision: Fact, assignment: Fact, at: float, effects: Effects
) -> None:
    """
    Begin a trial with a measured decision, if none was made before it (M4).

    Args:
        assignment: its experiment, epoch and arm.
        at: when it was made, in seconds since the epoch.
    """
    name = key(assignment["id"], assignment["epoch"])
    version = decision.get("policy_version") or ""
    trial = person.trials.get(name)
    if trial is None:
        arm = (assignment["id"], assignment["epoch"], assignment["arm"])
        # Of whom it was made for: on a link it moves, and goes back when that is undone (M7).
        trial = opened(arm, at=at, owner=decision["subject"], policy_version=version)
        person.trials[name] = trial
        effects.opened.append(trial)
    elif at < trial["at"] and trial["owner"] == decision["subject"] and trial["left"] is None:
        # Another process has stored a later decision first (M4, F6).
        effects.opened.append(trial)
        trial["at"], trial["policy_version"] = at, version


def measure(
    person: Person,
    who: str,
    objective: CompiledObjective,
    event: Event,
    effects: Effects,
    *,
    before: Event | None = None,
    is_reversal: bool = False,
) -> None:
    """
    Count an outcome of an identity in all of the person's trials, alike in both arms (M1, M3).

    Args:
        before: what another fact of its id has told before: it is counted, and counted anew where
            the two do not agree.
        is_reversal: whether it takes another one back, which is counted anew from the log; here it
            is told whether it came in time.
    """
    if before is not None:
        effects.disturbs |= event.contradicts(before)
        return
    found: set[str] = set()
    for trial in person.trials.values():
        found.add(stands := standing(trial, objective, event, since(person, who, trial)))
        if stands == "counts" and not is_reversal:
            count(trial, objective, event.worth)
            effects.trials.append(trial)
    # It is one outcome, however many trials it is in.
    if "late" in found:
        effects.add(f"objective:{objective.id}", {"late": 1.0})
    if "counts" in found and not is_reversal and objective.clip(event.worth) != event.worth:
        effects.add(f"objective:{objective.id}", {"clipped": 1.0})


def event_of(fact: Fact, worth: float, decided_at: float = -math.inf) -> Event:
    """
    Give a signal or an outcome as trials count it.

    Args:
        decided_at: when the decision was made that it was told of, if it was.
    """
    received_at = instant(fact.get("received_at") or fact["occurred_at"])
    return Event(instant(fact["occurred_at"]), received_at, worth, decided_at=decided_at)


def since(person: Person, who: str, trial: TrialDocument) -> float:
    """From when on an identity's outcomes belong to a trial: its own, or since both are linked."""
    if who == trial["owner"]:
        return 0.0
    links = (person.documents[name].get("link") for name in (who, trial["owner"]))
    return max((float(link["at"]) for link in links if link), default=0.0)
