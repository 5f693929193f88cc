"""A visitor is a client bound to one person, who asks nothing until asked."""

import pytest

from client.worlds import embedded, policy, slot


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
    assert visitor.report(decision, "displayed") in {"applied", "late"}


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


@pytest.mark.parametrize("operation", ["emit", "profile", "consent", "identify"])
def test_somebody_without_an_id(world, operation):
    """Somebody without a persistent id is decided for, but nothing can be known of them (M7)."""
    client = world.client(policy(slots=[slot(purpose="service")]))
    visitor = client.visitor(None)
    decision = visitor.decide("hero")
    assert (decision.reason, decision.subject, decision.measured) == ("bandit", None, False)
    given = {"emit": ["product_viewed"], "identify": ["u-1"]}.get(operation, [])
    with pytest.raises(ValueError, match="no persistent id"):
        getattr(visitor, operation)(*given)
