"""Facts about a person give one state, in whatever order, number, place and name they arrive."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.stories import DOCUMENT, close_to, with_worlds
from clew.model.request import DecisionRequest
from client.worlds import DAY, HOUR, people, policy, slot, sums_of


@st.composite
def signals(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Signals of the last three days about one person, each with an id."""
    count = draw(st.integers(1, 8))
    ages = st.integers(0, int(3 * DAY))
    made = []
    for number in range(count):
        kind = draw(st.sampled_from(["product_viewed", "order_completed"]))
        data = (
            {"sku": draw(st.sampled_from("abc"))}
            if kind == "product_viewed"
            else {"total": draw(st.floats(0.01, 99).map(lambda total: round(total, 2)))}
        )
        made.append({"type": kind, "id": f"s-{number}", "age": draw(ages), "data": data})
    return made


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[tuple[int, int, str, bool]]]:
    """Signals, and how they arrive: which one, through which client, of whom, and a flush."""
    told = draw(signals())
    everyone = draw(st.permutations(range(len(told))))
    again = draw(st.lists(st.sampled_from(range(len(told))), max_size=4))
    whose = draw(st.lists(st.sampled_from(["u-1", "a-1", "a-2"]), min_size=9, max_size=9))
    path = [
        (number, draw(st.integers(0, 1)), whose[number], draw(st.booleans()))
        for number in (*everyone, *again)
    ]
    return told, path


@with_worlds
@given(arrived=arrivals())
def test_one_profile_whatever_the_way(make, arrived):
    """Permuted, repeated, split over flushes, clients, ids linked later: one profile (F4, F6)."""
    told, path = arrived
    world = make()
    plain, *clients = (world.client(DOCUMENT) for _ in range(3))
    people(plain, ["u-0", "u-1", "a-1", "a-2"])
    now = world.clock.now()

    def emit(client: Any, signal: dict[str, Any], subject: str, name: str) -> None:
        given = {"data": signal["data"], "at": now - signal["age"], "id": name}
        client.emit(signal["type"], subject=subject, **given)

    for signal in told:
        emit(plain, signal, "u-0", f"plain-{signal['id']}")
    for number, which, subject, flush in path:
        emit(clients[which], told[number], subject, told[number]["id"])
        if flush:
            assert clients[which].flush() == 0
    for client in clients:
        assert client.flush() == 0
    for anonymous in ("a-1", "a-2"):
        clients[0].identify(anonymous, "u-1")
    expected = plain.profile("u-0")
    for client in clients:
        found = client.profile("u-1")
        assert found.signals == expected.signals == len(told)
        assert found.computed["views"] == expected.computed["views"]
        assert found.computed == close_to(expected.computed)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("over", ["one client", "two clients"])
def test_outcomes_in_any_order_teach_the_same(make, order, over):
    """Counting, converting and reversing add up to one thing, however they arrive (L2, F6)."""
    world = make()
    client = world.client(policy(slots=[slot(features=["context.channel"])]))
    people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1", context={"channel": "web"})
    client.flush()
    teller = client if over == "one client" else world.client()
    reports = [
        {"type": "displayed", "id": "o-0", "view_id": "v-1"},
        {"type": "displayed", "id": "o-1", "view_id": "v-2"},
        {"type": "converted", "id": "o-2"},
        {"type": "converted", "id": "o-3", "reverses": "o-2"},
    ]
    at = world.clock.now()
    world.clock.move(hours=2)
    for number in order:
        given = dict(reports[number])
        teller.report(decision, given.pop("type"), at=at + number * 60, **given)
    (draw,) = decision.draws
    p = draw.predicted
    x = draw.features
    expected = {f"p:{name}": p * (1 - p) * value * value for name, value in x.items()}
    expected |= {
        f"e:{name}": p * (1 - p) * value * draw.means[name] - p * value for name, value in x.items()
    }
    for each in (teller, world.client()):
        each.flush()
        learned = sums_of(each, decision.creative)
        assert learned == close_to({name: amount for name, amount in expected.items() if amount})
    figures = tallies_of(client)
    assert figures.get("attributed", 0.0) == pytest.approx(0.0)


def tallies_of(client: Any) -> dict[str, float]:
    """What the objective of the standard policy has been credited with."""
    with client._core.backend.store.read() as read:
        return read.sums("default", "objective:orders")


@with_worlds
@given(order=st.permutations(range(4)), flushes=st.sets(st.integers(0, 3)))
def test_a_purchase_before_its_display(make, order, flushes):
    """A display that is told after the purchase it led to still earns it (L2, F6)."""
    world = make()
    client = world.client()
    people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1")
    at = world.clock.now()
    world.clock.move(seconds=HOUR)
    steps = [
        lambda: client.report(decision, "displayed", id="o-1", at=at + 60),
        lambda: client.emit("order_completed", subject="u-1", id="s-1", at=at + 120),
        lambda: client.emit("order_completed", subject="u-1", id="s-2", at=at + 180),
        lambda: client.emit("product_viewed", subject="u-1", id="s-3", at=at + 90),
    ]
    for number, step in enumerate(order):
        steps[step]()
        if number in flushes:
            client.flush()
    client.flush()
    p = decision.draws[0].predicted
    eta = p * (1 - p) * decision.draws[0].means["1"] - p + 1.0
    for each in (client, world.client()):
        assert sums_of(each, decision.creative) == close_to({"p:1": p * (1 - p), "e:1": eta})


def test_an_outcome_waits_for_its_decision(make):
    """An outcome that is stored before its decision is applied with it (D7)."""
    world = make()
    clients = [world.client() for _ in range(2)]
    people(clients[0], ["u-1"])
    held = clients[0]
    made, payloads = held._core.backend.decide(DecisionRequest(slots=("hero",), subject="u-1"))
    decision = made["hero"]
    assert clients[1].report(decision, "displayed") == "queued"
    assert clients[1].report(decision, "converted") == "queued"
    clients[1].flush()
    assert sums_of(clients[1], decision.creative) == {}
    held._core.backend.append(payloads)
    assert sums_of(clients[1], decision.creative)["e:1"] > 0.0
