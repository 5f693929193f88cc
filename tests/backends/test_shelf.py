"""A live policy that this version cannot read: nothing is lost, and whoever looks is told."""

import logging

import pytest

from clew.errors import BackendUnavailableError
from client.worlds import World, bundle, embedded, people, policy


@pytest.fixture
def world(make) -> World:
    """An empty world."""
    return make()


def go_live(world: World, name: str, body: bytes | None) -> None:
    """Make a policy live by hand, or by a version of clew that writes others."""
    with embedded(world.client()).store.write() as write:
        if body is not None:
            write.put_setting("default", f"policy:{name}", body)
        write.put_setting("default", "policy.live", name.encode())


#: By what is wrong, what is stored as the live policy.
UNREADABLE = {
    "not-stored": None,
    "no-json": b"{",
    "no-object": b"[]",
    "empty": b"{}",
    "newer": b'{"$schema": "urn:clew:policy:2", "id": "shop", "version": "9", "weather": []}',
    "dangling": bundle(policy()).replace(b'"default":"plain"', b'"default":"absent"'),
    "too-deep": b'{"id":' + b"[" * 900 + b"]" * 900 + b"}",
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_said(world, body, caplog):
    """The error names the policy, what is wrong and what to do, and the log says it once."""
    client = world.client()
    go_live(world, "shop 9", body)
    for number in range(3):
        people(world.client(tenant="other"), [f"u-{number}"])  # the store changes meanwhile
        with pytest.raises(BackendUnavailableError, match=r"policy shop 9 .*publish another"):
            embedded(client).policy()
    [said] = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert "shop 9" in said.message


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_nothing_is_lost(world, body):
    """Facts wait until there is a policy that can be read, and decisions fall back meanwhile."""
    client = world.client()
    people(client, ["u-1"])
    go_live(world, "shop 9", body)
    client.emit("product_viewed", subject="u-1")
    made = client.decide("hero", subject="u-1", default={"headline": "safe"})
    assert (made.reason, made.token) == ("error", None)
    assert client.flush(timeout=0.2) == 1
    with pytest.raises(BackendUnavailableError):
        embedded(client).append([b'{"signal": {"id": "s-1"}}'])
    embedded(client).shelf.publish(bundle(policy(version="10")))
    assert client.flush() == 0
    assert client.profile("u-1").computed["views"] == 1
    assert client.decide("hero", subject="u-1").policy_version == "10"


def test_the_policy_before_is_live_again(world):
    """Turned back to the policy before, everything goes on as it did."""
    client = world.client()
    people(client, ["u-1"])
    go_live(world, "shop 9", b"{}")
    assert client.decide("hero", subject="u-1").reason == "error"
    go_live(world, "shop 1", None)
    assert client.decide("hero", subject="u-1").reason == "bandit"


def test_another_is_published_over_it(world):
    """What is live is named whether or not it can be read."""
    client = world.client()
    shelf = embedded(client).shelf
    assert shelf.live_name() == "shop 1"
    go_live(world, "shop 9", b"{}")
    assert shelf.live_name() == "shop 9"
