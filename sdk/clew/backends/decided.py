"""
Decisions and what came of them, on their way into the store.

A decision lies where its id says, and its outcomes lie with it. They come in any order: an outcome
waits for its decision, a decision is credited with what was stored before it, and a purchase that
is told as an outcome and as a signal counts once. A request that is voided lies with its subject,
for nobody has heard of the decisions (RULES D8).
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import orjson

from clew.backends.applying import Applying
from clew.backends.base import Kind, Place
from clew.backends.refusals import faulty, refused
from clew.clock import instant, to_text
from clew.engine.compiled import OUTCOMES_AS_SIGNALS
from clew.engine.entries import decisions_of
from clew.engine.fold import fold_decision
from clew.engine.outcomes import (
    NOTHING,
    Told,
    fold_outcome,
    misfit,
    told_by_outcome,
    told_by_signal,
)
from clew.engine.person import Person
from clew.ids import bucket_of
from clew.model.batch import ItemResult

__all__ = [
    "apply_decision",
    "apply_outcome",
    "decision_ref",
    "request_ref",
    "told_before",
    "void_requests",
    "where_decision",
    "where_outcome",
]

Fact: TypeAlias = dict[str, Any]


def decision_ref(request_id: str, slot: str) -> str:
    """Name a decision by the request that asked for it (RULES D5)."""
    return f"{slot} {request_id}"


def request_ref(request_id: str) -> str:
    """Name a request that was voided; no decision's id looks like this."""
    return f" {request_id}"


def where_decision(batch: Applying, decision: Fact) -> Place | None:
    """
    A decision lies where its id says, which is not told by its subject: it may have none.

    None where the id does not say it: its outcomes, which have nothing else, would not find it.
    """
    bucket = bucket_of(decision["id"])
    return None if bucket is None else (bucket, batch.tenant)


def where_outcome(batch: Applying, outcome: Fact) -> Place | None:
    """An outcome lies with its decision, that of a whole request with who asked; else None."""
    decision, subject = outcome.get("decision"), outcome.get("subject")
    if decision is not None:
        return bucket_of(decision) or 0, batch.tenant
    return None if subject is None else batch.place(subject)


def apply_decision(batch: Applying, fact: Fact) -> ItemResult:
    """Store the record of a decision, and what has been waiting for it."""
    subject = fact.get("subject")
    place = where_decision(batch, fact)
    if place is None:
        return refused(
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
    batch.took(person, fold_decision(person, fact, at, recall=batch.record))
    # Outcomes that came first have been waiting for it (RULES D7).
    for outcome in map(orjson.loads, batch.write.referring(place, "outcome", fact["id"])):
        _fold(batch, person, outcome)
    if subject and request_id and _is_over(batch, person, request_id):
        _fold(batch, person, _unheard(fact))
    return ItemResult(id=fact["id"], status="applied")


def apply_outcome(batch: Applying, fact: Fact) -> ItemResult:
    """Store an outcome; it has its effect once its decision is stored, too."""
    decision, place = fact.get("decision"), where_outcome(batch, fact)
    if decision is None or place is None:
        return _apply_to_request(batch, fact)
    made = batch.record(decision)
    subject = (made or {}).get("subject") or ""
    person = batch.person(subject) if subject else batch.nobody()
    problem = None if made is None else misfit(person, made, fact)
    if problem is not None and batch.write.fact(place, "outcome", fact["id"]) is None:
        return faulty(fact["id"], [problem])
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
    status = _fold(batch, person, fact)
    return ItemResult(id=fact["id"], status="late" if status == "late" else "applied")


def _fold(batch: Applying, person: Person, outcome: Fact) -> str:
    """Apply an outcome to its decision, and say what became of it."""
    told = NOTHING
    if outcome["type"] in OUTCOMES_AS_SIGNALS:
        told = told_by_signal(person, _stored(batch, person, "signal", outcome["id"]), outcome)
    effects = fold_outcome(person, outcome, recall=batch.record, told=told)
    batch.took(person, effects)
    return effects.status


def _apply_to_request(batch: Applying, fact: Fact) -> ItemResult:
    """Store that a request is over, and take back what was decided for it; so with what comes."""
    request_id, subject = fact.get("request_id"), fact.get("subject")
    if fact["type"] != "voided" or request_id is None:
        return refused(
            fact["id"],
            "schema",
            "/decision",
            "an outcome names its decision, by id or by token; only `voided` may name a request",
        )
    if subject is None:
        return refused(
            fact["id"],
            "schema",
            "/subject",
            "decisions are kept by person: say whom the request was about",
        )
    person = batch.person(subject)
    made = list(_decided_for(batch, person, request_id))
    purposes = tuple(slot.purpose for slot in person.policy.slots.values())
    if not made and not person.permitted(purposes):
        # No decision has named them, and neither does this (RULES D1).
        return ItemResult(id=fact["id"], status="applied", cause="no_basis")
    fact.setdefault("received_at", to_text(batch.now))
    added = batch.write.add_fact(
        batch.place(subject),
        "outcome",
        fact["id"],
        orjson.dumps(fact),
        subject=subject,
        at=instant(fact["occurred_at"]),
        ref=request_ref(request_id),
    )
    if not added:
        return ItemResult(id=fact["id"], status="duplicate")
    for decision in made:
        _fold(batch, person, _unheard(decision))
    return ItemResult(id=fact["id"], status="applied", cause=None if made else "pending")


def void_requests(batch: Applying, person: Person) -> None:
    """Take back what was decided for requests that were voided under another id of a person."""
    made = [entry["at"] for slot in person.policy.slots for entry in decisions_of(person, slot)]
    for who in person.documents if made else ():
        told = batch.write.facts(batch.place(who), "outcome", who, since=min(made))
        for outcome in map(orjson.loads, told):
            if "decision" not in outcome:
                for decision in _decided_for(batch, person, outcome["request_id"]):
                    _fold(batch, person, _unheard(decision))


def _decided_for(batch: Applying, person: Person, request_id: str) -> Iterator[Fact]:
    """What is stored that was decided for a request of a person."""
    for place in _homes(batch, person):
        for slot in person.policy.slots:
            ref = decision_ref(request_id, slot)
            for decision in map(orjson.loads, batch.write.referring(place, "decision", ref)):
                if decision.get("subject") in person.documents:
                    yield decision


def _is_over(batch: Applying, person: Person, request_id: str) -> bool:
    """Whether a request was voided before what was decided for it is stored."""
    ref = request_ref(request_id)
    return any(
        orjson.loads(body)["subject"] in person.documents
        for place in _homes(batch, person)
        for body in batch.write.referring(place, "outcome", ref)
    )


def _unheard(decision: Fact) -> Fact:
    """That whoever has asked for a decision has not heard of it; no outcome on the wire says so."""
    name, at = decision["id"], decision["decided_at"]
    return {"type": "unheard", "decision": name, "occurred_at": at}


def told_before(batch: Applying, person: Person, signal: Fact) -> Told:
    """What a stored outcome has told that is the same event as a signal (M1)."""
    outcome = _stored(batch, person, "outcome", signal["id"])
    return told_by_outcome(person, outcome, signal, batch.record)


def _homes(batch: Applying, person: Person) -> list[Place]:
    """Where what is told of a person may lie, under whatever id."""
    return sorted({batch.place(who) for who in person.documents})


def _stored(batch: Applying, person: Person, kind: Kind, name: str) -> Fact | None:
    """A stored fact of an id, under whatever id of the person it was told."""
    for place in _homes(batch, person):
        body = batch.write.fact(place, kind, name)
        if body is not None:
            return orjson.loads(body)  # type: ignore[no-any-return]
    return None
