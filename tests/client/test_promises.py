"""What clew is for, one promise per test, through the public client alone."""

import random

import pytest

from clew import Client
from client.worlds import DAY, World, creative, people, policy, show, slot

_HOLDOUT = [{"id": "global", "salt": "2026", "share": 0.3}]
_COUNTED = {"id": "seen", "signal": "page_seen", "aggregate": "count", "purpose": "personalise"}


def test_every_source_feeds_one_profile(world: World) -> None:
    """Web, app and CRM change the same profile, and the next decision knows (C04)."""
    regular = creative("regular", when={">=": [{"var": "computed.seen"}, 3]}, priority=1)
    client = world.client(
        policy(
            traits=[_COUNTED],
            slots=[slot(strategy="priority")],
            creatives=[creative("plain"), regular],
        )
    )
    people(client, ["u-1"])
    for source, channel in (("site", "web"), ("ios", "app"), ("crm", "phone")):
        assert client.decide("hero", subject="u-1").creative == "plain"
        client.emit("page_seen", subject="u-1", source=source, channel=channel)
    assert client.decide("hero", subject="u-1").creative == "regular"
    assert client.profile("u-1").computed == {"seen": 3}


@pytest.mark.parametrize("better", [0.0, 0.3], ids=["no effect", "an effect of 30 points"])
def test_lift_beside_attributed_value(world: World, better: float) -> None:
    """A holdout tells what a policy earned, with an interval, beside what is attributed (C13)."""
    fresh = creative("fresh", priority=1)
    client = world.client(
        policy(
            slots=[slot(strategy="priority")],
            creatives=[creative("plain"), fresh],
            holdouts=_HOLDOUT,
        )
    )
    chance = random.Random(7)
    for name in people(client, [f"u-{number}" for number in range(1_500)]):
        shown = show(client, name)
        if chance.random() < 0.2 + better * (shown.creative == "fresh"):
            client.emit("order_completed", subject=name)
    client._core.clock.move(seconds=DAY + 1)
    (measured,) = client.measure("orders")
    assert measured.state == "measured"
    assert measured.absolute is not None
    assert measured.absolute.lower <= better <= measured.absolute.upper
    assert (measured.absolute.lower > 0.0) == (better > 0.0)
    treated = next(arm for arm in measured.arms if arm.arm == "treated")
    assert measured.attributed == treated.total


@pytest.mark.parametrize(
    ("strategy", "allowed", "reason"),
    [
        pytest.param("bandit", True, "bandit", id="a bandit"),
        pytest.param("priority", True, "priority", id="rules"),
        pytest.param("bandit", False, "consent_denied", id="a fall-back"),
    ],
)
def test_one_call_whoever_decides(
    world: World, strategy: str, *, allowed: bool, reason: str
) -> None:
    """Bandit, rules and fall-back answer the same call with the same kind of answer (C17)."""
    client = world.client(policy(slots=[slot(strategy=strategy)]))
    if allowed:
        people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1")
    assert decision.reason == reason
    assert decision.get("headline") in {"plain", "fresh", "usual"}
    assert decision.explanation.because


def test_without_a_basis_the_profile_is_not_read(client: Client) -> None:
    """Without a basis for its purpose a slot shows what needs no data, and reads none (C21)."""
    client.emit("product_viewed", subject="u-1")
    client.consent("u-1", withdraw=["personalise"])
    decision = client.decide("hero", subject="u-1")
    assert (decision.reason, decision.creative) == ("consent_denied", "plain")
    assert decision.reads.profile == {}
    assert decision.explanation.data_used == ()


def test_a_deadline_is_kept_with_valid_content(world: World) -> None:
    """Whoever asks too much of the clock gets the default in time, and says why (C26)."""

    class Slow(type(world.clock)):  # type: ignore[misc]
        """A clock on which every look takes a second."""

        def now(self) -> float:
            return float(self.move(seconds=1.0)._now)

    world.clock = Slow()
    client = world.client()
    people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1", deadline_ms=50)
    assert (decision.reason, decision.get("headline")) == ("deadline", "plain")
    assert (decision.token, decision.propensity) == (None, None)
