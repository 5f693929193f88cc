"""
A person's trials counted anew from the log, where what comes changes what came before.

Outcomes are counted as they come (`clew.engine.measured`). Where a trial begins, where one outcome
takes another back, and where people are linked, values are computed from all that is stored. So
they are the same whatever the order of arrival (RULES F6, M4, M5), but for what was before the
trial: that is frozen when it begins (M11).
"""

from collections.abc import Collection, Iterator
from typing import Any, TypeAlias

import orjson
from attrs import evolve

from clew.backends.base import Place, Reading
from clew.backends.keyring import TOKEN_MARGIN_SECONDS
from clew.clock import instant
from clew.engine.bucketing import store_bucket
from clew.engine.compiled import OUTCOMES_AS_SIGNALS
from clew.engine.measured import event_of, since
from clew.engine.outcomes import reached, worth_of
from clew.engine.person import Person
from clew.engine.trial import COVARIATE_SECONDS, Event, Reversal, TrialDocument, recount
from clew.ids import bucket_of

__all__ = ["recount_trials"]

Fact: TypeAlias = dict[str, Any]
#: By objective and id, who an outcome is of, and the event.
_Events: TypeAlias = dict[tuple[str, str], tuple[str, Event]]


def recount_trials(
    read: Reading, tenant: str, person: Person, opened: Collection[int]
) -> list[TrialDocument]:
    """
    Set the values of the trials that count for a person; gives those trials.

    Args:
        opened: by `id`, the trials that begin where they did not before: of these what came before
            is computed, too, and stays as it is from then on (M11).
    """
    trials = [trial for trial in person.trials.values() if trial["left"] is None]
    if not trials:
        return []
    events = _events(read, tenant, person, min(one["at"] for one in trials) - COVARIATE_SECONDS)
    for trial in trials:
        for name, objective in person.policy.objectives.items():
            found = [
                event
                for (of, _), (who, event) in events.items()
                if of == name and event.at >= since(person, who, trial)
            ]
            recount(trial, objective, found, is_opened=id(trial) in opened)
    return trials


def _events(read: Reading, tenant: str, person: Person, start: float) -> _Events:
    """Everything that counts for an objective since an instant, each once, whoever told of it."""
    events: _Events = {}
    reversals: dict[tuple[str, str], list[Reversal]] = {}
    everybody = sorted(person.documents)
    for who in everybody:
        for body in read.facts(_home(tenant, who), "signal", who, since=start):
            _add_signal(events, person, who, orjson.loads(body))
    # What comes of a decision may come as late as its token is taken (K2).
    windows = [slot.window_seconds for slot in person.policy.slots.values()]
    start -= max(windows, default=0.0) + TOKEN_MARGIN_SECONDS
    for who in everybody:
        for body in read.facts(_home(tenant, who), "decision", who, since=start):
            decision = orjson.loads(body)
            if decision.get("traffic", "human") in person.policy.traffic:
                place = bucket_of(decision["id"]) or 0, tenant
                told = map(orjson.loads, read.referring(place, "outcome", decision["id"]))
                _add_outcomes(events, reversals, person, decision, told)
    # Last: they may be told of another decision than what they take back (M2).
    return {
        key: (who, evolve(event, reversals=reversals.get(key, ())))
        for key, (who, event) in events.items()
    }


def _add_signal(events: _Events, person: Person, who: str, signal: Fact) -> None:
    if signal.get("traffic", "human") not in person.policy.traffic:
        return
    for objective in person.policy.objectives_of_signal.get(signal["type"], ()):
        worth = objective.value(signal)
        if worth is not None:
            _add(events, (objective.id, signal["id"]), who, event_of(signal, worth))


def _add_outcomes(
    events: _Events,
    reversals: dict[tuple[str, str], list[Reversal]],
    person: Person,
    decision: Fact,
    outcomes: Iterator[Fact],
) -> None:
    slot = person.policy.slots.get(decision["slot"])
    for outcome in outcomes:
        if slot is None or outcome["type"] not in OUTCOMES_AS_SIGNALS:
            continue
        reverses = outcome.get("reverses")
        event = event_of(outcome, worth_of(outcome), instant(decision["decided_at"]))
        for objective in reached(slot, outcome):
            if objective.misfit(outcome) is not None:
                continue
            if reverses is None:
                _add(events, (objective.id, outcome["id"]), decision["subject"], event)
            else:
                reversal = Reversal(
                    event.at, outcome["id"], event.received_at, outcome.get("value")
                )
                reversals.setdefault((objective.id, reverses), []).append(reversal)


def _add(events: _Events, key: tuple[str, str], who: str, event: Event) -> None:
    """Add an outcome, unless it was told already: then it was known since it was first told."""
    known = events.get(key)
    if known is None:
        events[key] = who, event
    else:
        at = min(known[1].received_at, event.received_at)
        events[key] = known[0], evolve(known[1], received_at=at)


def _home(tenant: str, subject: str) -> Place:
    return store_bucket(tenant, subject), tenant
