"""
What every backend keeps, as tests that the author of one runs on it.

::

    class TestMyBackend(BackendConformance):
        @pytest.fixture
        def backend(self):
            with closing(MyBackend(policy=BUNDLE)) as backend:
                yield backend

The policy is part of the kit, for what is decided hangs on it. Every test has people of its own, so
a fixture may give the same data to all of them.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from clew.backends.base import Backend
from clew.clock import to_text
from clew.errors import ConfigurationError, DocumentError, TokenError
from clew.ids import mint
from clew.model.batch import ItemResult
from clew.model.decision import Decision
from clew.model.request import DecisionRequest
from clew.policy import build_bundle, load_policy

__all__ = ["BUNDLE", "KEYS", "POLICY", "BackendConformance"]

#: Long enough for the slowest machine; whoever waits in vain fails by it.
PATIENCE_SECONDS = 60


def _slot(name: str, strategy: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "strategy": strategy,
        "default": "plain",
        "objective": "orders",
        "purpose": "personalise",
        "fields": {"headline": {"type": "text"}},
        **more,
    }


def _creative(name: str, headline: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "version": "1",
        "slots": ["welcome", "drawn"],
        "content": {"en": {"headline": headline}},
        **more,
    }


#: What the backend decides by: `welcome` shows `keen` to whoever viewed two products, and `drawn`
#: draws among all that is eligible and stays for the session.
POLICY: dict[str, Any] = {
    "id": "conformance",
    "version": "1",
    "purposes": [{"id": "personalise", "basis": "consent"}],
    "signals": [
        {"id": "product_viewed", "fields": {"sku": {"type": "text", "required": True}}},
        {"id": "order_completed"},
    ],
    "objectives": [{"id": "orders", "signal": "order_completed", "window_seconds": 86_400}],
    "traits": [
        {
            "id": "views",
            "signal": "product_viewed",
            "aggregate": "count",
            "purpose": "personalise",
            "plain": "pages you viewed",
        }
    ],
    "slots": [
        _slot("welcome", "priority", sticky="none"),
        _slot("drawn", "bandit", sticky="session"),
    ],
    "creatives": [
        _creative("plain", "Hello"),
        _creative("fresh", "Fresh today", slots=["drawn"]),
        _creative(
            "keen",
            "{{ computed.views }} pages",
            when={">=": [{"var": "computed.views"}, 2]},
            priority=1,
        ),
    ],
}

#: The same as canonical bytes.
BUNDLE = build_bundle(load_policy(POLICY))

#: Signing keys for a backend that is given its own.
KEYS = ("conformance-key-of-32-characters-or-more",)


class Person:
    """Somebody of whom nothing is known yet, and what is told of them."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.name = f"u-{mint(time.time(), 0)}"

    def fact(self, kind: str, **more: Any) -> dict[str, Any]:
        """Make a fact of this person, as it lies in a batch."""
        now = time.time()
        given = {"id": mint(now, 0), "occurred_at": to_text(now), "subject": self.name, **more}
        return {kind: given}

    def viewed(self, **more: Any) -> dict[str, Any]:
        """A signal that the policy takes."""
        return self.fact("signal", type="product_viewed", data={"sku": "a"}, **more)

    def allows(self, state: str = "granted") -> None:
        """Record a consent, which must be stored."""
        [result] = self.append(self.fact("consent", purpose="personalise", state=state))
        assert result.status == "applied"

    def append(self, *facts: dict[str, Any]) -> list[ItemResult]:
        """Store facts."""
        return self.backend.append([orjson.dumps(each) for each in facts])

    def admit(self, fact: dict[str, Any]) -> bytes:
        """Have a fact noted that is made durable next; gives what to make durable."""
        admission = self.backend.admit(fact)
        assert admission.payload is not None
        return admission.payload

    def decide(self, *slots: str, **more: Any) -> dict[str, Decision]:
        """Decide for this person, and have the records stored as a client has."""
        request = DecisionRequest(
            slots=slots or ("welcome",),
            subject=self.name,
            context={"channel": "web"},
            deadline_ms=PATIENCE_SECONDS * 1_000.0,
            **more,
        )
        made, records = self.backend.decide(request)
        if records:
            assert {each.status for each in self.backend.append(records)} == {"applied"}
        return made

    def reports(self, decision: Decision, type: str) -> dict[str, Any]:
        """An outcome of a decision."""
        now = time.time()
        named = {"id": mint(now, 0), "occurred_at": to_text(now), "decision": decision.id}
        return {"outcome": {**named, "type": type}}


def eventually(condition: Callable[[], Any]) -> None:
    """Wait for what a backend elsewhere promises for soon."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.01)


class BackendConformance:
    """
    The promises of `clew.backends.base.Backend`.

    A subclass has a fixture `backend`, which gives one whose live policy is `POLICY` and whose
    signing keys, where it has any, are `KEYS`.
    """

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        """A backend that decides by `POLICY`."""
        raise NotImplementedError("give the subclass a fixture `backend`")

    @pytest.fixture
    def person(self, backend: Backend) -> Person:
        """Somebody who allows to personalise."""
        person = Person(backend)
        person.allows()
        return person

    # Facts

    def test_each_fact_is_stored_once(self, person: Person) -> None:
        """A fact that is sent again, in the same batch or later, is known by its id."""
        view = person.viewed()
        assert [each.status for each in person.append(view, view)] == ["applied", "duplicate"]
        [again] = person.append(view)
        assert (again.id, again.status) == (view["signal"]["id"], "duplicate")
        assert person.backend.subject(person.name).traits["views"] == 1

    def test_a_bad_fact_spoils_no_other(self, person: Person) -> None:
        """One that breaks the policy is refused with its place; those around it are stored."""
        bad = person.fact("signal", type="product_viewed", data={"sku": 5})
        before, refused, after = person.append(person.viewed(), bad, person.viewed())
        assert [before.status, refused.status, after.status] == ["applied", "refused", "applied"]
        assert refused.errors[0].pointer.startswith("/data")
        assert refused.errors[0].message
        assert person.backend.subject(person.name).traits["views"] == 2

    def test_permission_is_checked_where_it_is_stored(self, backend: Backend) -> None:
        """Without a basis a signal is not stored, and the result says so (F5)."""
        [result] = Person(backend).append(Person(backend).viewed())
        assert (result.status, result.cause) == ("refused", "no_basis")

    def test_what_the_policy_does_not_take_is_told_at_once(self, person: Person) -> None:
        """A signal that the policy does not declare is not even noted, and the error says where."""
        person.backend.policy()
        with pytest.raises(DocumentError, match="no signal 'product_veiwed'") as caught:
            person.backend.admit(person.fact("signal", type="product_veiwed"))
        assert caught.value.problems[0].pointer == "/type"

    def test_decisions_see_what_was_noted(self, person: Person) -> None:
        """After `admit` the next decision knows a signal that is not stored yet (F4)."""
        assert person.decide()["welcome"].creative == "plain"
        noted = [person.admit(person.viewed()) for _ in range(2)]
        decision = person.decide()["welcome"]
        assert (decision.creative, decision.get("headline")) == ("keen", "2 pages")
        assert {each.status for each in person.backend.append(noted)} <= {"applied", "duplicate"}
        assert person.backend.subject(person.name).traits["views"] == 2

    def test_an_outcome_counts_once(self, person: Person) -> None:
        """An outcome that was noted and then stored twice is one outcome."""
        decision = person.decide("drawn")["drawn"]
        payload = person.admit(person.reports(decision, "displayed"))
        statuses = [person.backend.append([payload])[0].status for _ in range(2)]
        assert statuses[1] == "duplicate"

    def test_what_arrives_in_another_order_is_learned_the_same(self, person: Person) -> None:
        """An order that is stored before the display that led to it is learned from (L2, F6)."""
        decision = person.decide("drawn")["drawn"]
        assert decision.reason == "bandit"
        displayed = person.reports(decision, "displayed")
        later = to_text(time.time() + 0.001)  # of another microsecond, on any clock
        order = person.fact("signal", type="order_completed", occurred_at=later)
        for fact in (order, displayed):
            assert person.append(fact)[0].status == "applied"

        def is_learned() -> bool:
            other = Person(person.backend)
            other.allows()
            [draw] = other.decide("drawn")["drawn"].draws
            chances = {candidate.creative: candidate.probability for candidate in draw.candidates}
            # Without the order it would be less likely than the others: it was shown in vain.
            return chances.pop(decision.creative or "") > max(chances.values())

        eventually(is_learned)  # where the record of the decision is on its way

    # Consent and identity

    def test_consent_holds_from_the_next_decision_on(self, backend: Backend) -> None:
        """Unknown means no; a grant and a withdrawal hold once they are stored (D1)."""
        person = Person(backend)
        reasons = [person.decide("drawn")["drawn"].reason]
        for state in ("granted", "withdrawn"):
            person.allows(state)
            reasons.append(person.decide("drawn")["drawn"].reason)
        assert reasons == ["consent_denied", "bandit", "consent_denied"]

    def test_two_ids_become_one_person(self, person: Person) -> None:
        """What is known of an anonymous id is known of the person it is linked to (I1)."""
        anonymous = Person(person.backend)
        anonymous.allows()
        anonymous.append(anonymous.viewed(), anonymous.viewed())
        assert person.decide()["welcome"].creative == "plain"
        ids = {"operation": "link", "anonymous_subject": anonymous.name}
        [linked] = person.append(person.fact("identity", **ids))
        assert linked.status == "applied"
        assert person.decide()["welcome"].creative == "keen"
        [undone] = person.append(person.fact("identity", **{**ids, "operation": "unmerge"}))
        assert undone.status == "applied"
        assert person.decide()["welcome"].creative == "plain"

    def test_known_people_are_never_merged(self, person: Person) -> None:
        """A subject with links of its own is nobody's anonymous id (I1)."""
        anonymous, other = Person(person.backend), Person(person.backend)
        link = {"operation": "link", "anonymous_subject": anonymous.name}
        assert person.append(person.fact("identity", **link))[0].status == "applied"
        merge = {"operation": "link", "anonymous_subject": person.name}
        [refused] = other.append(other.fact("identity", **merge))
        assert (refused.status, refused.cause) == ("refused", "known_subject")

    # Deciding

    def test_every_known_slot_is_filled(self, person: Person) -> None:
        """One call fills several slots, each with all it takes to use it; others are absent."""
        made = person.decide("drawn", "no_such_slot", "welcome")
        assert made.keys() == {"drawn", "welcome"}
        for decision in made.values():
            assert decision.get("headline") == "Hello" or decision.creative == "fresh"
            assert decision.propensity is not None
            assert 0.0 < decision.propensity <= 1.0
            assert (decision.policy_id, decision.policy_version) == ("conformance", "1")
            assert decision.subject == person.name
            assert decision.explanation.method is not None

    def test_a_sticky_decision_is_the_same(self, person: Person) -> None:
        """Within a session a slot that is sticky has one decision (D3)."""
        first, again = (person.decide("drawn", session_id="s-1")["drawn"] for _ in range(2))
        assert (again.id, again.token, again.creative) == (first.id, first.token, first.creative)
        assert (first.cache, again.cache) == ("miss", "hit")

    def test_a_repeated_request_gets_the_same_decision(self, person: Person) -> None:
        """A retry with the same request id does not draw anew (D5)."""
        name = f"r-{person.name}"
        first, again = (person.decide(request_id=name)["welcome"] for _ in range(2))
        assert again.id == first.id

    def test_somebody_without_an_id_is_answered(self, backend: Backend) -> None:
        """A decision for nobody in particular is made, and names no subject."""
        request = DecisionRequest(slots=("welcome",), deadline_ms=PATIENCE_SECONDS * 1_000.0)
        made, _ = backend.decide(request)
        assert (made["welcome"].creative, made["welcome"].subject) == ("plain", None)
        assert not made["welcome"].measured

    def test_a_token_names_its_decision(self, person: Person) -> None:
        """What a decision's token is read as is its id; other text is no token (K2)."""
        decision = person.decide()["welcome"]
        assert decision.token is not None
        assert person.backend.read_token(decision.token) == decision.id
        with pytest.raises(TokenError):
            person.backend.read_token("no token")

    # Reading

    def test_a_decision_is_found_again(self, person: Person) -> None:
        """A recorded decision is read by its id, with its explanation; another id is none."""
        made = person.decide("drawn")["drawn"]
        eventually(lambda: person.backend.decision(made.id) is not None)
        found = person.backend.decision(made.id)
        assert found is not None
        assert (found.id, found.creative, found.content) == (made.id, made.creative, made.content)
        assert found.explanation.method is not None
        assert person.backend.decision(mint(0.0, 0)) is None

    def test_what_was_decided_for_somebody_is_found(self, person: Person) -> None:
        """A person's decisions are given newest first, without those nobody saw (D8)."""
        first, second, third = (
            person.decide(request_id=f"{number}-{person.name}")["welcome"] for number in range(3)
        )
        person.append(person.reports(second, "voided"))

        def names() -> list[str]:
            found = person.backend.decisions(person.name, within_seconds=3_600.0)
            return [each.id for each in found]

        eventually(lambda: names() == [third.id, first.id])

    @pytest.mark.parametrize("told", ["before", "after"])
    def test_a_request_is_voided(self, person: Person, told: str) -> None:
        """All that was decided for a request is taken back, whichever is stored first (D8)."""
        kept = person.decide(request_id=f"kept-{person.name}")["welcome"]
        name = f"gone-{person.name}"
        void = person.fact("outcome", type="voided", request_id=name)
        if told == "before":
            person.append(void)
        person.decide("welcome", "drawn", request_id=name)
        if told == "after":
            person.append(void)
        assert [each.status for each in person.append(void)] == ["duplicate"]

        def names() -> list[str]:
            found = person.backend.decisions(person.name, within_seconds=3_600.0)
            return [each.id for each in found]

        eventually(lambda: names() == [kept.id])

    def test_a_profile_says_what_is_known_and_allowed(self, person: Person) -> None:
        """`subject` gives traits and permissions; of a stranger it gives nothing."""
        person.append(person.viewed())
        profile = person.backend.subject(person.name)
        assert profile.traits["views"] == 1
        assert {each.purpose: each.permitted for each in profile.permissions} == {
            "personalise": True
        }
        assert not any(person.backend.subject(Person(person.backend).name).traits.values())

    def test_the_live_policy_is_known(self, backend: Backend) -> None:
        """`policy` gives what decisions are made by."""
        policy = backend.policy()
        assert policy is not None
        assert (policy.id, policy.version) == ("conformance", "1")

    def test_lift_is_asked_by_objective(self, backend: Backend) -> None:
        """`measure` takes an objective of the policy, and says so of any other."""
        assert {each.objective for each in backend.measure("orders")} <= {"orders"}
        with pytest.raises(ConfigurationError, match="no_such_objective"):
            backend.measure("no_such_objective")

    def test_keys_are_derived_by_purpose(self, backend: Backend) -> None:
        """Each purpose has keys of 32 bytes of its own (K1)."""
        one, other = backend.derive_keys("cookie"), backend.derive_keys("mail")
        assert [len(key) for key in one] == [32] * len(one)
        assert one
        assert not set(one) & set(other)
        assert backend.derive_keys("cookie") == one

    def test_a_backend_is_closed_twice(self, backend: Backend) -> None:
        """Closing what is closed does nothing."""
        backend.close()
        backend.close()
