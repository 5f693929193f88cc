"""
Deciding for one person in one slot, with the record that the caller makes durable.

The engine draws; here is what it is given of a person in memory, and what becomes of the draw: it
is folded into the person at once, remembered for outcomes and for requests that come again, and
shown.
"""

import random
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from clew.backends.base import Place, Store
from clew.backends.decided import decision_ref
from clew.backends.figures import Figures
from clew.backends.keyring import Keyring
from clew.backends.notices import Notices
from clew.backends.people import Hot, Pending, People
from clew.backends.present import present
from clew.backends.shelf import Shelf
from clew.clock import instant
from clew.engine.bucketing import STORE_BUCKETS, store_bucket
from clew.engine.compiled import CompiledPolicy, CompiledSlot
from clew.engine.decide import decide
from clew.engine.entries import is_void
from clew.engine.fold import fold_decision
from clew.engine.keep import kept
from clew.engine.person import Person, empty
from clew.engine.record import record
from clew.engine.situation import Situation
from clew.errors import BackendError
from clew.ids import bucket_of, mint
from clew.items import encoded
from clew.model.decision import Decision
from clew.model.limits import ID_MAX
from clew.model.request import DecisionRequest
from clew.model.words import CacheState

__all__ = ["Deciding", "nobody"]

#: A decision is asked for again after this long, in seconds, where the slot says nothing.
TTL_SECONDS = 5.0
#: How long a repeated request gets the same decision (RULES D5), in seconds.
REPEAT_SECONDS = 86_400.0
#: Decisions whose subject is remembered, so that an outcome finds it without a read.
DECISIONS_REMEMBERED = 50_000


class Deciding:
    """
    Fills the slots of one tenant.

    Args:
        people: who is in memory.
        figures: what was learned.
        uniform: gives independent uniform numbers in [0, 1); by default of a generator that is
            seeded by the system, once per process.
    """

    def __init__(
        self,
        store: Store,
        tenant: str,
        *,
        shelf: Shelf,
        keyring: Keyring,
        notices: Notices,
        people: People,
        figures: Figures,
        uniform: Callable[[], float] | None,
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._shelf = shelf
        self._keyring = keyring
        self._notices = notices
        self._people = people
        self._figures = figures
        self._chance = random.Random()  # noqa: S311 - a draw is no secret
        self._uniform = uniform or self._chance.random
        self._subjects: OrderedDict[str, str] = OrderedDict()
        #: By subject and reference: whoever else sends the same request has one of their own.
        self._repeats: OrderedDict[
            tuple[str | None, str], tuple[CompiledPolicy, dict[str, Any]]
        ] = OrderedDict()

    def start_over(self, people: People, figures: Figures) -> None:
        """Go on in a forked child, with what is its own."""
        self._people, self._figures = people, figures
        # Else parent and child would draw the same numbers.
        self._chance.seed()

    def fill(
        self,
        policy: CompiledPolicy,
        slot: CompiledSlot,
        request: DecisionRequest,
        hot: Hot,
        now: float,
    ) -> tuple[Decision, bytes | None]:
        """Fill one slot; gives the decision and its encoded record, none for one that is kept."""
        with hot.lock:
            repeated = self._repeated(slot, request, hot.person, now)
            if repeated is not None:
                return self.show(*repeated, "hit", _valid_until(slot, now)), None
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
                return self.show(policy, made, "hit", until, recall=recall), None
            # What cannot be written down or shown is never kept: nobody would have had it.
            payload = encoded({"decision": made})
            shown = self.show(policy, made, "miss", until, decided_at=now)
            self._keep(policy, slot, request, hot, made, payload, now)
        if raw.reason == "consent_denied":
            self._notices.denied(slot)
        return shown, payload

    def show(
        self,
        policy: CompiledPolicy,
        made: Mapping[str, Any],
        cache: CacheState,
        valid_until: float | None = None,
        decided_at: float | None = None,
        recall: Callable[[], Sequence[Mapping[str, Any]]] | None = None,
    ) -> Decision:
        """Show a recorded decision; as `clew.backends.present.present`."""
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

    def subject_of(self, decision: str, place: Place) -> str | None:
        """For whom a decision was made; empty for nobody, None where it is not known here."""
        subject = self._subjects.get(decision)
        if subject is None:
            with self._store.read() as read:
                body = read.fact(place, "decision", decision)
            if body is None:
                return None
            subject = orjson.loads(body).get("subject", "")
            _remember(self._subjects, decision, subject)
        return subject

    def remembered(self, decision: str) -> str:
        """For whom a decision was made, as far as that is in memory; else empty."""
        return self._subjects.get(decision, "")

    # -- inside

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
            named["request_id"] = request.request_id or request.id
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
        whose = hot if subject else nobody(policy)
        recall = partial(self._people.recall, whose)
        effects = fold_decision(whose.person, made, now, in_figures=False, recall=recall)
        self._figures.note(whose, Pending("decision", made["id"], place, payload), effects)
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
        # What is stored comes first: of what several processes have made meanwhile that is the same
        # to all of them.
        found = None if request.subject is None else self._stored(ref, person)
        found = found or self._repeats.get((request.subject, ref))
        if found is None or now - instant(found[1]["decided_at"]) > REPEAT_SECONDS:
            return None
        if is_void(person, found[1]["id"]):
            return None  # nobody saw it, and it counts for nothing any more (D8)
        named = found[1].get("subject")
        permitted = person.permitted((slot.purpose,))
        return found if named is None or (permitted and named in person.documents) else None

    def _stored(self, ref: str, person: Person) -> tuple[CompiledPolicy, dict[str, Any]] | None:
        """The first stored decision of a person's request that stands, under whatever id made."""
        with self._store.read() as read:
            records = [
                orjson.loads(body)
                for place in dict.fromkeys(map(self._place, person.documents))
                for body in read.referring(place, "decision", ref)
            ]
        own = [
            record
            for record in records
            if record.get("subject") in person.documents and not is_void(person, record["id"])
        ]
        for made in sorted(own, key=lambda record: (record["decided_at"], record["id"])):
            version = made.get("policy_id", ""), made.get("policy_version", "")
            policy = self._shelf.version(*version)
            if policy is not None:
                return policy, made
        return None

    def _drawn(self, hot: Hot, name: str) -> Sequence[Mapping[str, Any]]:
        """The draws in the record of a kept decision; none while that cannot be read."""
        try:
            found = self._people.decision(hot, name)
        except BackendError:
            return ()
        return () if found is None else found.get("draws", ())

    def _place(self, subject: str) -> Place:
        return store_bucket(self._tenant, subject), self._tenant


def nobody(policy: CompiledPolicy) -> Hot:
    """Whom a decision without a subject is made for: nothing of it is kept."""
    return Hot(Person(policy, "", {"": empty()}), {}, 0)


def _view_id(context: Mapping[str, Any]) -> str | None:
    """The view that a page names; it takes it from its visitor, so it may be anything."""
    view_id = context.get("view_id")
    return view_id if isinstance(view_id, str) and 1 <= len(view_id) <= ID_MAX else None


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
