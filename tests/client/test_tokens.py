"""Tokens name a decision and prove nothing else (RULES K2, T21)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.errors import TokenError
from client.worlds import DAY, embedded, people, sums_of


def test_a_token_reports(world, client):
    """What holds the token may report on the decision, from any process on the store (K1, K2)."""
    decision = client.decide("hero", subject="u-1")
    client.flush()
    other = world.client()
    assert other.report(decision.token, "displayed") == "applied"
    assert sums_of(other, decision.creative)


def test_a_token_names_nobody(client):
    """A token is short and tells neither subject nor features (K2)."""
    client.emit("product_viewed", subject="u-1", data={"sku": "canary"})
    token = client.decide("hero", subject="u-1").token
    assert len(token) <= 160
    assert token.isascii()
    assert "u-1" not in token.split(".")
    assert "canary" not in token


def test_an_expired_token_is_late(world, client):
    """A token lives for the longest window and a day, and is late after that (K2)."""
    decision = client.decide("hero", subject="u-1")
    token = decision.token
    client.flush()
    world.clock.move(2 * DAY)
    assert client.report(token, "displayed", at=world.clock.now() - 2 * DAY) == "applied"
    world.clock.move(1)
    assert client.report(token, "displayed") == "late"
    assert client.losses == {"expired_token": 1}


def test_another_tenants_token_is_refused(world, client):
    """A token of one tenant proves nothing to another on the same store (K2, T21)."""
    token = client.decide("hero", subject="u-1").token
    other = world.client(tenant="other")
    with pytest.raises(TokenError, match="not issued here"):
        other.report(token, "displayed")


def test_tenants_share_nothing(world, client):
    """What one tenant knows is not another's (T22)."""
    client.emit("product_viewed", subject="u-1")
    client.flush()
    other = world.client(tenant="other")
    profile = other.profile("u-1")
    assert (profile.signals, profile.computed["views"]) == (0, 0)
    assert not any(one.permitted for one in profile.permissions if one.purpose == "personalise")
    decision = client.decide("hero", subject="u-1")
    client.flush()
    assert embedded(other).decision(decision.id) is None


@given(
    place=st.integers(0, 200),
    letter=st.sampled_from("0123456789abcdefXYZ_-."),
)
def test_a_changed_token_is_forged(forged, place, letter):
    """No token but the one that was issued is taken, and a forged one teaches nothing (T21)."""
    client, token, before = forged
    place %= len(token) - 1  # of base64's last letter not every bit is read (RFC 4648, 3.5)
    changed = token[:place] + letter + token[place + 1 :]
    if changed == token:
        return
    with pytest.raises(TokenError):
        client.report(changed, "converted")
    assert [sums_of(client, name) for name in ("plain", "fresh", "usual")] == before


@pytest.fixture(scope="module")
def forged():
    """A client, a genuine token, and what had been learned before anything was forged."""
    from client.worlds import World

    world = World("memory://")
    client = world.client()
    people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1")
    client.report(decision, "displayed")
    yield client, decision.token, [sums_of(client, name) for name in ("plain", "fresh", "usual")]
    world.close()


@pytest.mark.parametrize("text", ["", ".", "..", "a.b.c", "é.1.x", "x" * 10_000])
def test_what_is_no_token(client, text):
    """Any other text is no token, and says so."""
    with pytest.raises(TokenError, match="not issued here"):
        client.report(text, "displayed")


def test_a_decision_or_its_token(client):
    """Anything else that is reported on is a mistake of the program."""
    with pytest.raises(TypeError, match="Decision or its token"):
        client.report(42, "displayed")


def test_a_repeated_outcome_counts_once(client):
    """An outcome's own id is what makes it one (M2, T21)."""
    decision = client.decide("hero", subject="u-1")
    assert client.report(decision, "displayed", id="o-1") == "applied"
    once = sums_of(client, decision.creative)
    assert client.report(decision, "displayed", id="o-1") == "duplicate"
    client.flush()
    assert client.report(decision, "displayed", id="o-1") == "duplicate"
    assert client.report(decision, "displayed") == "applied"
    assert sums_of(client, decision.creative) == pytest.approx(once)
