"""One slot, different people, moments and intents, different creatives (C06, C36)."""

import pytest

from clew import Client
from client.worlds import World, creative, people, policy, slot

LIKED = {"vegan": "garden", "meaty": "grill"}


def taught(world: World) -> Client:
    """A shop that has learned what those who eat one way or the other order after seeing."""
    traits = [
        {
            "id": "diet",
            "signal": "diet_stated",
            "aggregate": "last",
            "of": "data.diet",
            "purpose": "personalise",
        },
        {
            "id": "views",
            "signal": "product_viewed",
            "aggregate": "count",
            "purpose": "personalise",
        },
    ]
    exploration = {"floor": 0.0, "new_floor": 0.0, "gamma": 1e6}
    hero = slot(features=["computed.diet"], exploration=exploration)
    document = policy(
        traits=traits,
        segments=[{"id": "keen", "when": {">=": [{"var": "computed.views"}, 3]}}],
        slots=[hero],
        creatives=[creative("plain"), creative("garden"), creative("grill")],
    )
    client = world.client(document)
    for diet, liked in LIKED.items():
        (teacher,) = people(client, [f"teacher-{diet}"])
        client.emit("diet_stated", subject=teacher, data={"diet": diet})
        for _ in range(60):
            decision = client.decide("hero", subject=teacher)
            client.report(decision, "displayed")
            if decision.creative == liked:
                client.report(decision, "converted")
    return client


def test_two_people_of_the_same_segments(world):
    """People in the same segments get different creatives for their own features (C36)."""
    client = taught(world)
    shown = {}
    for diet in LIKED:
        (subject,) = people(client, [f"u-{diet}"])
        client.emit("diet_stated", subject=subject, data={"diet": diet})
        for _ in range(3):
            client.emit("product_viewed", subject=subject)
        decision = client.decide("hero", subject=subject)
        assert decision.segments == ("keen",)
        assert decision.propensity > 0.9
        shown[diet] = decision.creative
    assert shown == LIKED


@pytest.fixture
def shop(world: World) -> Client:
    """A shop whose creatives ask for a context, a behaviour, an intent."""
    traits = [
        {
            "id": "views",
            "signal": "product_viewed",
            "aggregate": "count",
            "purpose": "personalise",
        },
        {
            "id": "wish",
            "signal": "wish_stated",
            "aggregate": "last",
            "of": "data.wish",
            "kind": "declared",
            "purpose": "personalise",
        },
    ]
    rules = {
        "weather": {"==": [{"var": "context.weather"}, "rain"]},
        "browsing": {">=": [{"var": "computed.views"}, 3]},
        "intent": {"==": [{"var": "declared.wish"}, "gift"]},
    }
    creatives = [
        creative(name, when=rule, priority=number)
        for number, (name, rule) in enumerate(rules.items(), 1)
    ]
    document = policy(
        traits=traits,
        slots=[slot(strategy="priority")],
        creatives=[creative("plain"), *creatives],
    )
    client = world.client(document)
    people(client, ["u-1"])
    return client


def test_context_alone_changes_what_is_shown(shop):
    """Two requests of one person that differ in context alone show different creatives (C06)."""
    shown = [
        shop.decide("hero", subject="u-1", context={"weather": weather}).creative
        for weather in ("sun", "rain", "sun")
    ]
    assert shown == ["plain", "weather", "plain"]


def test_behaviour_alone_changes_what_is_shown(shop):
    """The same request before and after browsing shows different creatives (C05, C06)."""
    shown = []
    for _ in range(4):
        shown.append(shop.decide("hero", subject="u-1").creative)
        shop.emit("product_viewed", subject="u-1")
    assert shown == ["plain", "plain", "plain", "browsing"]


def test_intent_alone_changes_what_is_shown(shop):
    """The same request before and after the person has said what they want differs (C06, C41)."""
    before = shop.decide("hero", subject="u-1").creative
    shop.emit("wish_stated", subject="u-1", party="first", data={"wish": "gift"})
    unsaid = shop.decide("hero", subject="u-1").creative
    shop.emit("wish_stated", subject="u-1", party="zero", data={"wish": "gift"})
    assert [before, unsaid, shop.decide("hero", subject="u-1").creative] == [
        "plain",
        "plain",
        "intent",
    ]


def test_leaving_a_segment_shows_at_once(world):
    """Membership ends with the window that made it, without anything being run (C05)."""
    traits = [
        {
            "id": "views",
            "signal": "product_viewed",
            "aggregate": "count",
            "window_seconds": 3600,
            "purpose": "personalise",
        }
    ]
    segments = [{"id": "keen", "when": {">": [{"var": "computed.views"}, 0]}}]
    client = world.client(policy(traits=traits, segments=segments))
    people(client, ["u-1"])
    client.emit("product_viewed", subject="u-1")
    assert client.decide("hero", subject="u-1").segments == ("keen",)
    world.clock.move(hours=1, minutes=2)
    assert client.decide("hero", subject="u-1").segments == ()
