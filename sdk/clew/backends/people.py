"""
The people this process is dealing with: their profiles in memory, and how they stay true.

A hot person is what the store said at one snapshot, plus the facts this process has taken since and
not yet made durable ("pending"). When these are stored, and nothing else with them, the person is
what the store says still, in another version. When somebody else has changed the store, a person
whose documents have another version is read again in one snapshot, and of the pending facts those
already in that snapshot are dropped: nothing is counted twice, whoever wrote it and whenever (RULES
F4, F7).
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import orjson
from attrs import define, field, frozen

from clew.backends.base import Kind, Place, Reading, Store
from clew.backends.former import renew
from clew.clock import instant
from clew.engine.bucketing import store_bucket
from clew.engine.compiled import CompiledPolicy
from clew.engine.effects import Effects
from clew.engine.fold import fold_traits
from clew.engine.person import Document, Person, empty
from clew.engine.traits import CompiledTrait
from clew.errors import BackendError
from clew.ids import bucket_of

__all__ = ["Hot", "Pending", "People", "Settled", "load"]

#: People kept in memory; beyond this those read first are forgotten first.
PEOPLE_KEPT = 10_000
#: No count of changes.
_UNCHECKED = -1

Refold: TypeAlias = Callable[["Hot", "Pending"], None]
#: By canonical subject, the version of each of their documents.
Versions: TypeAlias = Mapping[str, Mapping[str, int]]


@define
class Pending:
    """A fact that was taken and is on its way to the store."""

    kind: Kind
    id: str
    place: Place
    #: The encoded batch item: bytes weigh little, and few of them are ever read again.
    payload: bytes


@frozen
class Settled:
    """A fact that the store has dealt with."""

    subject: str
    kind: str
    id: str
    #: Whether it was folded into the stored person.
    folded: bool


@define(eq=False)
class Hot:
    """A person in memory; everything but `lock` is used under the lock."""

    person: Person
    versions: dict[str, int]
    #: The count of others' changes (`Watch`) at which the versions were last seen to hold.
    checked: int
    lock: threading.RLock = field(factory=threading.RLock)
    #: By (kind, id), in the order taken.
    pending: dict[tuple[str, str], Pending] = field(factory=dict)
    #: By slot, the instant of the last hit on a kept decision.
    touched: dict[str, float] = field(factory=dict)

    def spoil(self) -> None:
        """Have it read again when it is used next, whatever the store says of versions."""
        with self.lock:  # else whoever is reading it from an older snapshot would undo this
            self.versions = {}


def load(
    reading: Reading,
    tenant: str,
    policy: CompiledPolicy,
    subject: str,
    *,
    effects: Effects | None = None,
) -> tuple[Person, dict[str, int]]:
    """
    Read a person: follow the link of an anonymous subject, then every identity's document.

    Documents that were folded for other traits are folded anew from the stored signals, so a
    changed policy finds the history it asks for (C45).

    Args:
        effects: takes the counts that folding anew adds (what is bought with what); whoever gives
            it stores the documents in the same transaction, so that they are added once.
    """
    documents: dict[str, Document] = {}
    versions: dict[str, int] = {}

    def document(name: str) -> Document:
        row = reading.person((store_bucket(tenant, name), tenant), name)
        versions[name] = row[0] if row else 0
        documents[name] = orjson.loads(row[1]) if row else empty()
        return documents[name]

    link = document(subject).get("link")
    canonical = link["to"] if link else subject
    members = (documents.get(canonical) or document(canonical)).get("members", ())
    for member in members:
        if member not in documents:
            document(member)
    for name, found in documents.items():
        renew(reading, tenant, policy, name, found)
        _refold(reading, tenant, policy, name, found, effects or Effects())
    return Person(policy, canonical, documents), versions


def _refold(
    reading: Reading,
    tenant: str,
    policy: CompiledPolicy,
    name: str,
    document: Document,
    effects: Effects,
) -> None:
    """Fold the stored signals into traits the document does not have yet; drop those unused."""
    if document.get("fold") == policy.fold_digest:
        return
    document["fold"] = policy.fold_digest
    wanted = {trait.digest: trait for trait in policy.traits.values()}
    former = document["traits"]
    states = document["traits"] = {digest: s for digest, s in former.items() if digest in wanted}
    missing = wanted.keys() - states.keys()
    _put_aside(document, former, wanted)
    if not missing or not document["signals"]:
        return
    for body in reading.facts((store_bucket(tenant, name), tenant), "signal", name):
        signal = orjson.loads(body)
        at = instant(signal["occurred_at"])
        counts = signal.get("traffic", "human") in policy.traffic
        traits = policy.traits_for(signal["type"], signal.get("purposes", ()))
        fresh = [trait for trait in traits if trait.digest in missing]
        fold_traits(fresh, states, signal, at, effects if counts else Effects())


def _put_aside(
    document: Document, former: Mapping[str, Any], wanted: Mapping[str, CompiledTrait]
) -> None:
    """
    Keep what a `together` trait knows while no policy wants it, and give it back when one does.

    Its state says which pairs were counted, and these counts are never taken back. What happened
    meanwhile is folded on top of it: what it has met already makes no pair again.
    """
    aside = document.get("aside", {})
    for digest in aside:
        if digest not in wanted:
            aside[digest] = former.get(digest) or aside[digest]
    for digest, trait in wanted.items():
        if trait.fold_pairs is not None:
            known = aside.get(digest)
            if known is not None:
                document["traits"].setdefault(digest, known)
            aside[digest] = None
    if aside:
        document["aside"] = aside


class People:
    """
    The people in memory, by canonical subject.

    Args:
        refold: folds a pending fact into a person that was read again.
    """

    def __init__(self, store: Store, tenant: str, refold: Refold) -> None:
        self._store = store
        self._tenant = tenant
        self._refold_pending = refold
        self._hot: dict[str, Hot] = {}
        self._canonical: dict[str, str] = {}
        self._lock = threading.Lock()
        #: How many transactions of this process were settled here.
        self._settlements = 0
        #: Who has been folded a fact that was lost, and is to be read again.
        self._mistaken: set[str] = set()

    def get(self, policy: CompiledPolicy, subject: str, changes: int) -> Hot:
        """Give the person a subject belongs to, as true as the store is at a count of changes."""
        hot = self._of(subject)
        # A link that was undone leaves the former person behind here.
        if hot is not None and subject in hot.versions:
            if hot.checked == changes and hot.person.policy is policy:
                return hot
            with hot.lock:
                if self._still_holds(hot, policy):
                    hot.checked = changes
                    return hot
        return self._read(policy, subject, changes)

    def fact(self, hot: Hot, kind: Kind, name: str, place: Place) -> dict[str, Any] | None:
        """
        Give a fact of a person by its id, stored or on its way; None where there is none.

        It is looked for where it lies, and nowhere else: on its way as in the store.
        """
        pending = hot.pending.get((kind, name))
        if pending is not None and pending.place == place:
            return orjson.loads(pending.payload)[kind]  # type: ignore[no-any-return]
        with self._store.read() as reading:
            body = reading.fact(place, kind, name)
        return None if body is None else orjson.loads(body)

    def decision(self, hot: Hot, name: str) -> dict[str, Any] | None:
        """Give the record of a decision by its id, as `fact`."""
        return self.fact(hot, "decision", name, (bucket_of(name) or 0, self._tenant))

    def recall(self, hot: Hot, name: str) -> dict[str, Any] | None:
        """As `decision`, in the middle of folding a fact, which must come to its end."""
        try:
            return self.decision(hot, name)
        except BackendError:
            hot.spoil()  # something may be missing from now on
            return None

    def told(self, hot: Hot, kind: Kind, name: str) -> dict[str, Any] | None:
        """As `fact`, under whatever id of the person it was told."""
        places = {(store_bucket(self._tenant, who), self._tenant) for who in hot.person.documents}
        found = (self.fact(hot, kind, name, place) for place in sorted(places))
        return next((fact for fact in found if fact is not None), None)

    def lose(self, subject: str, kind: Kind, name: str) -> None:
        """
        Forget a pending fact that will never be stored.

        Its person is read again when the store has taken facts again, not before: while it takes
        none, facts are lost one after the other, and all others would be folded anew for each.
        """
        hot = self._of(subject)
        if hot is None:
            return
        with hot.lock:
            if hot.pending.pop((kind, name), None) is None:
                return
        with self._lock:
            self._mistaken.add(hot.person.subject)

    def settled(
        self,
        facts: Iterable[Settled],
        folds: Mapping[str, int],
        before: Versions,
        after: Versions,
    ) -> bool:
        """
        Forget pending facts which the store has dealt with in one transaction.

        Args:
            facts: all of the transaction.
            folds: by canonical subject, how many facts it has folded into the stored person.
            before: by canonical subject, the versions of the documents that it folded them into.
            after: the versions it has given to them.

        Returns:
            Whether what was folded here was folded there into the same people; else it may have
            taught something else.
        """
        with self._lock:
            self._settlements += 1
            mistaken, self._mistaken = self._mistaken, set()
        ours, are_alike = self._forget(facts)
        for subject, written in after.items():
            hot = self._hot.get(subject)
            is_ours = ours[subject] == folds[subject]
            if hot is None or not is_ours or not _renewed(hot, before.get(subject), written):
                self._spoil(written)
                are_alike = are_alike and not ours[subject]
        self._spoil(mistaken)
        return are_alike

    def _forget(self, facts: Iterable[Settled]) -> tuple[Counter[str], bool]:
        """
        Forget pending facts.

        Returns:
            How many were folded here and stored alike, by person, and whether these are all.
        """
        ours: Counter[str] = Counter()
        are_all = True
        for fact in facts:
            hot = self._of(fact.subject)
            if hot is not None:
                with hot.lock:
                    if hot.pending.pop((fact.kind, fact.id), None) is None:
                        continue
                    if fact.folded:
                        ours[hot.person.subject] += 1
                    else:  # it was folded here alone
                        hot.spoil()
                        are_all = False
        return ours, are_all

    def _spoil(self, subjects: Iterable[str]) -> None:
        for subject in subjects:
            hot = self._of(subject)
            if hot is not None:
                hot.spoil()

    def _of(self, subject: str) -> Hot | None:
        return self._hot.get(self._canonical.get(subject, subject))

    def _still_holds(self, hot: Hot, policy: CompiledPolicy) -> bool:
        if hot.person.policy is not policy:
            return False
        with self._store.read() as reading:
            return all(
                reading.version((store_bucket(self._tenant, name), self._tenant), name) == version
                for name, version in hot.versions.items()
            )

    def _read(self, policy: CompiledPolicy, subject: str, changes: int) -> Hot:
        before = self._settlements
        with self._store.read() as reading:
            person, versions = load(reading, self._tenant, policy, subject)
        with self._lock:
            # A snapshot from before what was settled meanwhile, when this was not there to be told.
            if self._settlements != before:
                changes = _UNCHECKED
            hot = self._hot.get(person.subject)
            for name in versions:
                self._canonical[name] = person.subject
            if hot is None and subject not in self._hot:
                hot = self._hot[person.subject] = Hot(person, versions, changes)
                self._make_room()
                return hot
            if hot is None:
                hot = self._hot[person.subject] = Hot(person, versions, _UNCHECKED)
        with hot.lock:
            self._take_over(subject, hot)
            is_theirs = self._read_again(policy, hot, changes)
        return hot if is_theirs else self._read(policy, subject, changes)

    def _read_again(self, policy: CompiledPolicy, hot: Hot, changes: int) -> bool:
        """
        Read a person anew and fold what is pending on top; false if they are another's by now.

        The snapshot is taken under the lock: what is settled after it is still pending here.
        """
        with self._store.read() as reading:
            person, versions = load(reading, self._tenant, policy, hot.person.subject)
            stored = _stored(reading, hot.pending.values())
        if person.subject != hot.person.subject:  # linked meanwhile, to somebody known
            hot.spoil()
            return False
        hot.person, hot.versions, hot.checked = person, versions, changes
        for key, pending in list(hot.pending.items()):
            if key in stored:
                del hot.pending[key]
            else:
                self._refold_pending(hot, pending)
        return True

    def _take_over(self, subject: str, hot: Hot) -> None:
        """An anonymous subject that was linked meanwhile brings its pending facts along."""
        former = self._hot.get(subject)
        if former is not None and former is not hot:
            with former.lock:
                hot.pending.update(former.pending)
                former.pending.clear()
            self._hot.pop(subject, None)

    def _make_room(self) -> None:
        while len(self._hot) > PEOPLE_KEPT:
            oldest = next((n for n, hot in self._hot.items() if not hot.pending), None)
            if oldest is None:
                return
            for name in self._hot.pop(oldest).versions:
                self._canonical.pop(name, None)


def _renewed(hot: Hot, before: Mapping[str, int] | None, written: Mapping[str, int]) -> bool:
    """Take new versions of a person's documents over, if those before them are the known ones."""
    with hot.lock:
        if hot.versions != before:
            return False
        hot.versions = dict(written)
        return True


def _stored(reading: Reading, pending: Iterable[Pending]) -> set[tuple[str, str]]:
    groups: dict[tuple[Place, Kind], list[str]] = {}
    for fact in pending:
        groups.setdefault((fact.place, fact.kind), []).append(fact.id)
    return {
        (kind, name)
        for (place, kind), names in groups.items()
        for name in reading.known(place, kind, names)
    }
