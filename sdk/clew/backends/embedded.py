"""
A `Store` and the engine, together a `Backend`: clew inside the application's own process.

Facts take two steps. `admit` shows them at once to this process's decisions; the caller makes them
durable; `append` folds them into the store. Both steps fold with the same functions, so what was
decided meanwhile was decided on what the store will say.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from weakref import WeakSet

import orjson

from clew.backends.apply import apply, foresee, stamp
from clew.backends.applying import Applying
from clew.backends.archive import Archive
from clew.backends.bare import bare
from clew.backends.base import Admission, Place, Store
from clew.backends.deciding import Deciding, nobody
from clew.backends.figures import Figures
from clew.backends.keyring import Keyring
from clew.backends.measuring import measure
from clew.backends.notices import Notices
from clew.backends.people import Hot, Pending, People, Settled
from clew.backends.profile import profile_of
from clew.backends.shelf import Shelf
from clew.backends.stored import Stored
from clew.backends.watch import Watch
from clew.clock import Clock, SystemClock, instant, to_text
from clew.engine.bucketing import store_bucket
from clew.engine.compiled import CompiledPolicy, CompiledSlot
from clew.engine.declared import declared
from clew.engine.effects import Effects
from clew.engine.fold import fold_decision, fold_signal
from clew.engine.outcomes import (
    NOTHING,
    Told,
    fold_outcome,
    misfit,
    told_by_outcome,
    told_by_signal,
)
from clew.errors import DocumentError
from clew.ids import bucket_of, is_newer
from clew.items import encoded
from clew.model.batch import ItemResult
from clew.model.decision import Decision
from clew.model.measurement import Measurement
from clew.model.policy import Policy
from clew.model.profile import Profile
from clew.model.request import DecisionRequest

__all__ = ["Embedded"]

#: Results of facts that are in the stored person from then on.
_FOLDED = frozenset({"applied", "late"})

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
        self._keyring = Keyring(store, tenant, keys)
        self._notices = Notices()
        self._watch = Watch(store)
        self._people = People(store, tenant, self._refold)
        self._figures = Figures(store, tenant)
        self._stored = Stored(tenant)
        self._shelf = Shelf(store, tenant)
        self._deciding = Deciding(
            store,
            tenant,
            shelf=self._shelf,
            keyring=self._keyring,
            notices=self._notices,
            people=self._people,
            figures=self._figures,
            uniform=uniform,
        )
        shown = partial(self._deciding.show, cache="hit")
        self._archive = Archive(store, tenant, self._shelf, shown)
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
        self._figures = Figures(self._store, self._tenant)
        self._deciding.start_over(self._people, self._figures)

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
                try:
                    policy, now = self.compiled(), self._clock.now()
                    self._stored.begin(write)
                    batch = Applying(write, self._stored, self._tenant, policy, now)
                    if policy is not None:  # else all are refused
                        foresee(batch, documents)
                    results = [apply(batch, document) for document in documents]
                    batch.finish()
                    self._watch.own(write)
                except BaseException:
                    self._stored.forget()  # before the thread that waits for its turn finds it
                    raise
            self._settle(batch, documents, results)
        except BaseException:
            # It may be stored or not, and what is in memory may not be the same.
            self._stored.forget()
            self._watch.lose()
            raise
        return results

    def forget(self, item: bytes, /) -> None:
        """
        Take back a fact that was admitted and will never be stored, encoded as it was given back.

        It stays in what decisions see until the store takes facts again; from then on nothing is
        known here that the store does not say.
        """
        kind, fact = next(iter(orjson.loads(item).items()))
        subject = fact.get("subject") or self._deciding.remembered(fact.get("decision", ""))
        self._people.lose(subject, kind, fact["id"])
        self._figures.settled([(kind, fact["id"])], 0)

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
        subject = request.subject
        hot = nobody(policy) if subject is None else self._people.get(policy, subject, changes)
        # After who is decided for was read: what they have on their way may teach something else.
        self._figures.refresh(now, changes)
        failed: dict[str, Exception] = {}
        for slot in _in_order(policy, request.slots):
            try:
                decision, payload = self._deciding.fill(policy, slot, request, hot, now)
            except Exception as error:  # noqa: BLE001 - the others are decided, and recorded next
                failed[slot.id] = error
                continue
            decisions[slot.id] = decision
            if payload is not None:
                payloads.append(payload)
        if failed and not decisions:
            raise next(iter(failed.values()))
        for name, cause in failed.items():
            self._notices.failed(name, cause)
            decisions[name] = bare(name, "error", now)
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
            place, told = self._place(subject), NOTHING
            if not self._is_new(fact["id"]):
                if self._people.fact(hot, "signal", fact["id"], place) is not None:
                    return Admission("duplicate")
                told = self._told_by_outcome(hot, fact)
            # Encoded first: what is no JSON is refused before it has changed anything.
            payload = encoded({"signal": fact})
            recall = partial(self._people.recall, hot)
            effects = fold_signal(hot.person, subject, fact, recall=recall, told=told)
            self._figures.note(hot, Pending("signal", fact["id"], place, payload), effects)
        return Admission("applied", payload)

    def _admit_outcome(
        self, policy: CompiledPolicy, fact: dict[str, Any], changes: int
    ) -> Admission:
        decision = fact["decision"]
        fact.setdefault("received_at", to_text(self._clock.now()))
        payload = encoded({"outcome": fact})
        place = (bucket_of(decision) or 0, self._tenant)
        subject = self._deciding.subject_of(decision, place)
        if subject is None:
            # Its decision may still be on its way from another process (RULES D7).
            return Admission("queued", payload)
        hot = self._people.get(policy, subject, changes) if subject else nobody(policy)
        with hot.lock:
            told = NOTHING
            if not self._is_new(fact["id"]):
                if self._people.fact(hot, "outcome", fact["id"], place) is not None:
                    return Admission("duplicate")
                told = self._told_by_signal(hot, fact)
            # Of an older decision no more is kept in memory than what came of it.
            known = hot.person.entry(decision)
            known = known or self._people.decision(hot, decision)
            problem = None if known is None else misfit(hot.person, known, fact)
            if problem is not None:
                raise DocumentError(f"outcome {fact['type']!r}", [problem])
            recall = partial(self._people.recall, hot)
            effects = fold_outcome(hot.person, fact, recall=recall, told=told)
            self._figures.note(hot, Pending("outcome", fact["id"], place, payload), effects)
        return Admission(effects.status, payload)

    def _is_new(self, name: str) -> bool:
        """Whether an id was minted just now, so that nobody can have used it before."""
        if not is_newer(name, self._newest):
            return False
        self._newest = name
        return True

    def _told_by_outcome(self, hot: Hot, signal: Mapping[str, Any]) -> Told:
        outcome = self._people.told(hot, "outcome", signal["id"])
        return told_by_outcome(hot.person, outcome, signal, partial(self._people.recall, hot))

    def _told_by_signal(self, hot: Hot, outcome: Mapping[str, Any]) -> Told:
        signal = self._people.told(hot, "signal", outcome["id"])
        return told_by_signal(hot.person, signal, outcome)

    def _refold(self, hot: Hot, pending: Pending) -> None:
        """Fold a pending fact into a person that was read again."""
        person, recall = hot.person, partial(self._people.recall, hot)
        effects = Effects()
        fact = orjson.loads(pending.payload)[pending.kind]
        if pending.kind == "signal":
            if fact["subject"] in person.documents and stamp(person, fact, 0.0):
                told = self._told_by_outcome(hot, fact)
                effects = fold_signal(person, fact["subject"], fact, recall=recall, told=told)
        elif pending.kind == "decision":
            if fact.get("subject") in person.documents:
                at = instant(fact["decided_at"])
                effects = fold_decision(person, fact, at, in_figures=False, recall=recall)
        else:
            told = self._told_by_signal(hot, fact)
            effects = fold_outcome(person, fact, recall=recall, told=told)
        self._figures.note_again(pending, effects)

    def _settle(
        self, batch: Applying, documents: Sequence[dict[str, Any]], results: Sequence[ItemResult]
    ) -> None:
        """Bring what is in memory in line with what was stored."""
        settled: list[Settled] = []
        for document, result in zip(documents, results, strict=True):
            kind, fact = next(iter(document.items()))
            subject = fact.get("subject") or self._deciding.remembered(fact.get("decision", ""))
            folded = result.status in _FOLDED and result.cause is None
            settled.append(Settled(subject, kind, result.id, folded))
        alike = self._people.settled(settled, batch.folds, batch.before, batch.after)
        keys = [(one.kind, one.id) for one in settled]
        self._figures.settled(keys, batch.taught if alike else None)

    def _place(self, subject: str) -> Place:
        return store_bucket(self._tenant, subject), self._tenant


def _in_order(policy: CompiledPolicy, names: Iterable[str]) -> list[CompiledSlot]:
    """The known slots by declared priority, then as asked: never by drawn values (RULES D9)."""
    known = [policy.slots[name] for name in dict.fromkeys(names) if name in policy.slots]
    if len(known) > 1:
        known.sort(key=lambda slot: -slot.slot.priority)
    return known


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
