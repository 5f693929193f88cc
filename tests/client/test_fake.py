"""The fake client and the fixtures that come with clew."""

import asyncio

import pytest

from clew import AsyncClient
from clew.errors import ClosedError, DocumentError
from clew.testing import FakeClient, HandClock

pytest_plugins = ["pytester"]


def test_it_answers_from_a_table():
    """A slot that was fixed shows what was fixed, any other the caller's default."""
    client = FakeClient({"hero": {"headline": "Hi"}})
    assert client.decide("hero", subject="u-1", default={"headline": "No"}).get("headline") == "Hi"
    other = client.decide("other", subject="u-1", default={"headline": "Yes"})
    assert (other.get("headline"), other.reason) == ("Yes", "unknown_slot")
    client.fix("other", {"headline": "Now"})
    assert client.decide("other", subject="u-1").get("headline") == "Now"


def test_it_answers_under_asyncio():
    """The asyncio faces of a fake client, as an application or the middleware uses them."""
    client = FakeClient({"hero": {"headline": "Hi"}})

    async def main():
        both = AsyncClient.over(client)
        decision = await both.decide("hero", subject="u-1")
        seen = await both.visitor("u-1").decide("hero")
        assert decision.get("headline") == seen.get("headline") == "Hi"
        assert await both.report(decision, "displayed", wait=1.0) == "applied"

    asyncio.run(main())
    assert client.report(client.decide("hero", subject="u-1"), "sent", wait=1.0) == "applied"
    assert [outcome["type"] for outcome in client.outcomes] == ["displayed", "sent"]


def test_it_remembers_what_it_was_told():
    """Signals, outcomes, consents and links are there to be looked at."""
    client = FakeClient({"hero": {"headline": "Hi"}})
    client.emit("product_viewed", subject="u-1", data={"sku": "a"})
    decision = client.decide("hero", subject="u-1")
    assert client.report(decision, "displayed") == "applied"
    assert client.report(decision.token, "converted", value=9) == "applied"
    client.consent("u-1", grant=["personalise"], withdraw=["ads"])
    assert client.identify("a-1", "u-1") == "a-1"
    assert [signal["data"] for signal in client.signals] == [{"sku": "a"}]
    assert [outcome["type"] for outcome in client.outcomes] == ["displayed", "converted"]
    assert {outcome["decision"] for outcome in client.outcomes} == {decision.id}
    assert {one["purpose"]: one["state"] for one in client.consents} == {
        "personalise": "granted",
        "ads": "withdrawn",
    }
    assert client.links == {"a-1": "u-1"}
    client.unmerge("a-1", "u-1")
    assert client.links == {}


def test_a_visitor_without_an_id():
    """What happens to nobody in particular is kept of nobody."""
    client = FakeClient()
    assert client.visitor(None).emit("product_viewed")
    assert client.emit("product_viewed", subject=None, id="s-1") == "s-1"
    assert client.signals == []


def test_a_visitor_of_it():
    """A visitor of the fake gets an id with a grant, and decisions are remembered by subject."""
    client = FakeClient({"hero": {"headline": "Hi"}})
    visitor = client.visitor(None)
    visitor.consent(grant=["personalise"])
    assert visitor.may_store is True
    visitor.prepare(["hero"])
    decision = visitor.decide("hero")
    visitor.finish()
    assert client.outcomes == []
    assert client.decisions(visitor.subject) == [decision]
    assert client.decisions("somebody else") == []
    visitor.consent(withdraw=["personalise"])
    assert visitor.may_store is False
    assert client.derive_keys("cookie") == client.derive_keys("cookie") != client.derive_keys("b")


def test_a_late_decision_of_it():
    """A slot that the fake did not answer in time has the caller's default (D2)."""
    client = FakeClient({"hero": {"headline": "Hi"}})
    visitor = client.visitor("u-1")
    (late,) = client._core.answers.local(["hero"], "deadline", {"headline": "No"}).values()
    assert (late.reason, late.get("headline"), late.token) == ("deadline", "No", None)
    assert visitor.decide("hero", deadline_ms=50).get("headline") == "Hi"


def test_it_fails_where_a_client_fails():
    """Misuse raises, so that an application's test finds it."""
    client = FakeClient()
    with pytest.raises(TypeError):
        client.emit("product_viewed", subject=42)
    with pytest.raises(DocumentError):
        client.report(client.decide("hero", subject="u-1"), "seen")
    client.close()
    with pytest.raises(ClosedError):
        client.emit("product_viewed", subject="u-1")


def test_the_rest_is_empty():
    """It knows nobody, measures nothing, loses nothing."""
    with FakeClient(clock=HandClock("2026-01-01T00:00:00Z")) as client:
        assert client.profile("u-1").signals == 0
        assert client.measure() == []
        assert client.flush() == 0
        assert client.losses == {}
        assert client.visitor("u-1").decide("hero").reason == "unknown_slot"


def test_the_fixtures_are_there(pytester):
    """An application's test gets a client and a clock by naming them."""
    pytester.makepyfile(
        """
        def test_shop(clew_client, clew_clock):
            clew_client.fix("hero", {"headline": "Hi"})
            before = clew_client.decide("hero", subject="u-1").decided_at
            clew_clock.move(hours=1)
            after = clew_client.decide("hero", subject="u-1").decided_at
            assert (after - before).total_seconds() == 3600
        """
    )
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
