"""What a former version has kept of a person is read by this one, and nothing is lost of it."""

from typing import Any

import orjson
import pytest

from clew.backends.memory import MemoryStore
from clew.engine.bucketing import store_bucket
from client.worlds import World, embedded, people, show

PLACE = store_bucket("default", "u-1"), "default"


def former(document: dict[str, Any]) -> None:
    """Give a document to a former version: decisions hold what they earned and what waits."""
    outcomes = document.pop("outcomes", {}).get("hero", {}).get("orders", [])
    undone = document.pop("reversed", {}).get("orders", [])
    for where in ("slots", "older"):
        for entry in document.get(where, {}).get("hero", ()):
            said: dict[str, Any] = {"out": entry.get("left_out")}
            said |= {
                "counted": entry.get("reached_at"),
                "void": entry.get("void"),
                "undone": undone,
            }
            said["done"] = {"orders": [earned(one) for one in outcomes if of(one) == entry["id"]]}
            said["early"] = [
                ["orders", one["id"], one["worth"], one["at"], None]
                for one in outcomes
                if of(one) is None and where == "slots"
            ]
            for name in ("reached_at", "ended", "left_out"):
                entry.pop(name, None)
            entry.update(said if where == "slots" else {k: one for k, one in said.items() if one})


def of(outcome: dict[str, Any]) -> str | None:
    """The decision that has earned an outcome."""
    return outcome.get("taught")


def earned(outcome: dict[str, Any]) -> dict[str, Any]:
    """An outcome as the decision that it has taught was credited with it."""
    figures = {name: outcome[name] for name in ("id", "worth", "reward", "attributed")}
    return figures | {"items": None, "taught": True}


def told(then: dict[str, Any], followers: int, *, is_former: bool) -> dict[str, Any]:
    """All that is learned after one thing more is told of a decision, with an order since."""
    world = World("memory://")
    client = world.client()
    people(client, ["u-1"])
    shown = show(client, "u-1") if then.pop("is_shown", True) else None
    decision = shown or client.decide("hero", subject="u-1")
    world.clock.move(seconds=1)
    client.emit("order_completed", subject="u-1", id="order-1")
    for _ in range(followers):
        client.decide("hero", subject="u-1")
    client.flush(10)
    store = embedded(client).store
    assert isinstance(store, MemoryStore)
    if is_former:
        with store.write() as write:
            document = orjson.loads(write.person(PLACE, "u-1")[1])
            former(document)
            write.put_people([(PLACE, "u-1", orjson.dumps(document))])
    later = world.client()
    kind = then.pop("type")
    at = decision.decided_at.timestamp() + then.pop("after", 2.0)
    if kind == "order_completed":
        later.emit(kind, subject="u-1", at=at, **then)
    else:
        later.report(decision, kind, at=at, **then)
    later.flush(10)
    assert not later.losses
    return dict(store._latest.tables.sums)


@pytest.mark.parametrize("followers", [0, 5], ids=["the latest", "an older one"])
@pytest.mark.parametrize(
    "then",
    [
        pytest.param({"type": "displayed"}, id="shown again"),
        pytest.param({"type": "displayed", "is_shown": False, "after": 0.5}, id="shown after all"),
        pytest.param({"type": "voided"}, id="voided"),
        pytest.param({"type": "overridden"}, id="overridden"),
        pytest.param({"type": "converted", "reverses": "order-1"}, id="refunded"),
        pytest.param({"type": "converted", "id": "order-2"}, id="reported again"),
        pytest.param({"type": "order_completed", "id": "order-2"}, id="bought again"),
    ],
)
def test_what_was_earned_before_is_known(then, followers):
    """Of a decision in an older file the same is learned as if nothing had changed (L2, D8)."""
    expected = told(dict(then), followers, is_former=False)
    assert told(dict(then), followers, is_former=True) == expected
