"""Nothing that is denied is read, shown, stored or logged, whatever a policy asks for (T10)."""

import json
import logging

import orjson
import pytest
from attrs import asdict

from clew.codec import to_json
from client.worlds import World, creative, embedded, people, policy, slot

CANARY = "canary-7f3a"

EVERYTHING = {
    "rules": [
        {"starts_with": [{"var": "computed.secret"}, "can"]},
        {"in": ["can", {"cat": [{"var": "traits"}]}]},
        {"some": [{"var": "computed"}, {"starts_with": [{"var": ""}, "can"]}]},
        {"in": ["can", {"cat": [{"var": ""}]}]},
        {"!=": [{"var": "traits.secret"}, None]},
        {"reduce": [{"var": "traits"}, {"var": "current"}, None]},
    ],
    "texts": [
        "{{ computed.secret }}",
        "{{ traits.secret | default: 'x' }}",
        "{{ computed | default: 'x' }}",
        "{{ traits | default: 'x' }}",
    ],
}


def hostile() -> dict:
    """A policy whose segments, creatives and features walk everything there is."""
    segments = [
        {"id": f"walks_{number}", "when": rule} for number, rule in enumerate(EVERYTHING["rules"])
    ]
    walking = [
        creative(f"rule_{number}", when={"!": [rule]})
        for number, rule in enumerate(EVERYTHING["rules"])
    ]
    telling = [
        creative(f"text_{number}", content={"en": {"headline": text}})
        for number, text in enumerate(EVERYTHING["texts"])
    ]
    return policy(
        segments=segments,
        slots=[slot(features=["computed.views", "context.mood"])],
        creatives=[creative("plain"), *walking, *telling],
    )


@pytest.fixture(params=["memory", "sqlite"])
def hostile_world(request, tmp_path):
    """A world with the hostile policy, in which `u-1` told a secret and then took it back."""
    world = World("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/shop.db")
    yield world
    world.close()


def open_hostile(world):
    """A client to whom a person told the canary for `ads`, and now allows to personalise only."""
    client = world.client()
    people(client, ["u-1"], "ads")
    client.emit("secret_told", subject="u-1", data={"word": CANARY})
    assert client.profile("u-1").computed["secret"] == CANARY
    client.flush()
    world.clock.move(minutes=1)
    client.consent("u-1", grant=["personalise"], withdraw=["ads"])
    client.emit("product_viewed", subject="u-1")
    # Checking a policy would refuse this one; the mask must hold where nobody checked.
    embedded(client).shelf.publish(orjson.dumps({**hostile(), "version": "2"}))
    return client


def test_a_denied_value_is_nowhere(hostile_world, caplog, tmp_path):
    """No decision, record, explanation, token, log line or fact on disk holds a denied value."""
    with caplog.at_level(logging.DEBUG):
        client = open_hostile(hostile_world)
        shown = set()
        for _ in range(60):
            decision = client.decide("hero", subject="u-1", context={"mood": "gay"})
            shown.add(decision.creative)
            everything = json.dumps([to_json(decision), repr(asdict(decision)), decision.token])
            assert CANARY not in everything
            client.report(decision, "displayed")
        assert len(shown) > 3
        client.flush()
    store = embedded(client).store
    for kind in ("decision", "outcome"):
        bodies = list(store.facts_of("default", kind))
        assert len(bodies) == 60
        assert not any(CANARY.encode() in body for body in bodies)
    assert CANARY not in caplog.text


def test_the_mask_is_what_hides_it(hostile_world):
    """With the permission given back the same policy finds the value: the walk reaches it."""
    client = open_hostile(hostile_world)
    hostile_world.clock.move(minutes=1)
    client.consent("u-1", grant=["ads"])
    found = [client.decide("hero", subject="u-1") for _ in range(60)]
    assert not any(CANARY in repr(to_json(one)) for one in found)
    ads = policy(
        version="3",
        slots=[slot("hero", "priority", purpose="ads")],
        creatives=[
            creative("plain"),
            creative("telling", content={"en": {"headline": "{{ computed.secret }}"}}, priority=1),
        ],
    )
    embedded(client).shelf.publish(orjson.dumps(ads))
    assert client.decide("hero", subject="u-1").get("headline") == CANARY


def test_withheld_data_is_named_not_shown(hostile_world):
    """An explanation names what was withheld and why, without its value."""
    client = open_hostile(hostile_world)
    explanation = client.decide("hero", subject="u-1").explanation
    withheld = {one.field: one.reason for one in explanation.data_withheld}
    assert "ads" in withheld["computed.secret"]
    assert CANARY not in orjson.dumps(to_json(explanation)).decode()
