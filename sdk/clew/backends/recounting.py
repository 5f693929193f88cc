"""
A person's trials counted anew from the log, where what comes changes what came before.

Outcomes are counted as they come (`clew.engine.measured`). Where a trial begins, where one outcome
takes another back, and where people are linked, values are computed from all that is stored. So
they are the same whatever the order of arrival (RULES F6, M4, M5), but for what was before the
trial: that is frozen when it begins (M11).
"""

import math
from collections.abc import Collection, Iterator, Sequence
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
#: By objective and id, what was told of an outcome: of whom, and what.
_Events: TypeAlias = dict[tuple[str, str], list[tuple[str, Event]]]
#: By objective and the id of what is taken back, what does so, each by its own id.
_Reversals: TypeAlias = dict[tuple[str, str], dict[str, Reversal]]


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
        begins = {who: since(person, who, trial) for who in person.documents}
        for name, objective in person.policy.objectives.items():
            found = [
                _believed(own)
                for (of, _), told in events.items()
                if of == name and (own := [one for who, one in told if one.at >= begins[who]])
            ]
            recount(trial, objective, found, is_opened=id(trial) in opened)
    return trials


def _believed(told: Sequence[Event]) -> Event:
    """Of what was told of one outcome, what counts (as `clew.engine.credit` has it)."""
    first = min(told, key=lambda one: (one.decided_at == -math.inf, one.at, one.worth))
    # Whoever has told of it first has told of it.
    return evolve(first, received_at=min(one.received_at for one in told))


def _events(read: Reading, tenant: str, person: Person, start: float) -> _Events:
    """Everything that counts for an objective since an instant, by id, and by whom it was told."""
    events: _Events = {}
    reversals: _Reversals = {}
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
        key: [
            (who, evolve(event, reversals=tuple(reversals.get(key, {}).values())))
            for who, event in told
        ]
        for key, told in events.items()
    }


def _add_signal(events: _Events, person: Person, who: str, signal: Fact) -> None:
    if signal.get("traffic", "human") not in person.policy.traffic:
        return
    for objective in person.policy.objectives_of_signal.get(signal["type"], ()):
        worth = objective.value(signal)
        if worth is not None:
            told = who, event_of(signal, worth)
            events.setdefault((objective.id, signal["id"]), []).append(told)


def _add_outcomes(
    events: _Events,
    reversals: _Reversals,
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
                told = decision["subject"], event
                events.setdefault((objective.id, outcome["id"]), []).append(told)
            else:
                reversal = Reversal(
                    event.at, outcome["id"], event.received_at, outcome.get("value")
                )
                known = reversals.setdefault((objective.id, reverses), {})
                earliest = min(known.setdefault(reversal.id, reversal), reversal, key=_when)
                known[reversal.id] = earliest


def _when(reversal: Reversal) -> tuple[float, float, float]:
    return reversal.at, reversal.received_at, math.inf if reversal.value is None else reversal.value


def _home(tenant: str, subject: str) -> Place:
    return store_bucket(tenant, subject), tenant
