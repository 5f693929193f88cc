"""A visitor is a client bound to one person, who asks nothing until asked."""

from typing import Any

import orjson
import pytest

from clew import Client
from clew.errors import ClosedError, ConsentError
from client.worlds import creative, embedded, policy, slot

#: Three slots alike, of which `kept` gives the same decision again.
THREE = policy(
    slots=[slot(), slot("strip"), slot("kept", sticky="session")],
    creatives=[creative(name, "hero", "strip", "kept") for name in ("plain", "fresh", "usual")],
)


def facts(client: Client, kind: Any) -> list[dict[str, Any]]:
    """All facts of a kind that are stored, once what waits is."""
    client.flush()
    return [orjson.loads(body) for body in embedded(client).store.facts_of("default", kind)]


@pytest.fixture
def three(world):
    """A client over three slots, in whom `u-1` has allowed to personalise."""
    client = world.client(THREE)
    client.consent("u-1", grant=["personalise"])
    return client


def test_nothing_happens_until_it_is_asked(world):
    """Making a visitor stores and reads nothing."""
    client = world.client()
    before = embedded(client).store.changes()
    client.visitor("u-1", session_id="s-1", channel="web", context={"town": "Basel"})
    assert embedded(client).store.changes() == before
    assert embedded(client)._people._hot == {}


def test_a_slot_is_decided_once(client):
    """A view and its markup agree on what is shown."""
    visitor = client.visitor("u-1")
    first = visitor.decide("hero")
    assert visitor.decide("hero") is first
    assert visitor.decide_all(["hero", "none"])["hero"] is first
    assert client.visitor("u-1").decide("hero").id != first.id


def test_what_it_holds_goes_along(client):
    """Session, channel, anonymous id and traffic are those of the visitor."""
    visitor = client.visitor(
        "u-1", anonymous_subject="a-1", session_id="s-1", channel="app", traffic="internal"
    )
    decision = visitor.decide("hero")
    assert (decision.session_id, decision.channel, decision.traffic) == ("s-1", "app", "internal")
    assert decision.anonymous_subject == "a-1"
    visitor.emit("product_viewed", {"sku": "a"}, source="app")
    assert visitor.profile().computed["views"] == 1
    assert visitor.report(decision, "displayed", view_id="v-1") in {"applied", "late"}
    client.flush()
    assert [fact["view_id"] for fact in facts(client, "outcome")] == ["v-1"]


def test_consent_forgets_what_was_decided(client):
    """After the person said something the slot is decided anew (D3)."""
    visitor = client.visitor("u-9")
    assert visitor.decide("hero").reason == "consent_denied"
    visitor.consent(grant=["personalise"])
    assert visitor.decide("hero").reason == "bandit"


def test_signing_in_and_out(client):
    """A visitor goes on as the known subject, and after signing out as nobody known (I1)."""
    visitor = client.visitor("a-1")
    visitor.identify("u-1")
    assert (visitor.subject, visitor.anonymous_subject) == ("u-1", "a-1")
    assert visitor.decide("hero").subject == "u-1"
    fresh = visitor.logout()
    assert fresh not in {"a-1", "u-1"}
    assert (visitor.subject, visitor.decide("hero").reason) == (fresh, "consent_denied")


def test_somebody_without_an_id(world):
    """Somebody without a persistent id is decided for, but nothing can be known of them (M7)."""
    client = world.client(policy(slots=[slot(purpose="service")]))
    visitor = client.visitor(None)
    decision = visitor.decide("hero")
    assert (decision.reason, decision.subject, decision.measured) == ("bandit", None, False)
    with pytest.raises(ValueError, match="no persistent id"):
        visitor.profile()


def test_what_somebody_without_an_id_does_is_counted_and_not_stored(world):
    """A view may emit without looking who is there; nothing is stored of nobody."""
    client = world.client()
    assert client.visitor(None).emit("product_viewed")
    assert client.losses == {"no_subject": 1}
    assert list(embedded(client).store.facts_of("default", "signal")) == []


def test_a_signal_of_nobody_is_counted_as_of_a_visitor(world):
    """A subject of None is somebody without an id, and no mistake, whatever else is said of it."""
    client = world.client(strict=True)
    assert client.emit("product_viewed", subject=None, id="s-1", data={"sku": "a"}) == "s-1"
    made = {client.emit("product_viewed", subject=None) for _ in range(2)}
    assert len(made) == 2
    assert (client.losses, client.pending) == ({"no_subject": 3}, 0)
    client.close()
    with pytest.raises(ClosedError):
        client.emit("product_viewed", subject=None)


def test_signing_in_without_an_anonymous_id_goes_on_as_the_subject(world):
    """There is nothing to link."""
    visitor = world.client().visitor(None)
    visitor.identify("u-1")
    assert (visitor.subject, visitor.anonymous_subject) == ("u-1", None)


def test_what_was_said_before_a_withdrawal_is_kept(world):
    """A signal was allowed when it was emitted, and the withdrawal comes after it (F5)."""
    client = world.client()
    client.consent("u-1", grant=["personalise"])
    client.emit("product_viewed", subject="u-1")
    client.consent("u-1", withdraw=["personalise"])
    client.flush()
    assert len(list(embedded(client).store.facts_of("default", "signal"))) == 1
    assert client.losses == {}


# -- deciding ahead


def test_what_was_prepared_is_what_is_shown(three):
    """A slot that is asked for after it was prepared has the decision made ahead."""
    visitor = three.visitor("u-1")
    visitor.prepare(["hero", "strip"])
    assert set(visitor.decided) == {"hero", "strip"}
    assert visitor.asked == {}
    ahead = visitor.decided["hero"]
    assert visitor.decide("hero") is ahead
    assert visitor.asked == {"hero": ahead}
    assert len(facts(three, "decision")) == 2


def test_what_nobody_asked_for_is_voided(three):
    """At the end of a request what was prepared in vain counts for nothing, once (D8)."""
    visitor = three.visitor("u-1")
    visitor.prepare(["hero", "strip"])
    shown, vain = visitor.decide("hero"), visitor.decided["strip"]
    visitor.finish()
    visitor.finish()
    told = [(fact["decision"], fact["type"]) for fact in facts(three, "outcome")]
    assert told == [(vain.id, "voided")]
    assert visitor.asked == visitor.decided == {"hero": shown}
    assert visitor.decide("strip").id != vain.id


def test_a_kept_decision_is_not_voided(three):
    """What was shown in an earlier request stands, even if this one did not ask for it (D8)."""
    kept = three.decide("kept", subject="u-1")
    visitor = three.visitor("u-1")
    visitor.prepare(["kept"])
    visitor.finish()
    assert facts(three, "outcome") == []
    assert three.decide("kept", subject="u-1").id == kept.id


def test_preparing_after_the_end(three):
    """What is prepared when the request is over is voided at once (D8)."""
    visitor = three.visitor("u-1")
    visitor.finish()
    visitor.prepare(["hero"])
    assert visitor.decided == {}
    assert [fact["type"] for fact in facts(three, "outcome")] == ["voided"]


def test_consent_voids_what_was_prepared(three):
    """What was decided ahead of a change of consent is of no use after it (D3, D8)."""
    visitor = three.visitor("u-1")
    visitor.prepare(["hero"])
    visitor.consent(withdraw=["personalise"])
    assert [fact["type"] for fact in facts(three, "outcome")] == ["voided"]
    assert visitor.decide("hero").reason == "consent_denied"


def test_the_callers_default_when_nothing_else_is_known(world):
    """A slot prepared without a policy takes the default of whoever asks for it then (D2)."""
    client = Client("memory://", clock=world.clock)
    visitor = client.visitor("u-1")
    visitor.prepare(["hero"])
    assert visitor.decide("hero").content == {}
    assert visitor.decide("hero", default={"headline": "Hi"}).get("headline") == "Hi"
    assert visitor.decided["hero"].get("headline") == "Hi"
    client.close()


def test_a_deadline(world, three):
    """A decision that took longer than its deadline is the default, here as in the client (D8)."""
    visitor = three.visitor("u-1")
    visitor.decide("strip")
    read = embedded(three)._deciding._uniform

    def slow() -> float:
        world.clock.move(1)
        return read()

    embedded(three)._deciding._uniform = slow
    decision = visitor.decide("hero", deadline_ms=50)
    assert (decision.reason, decision.creative) == ("deadline", "plain")
    assert visitor.decide("hero") is decision
    assert [fact["type"] for fact in facts(three, "outcome")] == ["voided"]


# -- consent and the browser


def test_a_grant_makes_an_id(world):
    """Somebody without an id gets an anonymous one with the first grant, and is known by it."""
    client = world.client()
    visitor = client.visitor(None)
    assert visitor.may_store is None
    visitor.consent(grant=iter(["personalise"]), source="banner")
    assert visitor.may_store is True
    assert visitor.subject is not None
    assert visitor.subject.startswith("anon-")
    assert visitor.decide("hero").subject == visitor.subject
    sources = {one.purpose: one.source for one in visitor.profile().permissions}
    assert sources["personalise"] == "banner"


@pytest.mark.parametrize("refusal", ["withdraw", "object_to"])
def test_a_refusal_needs_no_id(world, refusal):
    """Of somebody without an id nothing is known, so nothing is stored when they refuse."""
    client = world.client()
    visitor = client.visitor(None)
    visitor.consent(**{refusal: ["personalise"]})
    assert (visitor.may_store, visitor.subject) == (False, None)
    assert facts(client, "consent") == []


def test_a_grant_that_is_not_stored_makes_no_id(world):
    """When a grant is refused nothing of it holds, and there is no id to keep."""
    visitor = world.client().visitor(None)
    with pytest.raises(ConsentError, match="no purpose 'persnalise'"):
        visitor.consent(grant=["persnalise"])
    with pytest.raises(TypeError, match="write"):
        visitor.consent(grant="personalise")
    assert (visitor.may_store, visitor.subject) == (None, None)


@pytest.mark.parametrize(
    ("steps", "may_store"),
    [
        pytest.param([{"grant": ["personalise"]}], True, id="a grant"),
        pytest.param(
            [{"grant": ["personalise", "ads"]}, {"withdraw": ["ads"]}], True, id="one is left"
        ),
        pytest.param(
            [{"grant": ["personalise"]}, {"withdraw": ["personalise"]}], False, id="none is left"
        ),
        pytest.param(
            [{"object_to": ["personalise"]}, {"grant": ["personalise"]}], False, id="an objection"
        ),
        pytest.param([{"withdraw": ["ads"]}], False, id="never granted"),
        pytest.param([{"grant": ["ads"], "withdraw": ["personalise"]}], True, id="both at once"),
    ],
)
def test_an_id_is_kept_while_anything_is_granted(world, steps, may_store):
    """After consent changed, an id may be kept if anything is granted; a contract is no grant."""
    visitor = world.client().visitor("u-1")
    for step in steps:
        world.clock.move(1)
        visitor.consent(**step)
    assert visitor.may_store is may_store


def test_signing_in_and_out_after_consent(client):
    """Whether an id may be kept is told of whoever it is now (I3)."""
    client.consent("u-2", withdraw=["ads", "personalise"])
    visitor = client.visitor(None)
    visitor.consent(grant=["personalise"])
    visitor.identify("u-2")
    assert visitor.may_store is False
    visitor.logout()
    assert visitor.may_store is None
