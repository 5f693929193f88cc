"""
A `Store` and the engine, together a `Backend`: clew inside the application's own process.

Facts take two steps. `admit` shows them at once to this process's decisions; the caller makes them
durable; `append` folds them into the store. Both steps fold with the same functions, so what was
decided meanwhile was decided on what the store will say.
"""

import os
import random
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from weakref import WeakSet

import orjson

from clew.backends.apply import Applying, decision_ref, say_the_same, stamp
from clew.backends.archive import Archive
from clew.backends.base import Admission, Kind, Place, Store
from clew.backends.figures import Figures
from clew.backends.keyring import Keyring
from clew.backends.measuring import measure
from clew.backends.notices import Notices
from clew.backends.people import Hot, Pending, People, Settled
from clew.backends.present import present
from clew.backends.profile import profile_of
from clew.backends.shelf import Shelf
from clew.backends.stored import Stored
from clew.backends.watch import Watch
from clew.clock import Clock, SystemClock, instant, to_text
from clew.engine.bucketing import STORE_BUCKETS, store_bucket
from clew.engine.compiled import CompiledPolicy, CompiledSlot
from clew.engine.decide import decide
from clew.engine.declared import declared
from clew.engine.effects import Effects
from clew.engine.fold import fold_decision, fold_outcome, fold_signal
from clew.engine.keep import kept
from clew.engine.person import Person, empty
from clew.engine.record import record
from clew.engine.situation import Situation
from clew.errors import BackendError, DocumentError
from clew.ids import bucket_of, is_newer, mint
from clew.model.batch import ItemResult
from clew.model.decision import Decision
from clew.model.measurement import Measurement
from clew.model.policy import Policy
from clew.model.profile import Profile
from clew.model.request import DecisionRequest
from clew.model.words import CacheState

__all__ = ["Embedded"]

#: A decision is asked for again after this long, in seconds, where the slot says nothing.
TTL_SECONDS = 5.0
#: How long a repeated request gets the same decision (RULES D5), in seconds.
REPEAT_SECONDS = 86_400.0
#: Results of facts that are in the stored person from then on.
_FOLDED = frozenset({"applied", "late"})
#: Decisions whose subject is remembered, so that an outcome finds it without a read.
DECISIONS_REMEMBERED = 50_000

_alive: "WeakSet[Embedded]" = WeakSet()


def _after_fork_in_child() -> None:
    for backend in list(_alive):
        backend.after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)


class Embedded:
    """
    The backend inside the process.

    Args:
        store: where the data lies; closed with the backend.
        tenant: whose data it is.
        policy: a canonical bundle to seed the store with.
        keys: signing keys, newest first; without them one is made and kept in the store (K1).
        clock: what tells the time.
        uniform: gives independent uniform numbers in [0, 1); by default of a generator that is
            seeded by the system, once per process.
    """

    def __init__(
        self,
        store: Store,
        *,
        tenant: str = "default",
        policy: bytes | None = None,
        keys: Sequence[str] = (),
        clock: Clock | None = None,
        uniform: Callable[[], float] | None = None,
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._clock = clock or SystemClock()
        self._chance = random.Random()  # noqa: S311 - a draw is no secret
        self._uniform = uniform or self._chance.random
        self._keyring = Keyring(store, tenant, keys)
        self._notices = Notices()
        self._watch = Watch(store)
        self._people = People(store, tenant, self._refold)
        self._figures = Figures(store, tenant)
        self._stored = Stored(tenant)
        self._shelf = Shelf(store, tenant)
        self._archive = Archive(store, tenant, self._shelf, partial(self._present, cache="hit"))
        self._subjects: OrderedDict[str, str] = OrderedDict()
        #: By subject and reference: whoever else sends the same request has one of their own.
        self._repeats: OrderedDict[
            tuple[str | None, str], tuple[CompiledPolicy, dict[str, Any]]
        ] = OrderedDict()
        #: The newest id of this process that was admitted.
        self._newest = ""
        if policy is not None:
            self._shelf.seed(policy)
        _alive.add(self)

    def after_fork_in_child(self) -> None:
        """Begin anew in a child: its parent's pending facts are the parent's, and so its locks."""
        self._watch = Watch(self._store, self._watch.count + 1)
        self._people = People(self._store, self._tenant, self._refold)
        self._stored = Stored(self._tenant)
        # Else parent and child would draw the same numbers.
        self._chance.seed()
        self._figures = Figures(self._store, self._tenant)

    # -- facts

    def admit(self, item: dict[str, Any], /) -> Admission:
        """As `Backend.admit`."""
        kind, fact = next(iter(item.items()))
        changes = self._watch.changes()
        policy = self._shelf.live(changes)
        if policy is None:
            self._notices.no_policy()
            return Admission("refused", cause="no_policy")
        if kind == "signal":
            return self._admit_signal(policy, fact, changes)
        return self._admit_outcome(policy, fact, changes)

    def append(self, items: Iterable[bytes], /) -> list[ItemResult]:
        """As `Backend.append`."""
        documents = [orjson.loads(item) for item in items]
        try:
            with self._store.write() as write:
                policy, now = self.compiled(), self._clock.now()
                batch = Applying(write, self._stored, self._tenant, policy, now)
                results = [batch.item(document) for document in documents]
                batch.finish()
                self._watch.own(write)
            self._settle(batch, documents, results)
        except BaseException:
            # It may be stored or not, and what is in memory may not be the same.
            self._stored.forget()
            self._watch.lose()
            raise
        return results

    # -- deciding

    def decide(self, request: DecisionRequest, /) -> tuple[dict[str, Decision], list[bytes]]:
        """As `Backend.decide`."""
        now = self._clock.now()
        changes = self._watch.changes()
        policy = self._shelf.live(changes)
        decisions: dict[str, Decision] = {}
        payloads: list[bytes] = []
        if policy is None:
            self._notices.no_policy()
            return decisions, payloads
        self._figures.refresh(now, changes)
        subject = request.subject
        hot = _nobody(policy) if subject is None else self._people.get(policy, subject, changes)
        for slot in _in_order(policy, request.slots):
            decision, payload = self._decide(policy, slot, request, hot, now)
            decisions[slot.id] = decision
            if payload is not None:
                payloads.append(payload)
        return decisions, payloads

    def decision(self, id: str, /) -> Decision | None:
        """As `Backend.decision`."""
        return self._archive.one(id)

    def decisions(self, subject: str, /, *, within_seconds: float) -> list[Decision]:
        """As `Backend.decisions`."""
        changes = self._watch.changes()
        policy = self._shelf.live(changes)
        if policy is None:
            return []
        hot = self._people.get(policy, subject, changes)
        with hot.lock:
            names = tuple(hot.person.documents)
        return self._archive.lately(names, self._clock.now() - within_seconds)

    # -- reading

    def policy(self) -> Policy | None:
        """As `Backend.policy`."""
        live = self._shelf.live(self._watch.changes())
        return None if live is None else live.policy

    @property
    def shelf(self) -> Shelf:
        """The stored policies."""
        return self._shelf

    @property
    def store(self) -> Store:
        """Where the data lies."""
        return self._store

    def compiled(self) -> CompiledPolicy | None:
        """The live policy, ready to validate and decide with."""
        return self._shelf.live(self._watch.changes())

    @property
    def last_compiled(self) -> CompiledPolicy | None:
        """As `compiled`, of the policy that was live when last asked; the store is not asked."""
        return self._shelf.last

    def measure(
        self, objective: str | None = None, /, *, holdout: str | None = None, looks: int = 0
    ) -> list[Measurement]:
        """As `Backend.measure`."""
        policy = self._shelf.live(self._watch.changes())
        if policy is None:
            return []
        return measure(
            self._store,
            self._tenant,
            policy,
            self._clock.now(),
            objective,
            holdout=holdout,
            looks=looks,
        )

    def subject(self, subject: str, /) -> Profile:
        """As `Backend.subject`."""
        policy = self._shelf.live(self._watch.changes())
        now = self._clock.now()
        if policy is None:
            return Profile(subject=subject, as_of=_moment(now))
        hot = self._people.get(policy, subject, self._watch.changes())
        with hot.lock:
            return profile_of(hot.person, now)

    def read_token(self, token: str, /) -> str | None:
        """As `Backend.read_token`."""
        return self._keyring.tokens(self.compiled()).read(token, self._clock.now())

    def derive_keys(self, purpose: str, /) -> tuple[bytes, ...]:
        """As `Backend.derive_keys`."""
        return self._keyring.derive(purpose)

    def close(self) -> None:
        """As `Backend.close`."""
        self._store.close()

    # -- inside

    def _admit_signal(
        self, policy: CompiledPolicy, fact: dict[str, Any], changes: int
    ) -> Admission:
        subject = fact["subject"]
        now = self._clock.now()
        kept, problems = declared(
            policy, fact["type"], fact.get("party", "first"), fact.get("data") or {}
        )
        if problems:
            raise DocumentError(f"signal {fact['type']!r}", problems)
        fact["data"] = kept
        hot = self._people.get(policy, subject, changes)
        with hot.lock:
            if not stamp(hot.person, fact, now):
                self._notices.no_basis(policy, fact["type"])
                return Admission("refused", cause="no_basis")
            place = self._place(subject)
            known = self._known(("signal", "outcome"), fact["id"], place, hot)
            if "signal" in known:
                return Admission("duplicate")
            # Encoded first: what is no JSON is refused before it has changed anything.
            payload = orjson.dumps({"signal": fact})
            told = self._fact("outcome", fact["id"], place, hot) if "outcome" in known else None
            reported = told is not None and say_the_same(told, fact)
            effects = fold_signal(hot.person, subject, fact, reported=reported)
            self._note(hot, Pending("signal", fact["id"], place, payload), effects)
        return Admission("applied", payload)

    def _admit_outcome(
        self, policy: CompiledPolicy, fact: dict[str, Any], changes: int
    ) -> Admission:
        decision = fact["decision"]
        fact.setdefault("received_at", to_text(self._clock.now()))
        payload = orjson.dumps({"outcome": fact})
        place = (bucket_of(decision) or 0, self._tenant)
        subject = self._subject_of(decision, place)
        if subject is None:
            # Its decision may still be on its way from another process (RULES D7).
            return Admission("queued", payload)
        hot = self._people.get(policy, subject, changes) if subject else _nobody(policy)
        with hot.lock:
            known = self._known(("outcome", "signal"), fact["id"], place, hot)
            told = self._fact("signal", fact["id"], place, hot) if "signal" in known else None
            if "outcome" in known or (told is not None and say_the_same(fact, told)):
                return Admission("duplicate")
            effects = fold_outcome(hot.person, fact)
            self._note(hot, Pending("outcome", fact["id"], place, payload), effects)
        return Admission(effects.status, payload)

    def _known(self, kinds: Iterable[Kind], name: str, place: Place, hot: Hot) -> set[Kind]:
        """As which kinds of facts an id is known; one that was minted just now is known as none."""
        if is_newer(name, self._newest):
            self._newest = name
            return set()
        with self._store.read() as read:
            return {
                kind
                for kind in kinds
                if (kind, name) in hot.pending or read.known(place, kind, [name])
            }

    def _fact(self, kind: Kind, name: str, place: Place, hot: Hot) -> dict[str, Any] | None:
        """Give a fact that is known, wherever it is by now."""
        pending = hot.pending.get((kind, name))
        if pending is not None:
            return orjson.loads(pending.payload)[kind]  # type: ignore[no-any-return]
        with self._store.read() as read:
            body = read.fact(place, kind, name)
        return None if body is None else orjson.loads(body)

    def _note(self, hot: Hot, pending: Pending, effects: Effects) -> None:
        hot.pending[pending.kind, pending.id] = pending
        self._figures.take(
            (pending.kind, pending.id),
            pending.place,
            pending.kind,
            effects.sums,
            {(catalogue, item): fields for catalogue, item, fields in effects.items},
        )

    def _decide(
        self,
        policy: CompiledPolicy,
        slot: CompiledSlot,
        request: DecisionRequest,
        hot: Hot,
        now: float,
    ) -> tuple[Decision, bytes | None]:
        with hot.lock:
            repeated = self._repeated(slot, request, hot.person, now)
            if repeated is not None:
                return self._present(*repeated, "hit", _valid_until(slot, now)), None
            at = self._situation(policy, slot, request, hot, now)
            raw = decide(policy, slot, at)
            if raw.hit and at.kept is not None:
                hot.touched[slot.id] = now
                at.now = at.kept["at"]
            made = record(
                policy,
                slot,
                raw,
                at,
                id=at.kept["id"] if raw.hit and at.kept else self._new_id(at, hot, now),
                request=self._named(request, at, hot),
            )
            until = _valid_until(slot, now)
            if raw.hit:
                recall = partial(self._drawn, hot, made["id"])
                return self._present(policy, made, "hit", until, recall=recall), None
            payload = orjson.dumps({"decision": made})
            self._keep(policy, slot, request, hot, made, payload, now)
        if raw.reason == "consent_denied":
            self._notices.denied(slot)
        return self._present(policy, made, "miss", until, decided_at=now), payload

    def _situation(
        self,
        policy: CompiledPolicy,
        slot: CompiledSlot,
        request: DecisionRequest,
        hot: Hot,
        now: float,
    ) -> Situation:
        person = hot.person
        ground = person.grounds.get(slot.purpose)
        basis = ground.basis if ground is not None and ground.permitted else None
        counted = request.traffic in policy.traffic
        last = None
        if basis is not None and request.subject is not None and slot.slot.sticky != "none":
            last = kept(
                policy,
                slot,
                person.latest(slot.id),
                now=now,
                active_at=max(person.seen, hot.touched.get(slot.id, 0.0)),
                session_id=request.session_id,
                view_id=_view_id(request.context),
            )
        return Situation(
            view=person.view(slot.purpose, now, request.context),
            basis=basis,
            key=person.subject if request.subject is not None else None,
            now=now,
            uniform=self._uniform,
            learned=self._figures,
            trials=person.trials,
            counted=counted,
            kept=last,
        )

    def _new_id(self, at: Situation, hot: Hot, now: float) -> str:
        # Without permission not even the bucket of the subject is written down.
        named = at.basis is not None and at.key is not None
        bucket = (
            store_bucket(self._tenant, hot.person.subject)
            if named
            else self._chance.randrange(STORE_BUCKETS)
        )
        return mint(now, bucket)

    def _named(self, request: DecisionRequest, at: Situation, hot: Hot) -> dict[str, Any]:
        """What a record says of who asked; without permission, nothing (RULES D1)."""
        named: dict[str, Any] = {}
        if at.basis is not None and request.subject is not None:
            named["subject"] = hot.person.subject
            anonymous = request.anonymous_subject
            if anonymous is None and request.subject != hot.person.subject:
                anonymous = request.subject
            named["anonymous_subject"] = anonymous
            named["session_id"] = request.session_id
            named["request_id"] = request.request_id
            named["view_id"] = _view_id(request.context)
        named = {name: value for name, value in named.items() if value is not None}
        if request.traffic != "human":
            named["traffic"] = request.traffic
        return named

    def _keep(
        self,
        policy: CompiledPolicy,
        slot: CompiledSlot,
        request: DecisionRequest,
        hot: Hot,
        made: dict[str, Any],
        payload: bytes,
        now: float,
    ) -> None:
        subject = made.get("subject", "")
        place = (bucket_of(made["id"]) or 0, self._tenant)
        # Without permission it is nobody's, and waits with nobody.
        whose = hot if subject else _nobody(policy)
        effects = fold_decision(whose.person, made, now)
        self._note(whose, Pending("decision", made["id"], place, payload), effects)
        _remember(self._subjects, made["id"], subject)
        if request.request_id is not None:
            ref = decision_ref(request.request_id, slot.id)
            _remember(self._repeats, (request.subject, ref), (policy, made))

    def _repeated(
        self, slot: CompiledSlot, request: DecisionRequest, person: Person, now: float
    ) -> tuple[CompiledPolicy, dict[str, Any]] | None:
        """The decision that the same request got before (RULES D5), if it may be shown still."""
        if request.request_id is None:
            return None
        ref = decision_ref(request.request_id, slot.id)
        found = self._repeats.get((request.subject, ref))
        if found is None and request.subject is not None:
            with self._store.read() as read:
                for body in read.referring(self._place(request.subject), "decision", ref):
                    made = orjson.loads(body)
                    policy = self._shelf.version(made["policy_id"], made["policy_version"])
                    if policy is not None:
                        found = (policy, made)
        if found is None or now - instant(found[1]["decided_at"]) > REPEAT_SECONDS:
            return None
        entry = person.entry(found[1]["id"])
        if entry is not None and entry["void"]:
            # Nobody saw it, and it counts for nothing any more (D8).
            return None
        named = found[1].get("subject")
        permitted = person.permitted((slot.purpose,))
        return found if named is None or (permitted and named in person.documents) else None

    def _present(
        self,
        policy: CompiledPolicy,
        made: Mapping[str, Any],
        cache: CacheState,
        valid_until: float | None = None,
        decided_at: float | None = None,
        recall: Callable[[], Sequence[Mapping[str, Any]]] | None = None,
    ) -> Decision:
        at = instant(made["decided_at"]) if decided_at is None else decided_at
        return present(
            policy,
            made,
            cache=cache,
            token=lambda: self._keyring.tokens(policy).issue(made["id"], at),
            counts=self._figures,
            decided_at=at,
            valid_until=valid_until,
            recall=recall,
        )

    def _drawn(self, hot: Hot, name: str) -> Sequence[Mapping[str, Any]]:
        """The draws in the record of a kept decision; none while that cannot be read."""
        pending = hot.pending.get(("decision", name))
        if pending is not None:
            return orjson.loads(pending.payload)["decision"].get("draws", ())  # type: ignore[no-any-return]
        try:
            with self._store.read() as read:
                body = read.fact((bucket_of(name) or 0, self._tenant), "decision", name)
        except BackendError:
            return ()
        return () if body is None else orjson.loads(body).get("draws", ())

    def _refold(self, person: Person, pending: Pending) -> None:
        """Fold a pending fact into a person that was read again; its sums were taken before."""
        fact = orjson.loads(pending.payload)[pending.kind]
        if pending.kind == "signal":
            if fact["subject"] in person.documents and stamp(person, fact, 0.0):
                fold_signal(person, fact["subject"], fact)
        elif pending.kind == "decision":
            if fact.get("subject") is not None:
                fold_decision(person, fact, instant(fact["decided_at"]))
        else:
            fold_outcome(person, fact)

    def _settle(
        self, batch: Applying, documents: Sequence[dict[str, Any]], results: Sequence[ItemResult]
    ) -> None:
        """Bring what is in memory in line with what was stored."""
        settled: list[Settled] = []
        for document, result in zip(documents, results, strict=True):
            kind, fact = next(iter(document.items()))
            subject = fact.get("subject") or self._subjects.get(fact.get("decision", ""), "")
            folded = result.status in _FOLDED and result.cause is None
            settled.append(Settled(subject, kind, result.id, folded))
        self._people.settled(settled, batch.folds, batch.before, batch.after)
        self._figures.settled([(one.kind, one.id) for one in settled], batch.taught)

    def _subject_of(self, decision: str, place: Place) -> str | None:
        subject = self._subjects.get(decision)
        if subject is None:
            with self._store.read() as read:
                body = read.fact(place, "decision", decision)
            if body is None:
                return None
            subject = orjson.loads(body).get("subject", "")
            _remember(self._subjects, decision, subject)
        return subject

    def _place(self, subject: str) -> Place:
        return store_bucket(self._tenant, subject), self._tenant


def _in_order(policy: CompiledPolicy, names: Iterable[str]) -> list[CompiledSlot]:
    """The known slots by declared priority, then as asked: never by drawn values (RULES D9)."""
    known = [policy.slots[name] for name in dict.fromkeys(names) if name in policy.slots]
    if len(known) > 1:
        known.sort(key=lambda slot: -slot.slot.priority)
    return known


def _nobody(policy: CompiledPolicy) -> Hot:
    return Hot(Person(policy, "", {"": empty()}), {}, 0)


def _view_id(context: Mapping[str, Any]) -> str | None:
    view_id = context.get("view_id")
    return view_id if isinstance(view_id, str) else None


def _valid_until(slot: CompiledSlot, now: float) -> float:
    until = now + (slot.slot.ttl_seconds or TTL_SECONDS)
    for edge in slot.boundaries:
        if edge > now:
            return min(until, edge)
    return until


def _remember(memory: OrderedDict[Any, Any], name: Hashable, value: Any) -> None:
    memory[name] = value
    if len(memory) > DECISIONS_REMEMBERED:
        memory.popitem(last=False)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
