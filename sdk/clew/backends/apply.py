"""
Making facts durable: one transaction for a batch, each fact once, folded as it is stored.

The order inside the batch is kept. People are folded by the same functions as on the hot path
(`clew.engine.fold`) and written back with the facts, the sums and the trials: all of it or nothing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import orjson

from clew.backends.applying import Applying, row_of
from clew.backends.base import FactKey, Kind, Place
from clew.clock import instant, to_text
from clew.engine.compiled import OUTCOMES_AS_SIGNALS
from clew.engine.declared import declared
from clew.engine.effects import Effects
from clew.engine.fold import (
    fold_consent,
    fold_decision,
    fold_earlier,
    fold_outcome,
    fold_signal,
    misfit,
)
from clew.engine.identity import link, refusal, unmerge
from clew.engine.person import Person
from clew.errors import Problem
from clew.ids import bucket_of
from clew.model.batch import ItemResult
from clew.model.problem import ErrorItem

__all__ = ["apply", "decision_ref", "foresee", "say_the_same", "stamp"]

Fact = dict[str, Any]


def decision_ref(request_id: str, slot: str) -> str:
    """Name a decision by the request that asked for it (RULES D5)."""
    return f"{slot} {request_id}"


def say_the_same(outcome: Mapping[str, Any], signal: Mapping[str, Any]) -> bool:
    """
    Whether an outcome and a signal of one id are the same event, which counts once (RULES M1).

    Only an outcome that counts for objectives is: whoever saw a display that goes by the number of
    an order has not ordered.
    """
    kind = outcome["type"]
    return kind in OUTCOMES_AS_SIGNALS and kind in {"converted", signal["type"]}


def stamp(person: Person, signal: Fact, received_at: float) -> bool:
    """
    Check permission for a signal and stamp its purposes and ground (RULES F5).

    False when no purpose that it serves has a basis for this person.
    """
    purposes = person.permitted(person.policy.purposes_of(signal["type"]))
    if not purposes:
        return False
    signal["purposes"] = list(purposes)
    signal["basis"] = person.grounds[purposes[0]].basis
    if "received_at" not in signal:  # what is stored has it since it was taken
        signal["received_at"] = to_text(received_at)
    return True


def foresee(batch: Applying, documents: Iterable[Mapping[str, Fact]]) -> None:
    """Tell the store what applying these will ask it, so that it looks once for all of them."""
    facts: list[FactKey] = []
    refs: list[FactKey] = []
    for document in documents:
        kind, fact = next(iter(document.items()))
        place = _PLACE[kind](batch, fact) if kind in _PLACE else None
        if place is None:
            continue
        name = fact["id"]
        facts.append((place, kind, name))  # type: ignore[arg-type]
        if kind == "signal":  # an outcome may have told of it
            facts.append((place, "outcome", name))
        elif kind == "decision":  # its outcomes may have come first
            refs.append((place, "outcome", name))
    batch.write.foresee(facts, refs)


def apply(batch: Applying, document: Mapping[str, Fact]) -> ItemResult:
    """Apply one batch item, `{kind: fact}`."""
    kind, fact = next(iter(document.items()))
    found = _APPLY.get(kind)
    if found is None:
        return _refused("", "schema", "", f"{kind!r} is no kind of fact; see urn:clew:batch:1")
    if batch.policy is None:
        return _refused(fact["id"], "no_policy", "", "there is no live policy; publish one")
    return found(batch, fact)


# -- where a fact of each kind lies


def _with_subject(batch: Applying, fact: Fact) -> Place:
    return batch.place(fact["subject"])


def _by_bucket(batch: Applying, decision: Fact) -> Place | None:
    """
    A decision lies where its id says, which is not told by its subject: it may have none.

    None where the id does not say it: its outcomes, which have nothing else, would not find it.
    """
    bucket = bucket_of(decision["id"])
    return None if bucket is None else (bucket, batch.tenant)


def _with_decision(batch: Applying, outcome: Fact) -> Place | None:
    """None where it names no decision."""
    decision = outcome.get("decision")
    return None if decision is None else (bucket_of(decision) or 0, batch.tenant)


_PLACE: dict[str, Callable[[Applying, Fact], Place | None]] = {
    "signal": _with_subject,
    "consent": _with_subject,
    "identity": _with_subject,
    "decision": _by_bucket,
    "outcome": _with_decision,
}


# -- one function per kind of fact


def _signal(batch: Applying, fact: Fact) -> ItemResult:
    person = batch.person(fact["subject"])
    kept, problems = declared(
        person.policy, fact["type"], fact.get("party", "first"), fact.get("data") or {}
    )
    if problems:
        return _faulty(fact["id"], problems)
    fact["data"] = kept
    if not stamp(person, fact, batch.now):
        return _refused(
            fact["id"],
            "no_basis",
            "/subject",
            f"no purpose of {fact['type']!r} has a basis for this subject; record a consent first",
        )
    at = instant(fact["occurred_at"])
    place = batch.place(fact["subject"])
    added = batch.write.add_fact(
        place, "signal", fact["id"], orjson.dumps(fact), subject=fact["subject"], at=at
    )
    if not added:
        return ItemResult(id=fact["id"], status="duplicate")
    reported = _is_reported(batch, person, fact)
    effects = fold_signal(person, fact["subject"], fact, reported=reported)
    batch.took(person, effects)
    return ItemResult(id=fact["id"], status="applied")


def _is_reported(batch: Applying, person: Person, signal: Fact) -> bool:
    """Whether an outcome has told the same before, and so has been credited (M1)."""
    told = _told(batch, person, "outcome", signal["id"])
    return told is not None and say_the_same(told, signal)


def _told(batch: Applying, person: Person, kind: Kind, name: str) -> Fact | None:
    """A stored fact of an id, under whatever id of the person it was told."""
    for place in {batch.place(who) for who in person.documents}:
        body = batch.write.fact(place, kind, name)
        if body is not None:
            return orjson.loads(body)  # type: ignore[no-any-return]
    return None


def _consent(batch: Applying, fact: Fact) -> ItemResult:
    person = batch.person(fact["subject"])
    if fact["purpose"] not in person.policy.purposes:
        known = ", ".join(person.policy.purposes.chains) or "none"
        return _refused(
            fact["id"],
            "unknown_purpose",
            "/purpose",
            f"the policy has no purpose {fact['purpose']!r}; it has: {known}",
        )
    fact.setdefault("received_at", to_text(batch.now))
    if instant(fact["occurred_at"]) > batch.now:
        # Nobody has said it yet by the clock that counts, and what they say next must hold.
        fact["occurred_at"] = to_text(batch.now)
    at = instant(fact["occurred_at"])
    added = batch.write.add_fact(
        batch.place(fact["subject"]),
        "consent",
        fact["id"],
        orjson.dumps(fact),
        subject=fact["subject"],
        at=at,
    )
    if not added:
        return ItemResult(id=fact["id"], status="duplicate")
    fold_consent(person, fact)
    batch.changed(person.subject)
    ground = person.grounds[fact["purpose"]]
    is_past = ground.state != fact["state"] and ground.at is not None and ground.at > at
    return ItemResult(id=fact["id"], status="applied", cause="superseded" if is_past else None)


def _identity(batch: Applying, fact: Fact) -> ItemResult:
    anonymous, subject = fact["anonymous_subject"], fact["subject"]
    known, other = batch.person(subject), batch.person(anonymous)
    documents = {**other.documents, **known.documents}
    linking = fact["operation"] == "link"
    cause = refusal(anonymous, subject, documents) if linking else None
    if cause == "linked":
        return ItemResult(id=fact["id"], status="duplicate", cause=cause)
    if cause is None and not linking and documents[anonymous].get("link", {}).get("to") != subject:
        cause = "not_linked"
    if cause is not None:
        return _refused(fact["id"], cause, "/anonymous_subject", _WHY_NOT[cause])
    fact.setdefault("received_at", to_text(batch.now))
    at = instant(fact["occurred_at"])
    added = batch.write.add_fact(
        batch.place(subject), "identity", fact["id"], orjson.dumps(fact), subject=subject, at=at
    )
    if not added:
        return ItemResult(id=fact["id"], status="duplicate")
    if linking:
        assert batch.policy is not None  # noqa: S101 - refused before
        objectives = batch.policy.objectives.values()
        windows = {o.id: o.objective.window_seconds for o in objectives}
        _, crossovers = link(anonymous, subject, documents, at=at, windows=windows)
        if crossovers:
            batch.sums.setdefault("crossovers", {}).setdefault("pairs", 0.0)
            batch.sums["crossovers"]["pairs"] += crossovers
    else:
        unmerge(anonymous, subject, documents)
    _regroup(batch, anonymous, subject, documents)
    return ItemResult(id=fact["id"], status="applied")


def _regroup(
    batch: Applying, anonymous: str, subject: str, documents: dict[str, dict[str, Any]]
) -> None:
    """Put the people of a batch together anew after a link has changed, and mirror their trials."""
    assert batch.policy is not None  # noqa: S101 - refused before
    members = {subject, *documents[subject].get("members", ())}
    groups = [members] if anonymous in members else [members, {anonymous}]
    for group in groups:
        canonical = subject if subject in group else anonymous
        person = Person(batch.policy, canonical, {name: documents[name] for name in group})
        batch.people[canonical] = person
        batch.before.pop(canonical, None)
        batch.canonical.update(dict.fromkeys(group, canonical))
        batch.changed(canonical)
    if anonymous in members:
        batch.people.pop(anonymous, None)
        batch.touched.discard(anonymous)
    for name in (anonymous, subject):
        for trial in documents[name]["trials"].values():
            batch.trials[id(trial)] = (name, trial)
            other = subject if name == anonymous else anonymous
            batch.write.drop_trial(batch.place(other), batch.tenant, row_of(other, trial))


def _decision(batch: Applying, fact: Fact) -> ItemResult:
    subject = fact.get("subject")
    place = _by_bucket(batch, fact)
    if place is None:
        return _refused(
            fact["id"],
            "schema",
            "/id",
            "the id of a stored decision says where it lies, and this one does not: send the "
            "record under the id that clew minted for it",
        )
    request_id = fact.get("request_id")
    added = batch.write.add_fact(
        place,
        "decision",
        fact["id"],
        orjson.dumps(fact),
        subject=subject or "",
        at=instant(fact["decided_at"]),
        ref=decision_ref(request_id, fact["slot"]) if request_id else "",
    )
    if not added:
        return ItemResult(id=fact["id"], status="duplicate")
    person = batch.person(subject) if subject else batch.nobody()
    at = instant(fact["decided_at"])
    batch.took(person, fold_decision(person, fact, at))
    # Outcomes that came first have been waiting for it (RULES D7), but what a signal has told too.
    told: set[str] = set()
    for outcome in map(orjson.loads, batch.write.referring(place, "outcome", fact["id"])):
        signal = _told(batch, person, "signal", outcome["id"]) if subject else None
        if signal is not None and say_the_same(outcome, signal):
            told.add(signal["id"])
        else:
            batch.took(person, fold_outcome(person, outcome))
    if subject and person.seen > at:
        _credit_earlier(batch, person, fact, at, told)
    return ItemResult(id=fact["id"], status="applied")


def _credit_earlier(
    batch: Applying, person: Person, decision: Fact, at: float, told: Collection[str]
) -> None:
    """
    Credit a decision with what the log has of its person already, since it was made.

    Args:
        told: ids of signals that an outcome told as well, which was left out for them.
    """
    signals = [
        signal
        for who in person.documents
        for signal in map(
            orjson.loads, batch.write.facts(batch.place(who), "signal", who, since=at)
        )
        if signal["id"] in told or not _is_reported(batch, person, signal)
    ]
    effects = Effects()
    fold_earlier(person, decision, signals, effects)
    if effects.sums:
        batch.took(person, effects)


def _outcome(batch: Applying, fact: Fact) -> ItemResult:
    decision, place = fact.get("decision"), _with_decision(batch, fact)
    if decision is None or place is None:
        return _refused(fact["id"], "schema", "/decision", "an outcome names its decision")
    body = batch.write.fact(place, "decision", decision)
    made = orjson.loads(body) if body is not None else None
    subject = (made or {}).get("subject") or ""
    person = batch.person(subject) if subject else batch.nobody()
    problem = None if made is None else misfit(person, fact)
    if problem is not None and batch.write.fact(place, "outcome", fact["id"]) is None:
        return _faulty(fact["id"], [problem])
    fact.setdefault("received_at", to_text(batch.now))
    added = batch.write.add_fact(
        place,
        "outcome",
        fact["id"],
        orjson.dumps(fact),
        subject=subject,
        at=instant(fact["occurred_at"]),
        ref=decision,
    )
    if not added:
        return ItemResult(id=fact["id"], status="duplicate")
    if made is None:
        return ItemResult(id=fact["id"], status="applied", cause="pending")
    told = _told(batch, person, "signal", fact["id"])
    if told is not None and say_the_same(fact, told):
        return ItemResult(id=fact["id"], status="duplicate")
    effects = fold_outcome(person, fact)
    batch.took(person, effects)
    return ItemResult(id=fact["id"], status="late" if effects.status == "late" else "applied")


_APPLY: dict[str, Callable[[Applying, Fact], ItemResult]] = {
    "signal": _signal,
    "consent": _consent,
    "identity": _identity,
    "decision": _decision,
    "outcome": _outcome,
}

_WHY_NOT = {
    "linked_elsewhere": "this anonymous id belongs to another subject: it is a shared device; "
    "go on with a new anonymous id",
    "known_subject": "both ids are known subjects; two known subjects are never merged implicitly",
    "anonymous_subject": "the subject is itself an anonymous id that is linked to another subject",
    "not_linked": "these two are not linked",
}


def _faulty(name: str, problems: Iterable[Problem]) -> ItemResult:
    errors = [
        ErrorItem(pointer=problem.pointer, keyword=problem.keyword, message=problem.message)
        for problem in problems
    ]
    return ItemResult(id=name, status="refused", cause="schema", errors=tuple(errors))


def _refused(name: str, cause: str, pointer: str, message: str) -> ItemResult:
    error = ErrorItem(pointer=pointer, keyword=cause, message=message)
    return ItemResult(id=name, status="refused", cause=cause, errors=(error,))
