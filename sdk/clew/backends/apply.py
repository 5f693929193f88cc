"""
Making facts durable: one transaction for a batch, each fact once, folded as it is stored.

The order inside the batch is kept. People are folded by the same functions as on the hot path
(`clew.engine.fold`) and written back with the facts, the sums and the trials: all of it or nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from clew.backends.applying import Applying, row_of
from clew.backends.base import FactKey, Place
from clew.backends.decided import (
    apply_decision,
    apply_outcome,
    request_ref,
    told_before,
    void_requests,
    where_decision,
    where_outcome,
)
from clew.backends.refusals import faulty, refused
from clew.clock import instant, to_text
from clew.engine.credit import Credit, part
from clew.engine.declared import declared
from clew.engine.effects import Effects
from clew.engine.fold import fold_consent, fold_signal
from clew.engine.identity import link, refusal, unmerge
from clew.engine.person import Person
from clew.model.batch import ItemResult

__all__ = ["apply", "foresee", "stamp"]

Fact = dict[str, Any]


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
        elif kind == "decision":  # its outcomes may have come first, or that its request is over
            refs.append((place, "outcome", name))
            if "request_id" in fact:
                refs.append((place, "outcome", request_ref(fact["request_id"])))
    batch.write.foresee(facts, refs)


def apply(batch: Applying, document: Mapping[str, Fact]) -> ItemResult:
    """Apply one batch item, `{kind: fact}`."""
    kind, fact = next(iter(document.items()))
    found = _APPLY.get(kind)
    if found is None:
        return refused("", "schema", "", f"{kind!r} is no kind of fact; see urn:clew:batch:1")
    if batch.policy is None:
        return refused(fact["id"], "no_policy", "", "there is no live policy; publish one")
    return found(batch, fact)


# -- where a fact of each kind lies


def _with_subject(batch: Applying, fact: Fact) -> Place:
    return batch.place(fact["subject"])


_PLACE: dict[str, Callable[[Applying, Fact], Place | None]] = {
    "signal": _with_subject,
    "consent": _with_subject,
    "identity": _with_subject,
    "decision": where_decision,
    "outcome": where_outcome,
}


# -- one function per kind of fact


def _signal(batch: Applying, fact: Fact) -> ItemResult:
    person = batch.person(fact["subject"])
    kept, problems = declared(
        person.policy, fact["type"], fact.get("party", "first"), fact.get("data") or {}
    )
    if problems:
        return faulty(fact["id"], problems)
    fact["data"] = kept
    if not stamp(person, fact, batch.now):
        return refused(
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
    told = told_before(batch, person, fact)
    effects = fold_signal(person, fact["subject"], fact, recall=batch.record, told=told)
    batch.took(person, effects)
    return ItemResult(id=fact["id"], status="applied")


def _consent(batch: Applying, fact: Fact) -> ItemResult:
    person = batch.person(fact["subject"])
    if fact["purpose"] not in person.policy.purposes:
        known = ", ".join(person.policy.purposes.chains) or "none"
        return refused(
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
    fold_consent(person, fact["subject"], fact)
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
        return refused(fact["id"], cause, "/anonymous_subject", _WHY_NOT[cause])
    fact.setdefault("received_at", to_text(batch.now))
    if instant(fact["occurred_at"]) > batch.now:
        # What is said from now on is said by both, whatever the clock of who told of the link.
        fact["occurred_at"] = to_text(batch.now)
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
        crossovers = link(anonymous, subject, documents, at=at, windows=windows)
    else:
        apart = Effects()
        part(known, anonymous, apart, batch.record)
        batch.took(known, apart)
        crossovers = -unmerge(anonymous, subject, documents)
    if crossovers:
        pairs = batch.sums.setdefault("crossovers", {})
        pairs["pairs"] = pairs.get("pairs", 0.0) + crossovers
    _regroup(batch, anonymous, subject, documents)
    if linking:
        void_requests(batch, batch.person(subject))
    return ItemResult(id=fact["id"], status="applied")


def _regroup(
    batch: Applying, anonymous: str, subject: str, documents: dict[str, dict[str, Any]]
) -> None:
    """
    Put the people of a batch together anew after a link has changed, and mirror their trials.

    What one of the linked has done a decision of the other may have earned, or may do now (I2).
    """
    assert batch.policy is not None  # noqa: S101 - refused before
    members = {subject, *documents[subject].get("members", ())}
    groups = [members] if anonymous in members else [members, {anonymous}]
    for group in groups:
        canonical = subject if subject in group else anonymous
        person = Person(batch.policy, canonical, {name: documents[name] for name in group})
        batch.people[canonical] = person
        batch.before.pop(canonical, None)
        batch.canonical.update(dict.fromkeys(group, canonical))
        settled = Effects()
        for slot in batch.policy.slots.values():
            Credit(person, slot, settled, batch.record).settle()
        batch.took(person, settled)
        batch.disturbed.add(canonical)
    if anonymous in members:
        batch.people.pop(anonymous, None)
        batch.touched.discard(anonymous)
    for name in (anonymous, subject):
        for trial in documents[name]["trials"].values():
            batch.trials[id(trial)] = (name, trial)
            other = subject if name == anonymous else anonymous
            batch.write.drop_trial(batch.place(other), batch.tenant, row_of(other, trial))


_APPLY: dict[str, Callable[[Applying, Fact], ItemResult]] = {
    "signal": _signal,
    "consent": _consent,
    "identity": _identity,
    "decision": apply_decision,
    "outcome": apply_outcome,
}

_WHY_NOT = {
    "linked_elsewhere": "this anonymous id belongs to another subject: it is a shared device; "
    "go on with a new anonymous id",
    "known_subject": "both ids are known subjects; two known subjects are never merged implicitly",
    "anonymous_subject": "the subject is itself an anonymous id that is linked to another subject",
    "not_linked": "these two are not linked",
}
