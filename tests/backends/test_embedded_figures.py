"""What was learned is read once, whether it is stored already or still on its way."""

import itertools

import orjson
import pytest

from clew.clock import to_text
from clew.model.request import DecisionRequest
from client.worlds import DAY, embedded, people, policy, show, slot, sums_of


def test_a_sum_read_between_storing_and_refreshing(make):
    """A fact that is stored between two decisions is in a sum read meanwhile but once (L2)."""
    client = make().client(policy(slots=[slot(counts_on="served")]))
    people(client, ["u-1"])
    backend = embedded(client)
    rounds = backend.compiled().slots["hero"].tally_key
    _, payloads = backend.decide(DecisionRequest(slots=("hero",), subject="u-1"))
    backend.append(payloads)
    assert backend._figures.tally(rounds)["rounds"] == 1.0
    backend.decide(DecisionRequest(slots=("hero",), subject="u-1"))
    assert backend._figures.tally(rounds)["rounds"] == 2.0


def taken(client, kind: str, subject: str) -> bytes:
    """Have a backend take note of a signal; gives what is still to be stored."""
    at = to_text(client._core.clock.now())
    fact = {"id": f"s-{kind}", "type": kind, "subject": subject, "occurred_at": at}
    admission = embedded(client).admit({"signal": fact})
    assert orjson.loads(admission.payload)["signal"]["purposes"] == ["personalise"]
    return admission.payload


def test_what_is_refused_is_unlearned(make):
    """A signal whose basis ended before it was stored leaves nothing learned behind (F5)."""
    world = make()
    client, other = world.client(), world.client()
    people(client, ["u-1"])
    shown = show(client, "u-1")
    client.flush()
    before = sums_of(client, shown.creative)
    payload = taken(client, "order_completed", "u-1")
    assert sums_of(client, shown.creative) != before
    world.clock.move(1)
    other.consent("u-1", withdraw=["personalise"])
    (result,) = embedded(client).append([payload])
    assert (result.status, result.cause) == ("refused", "no_basis")
    assert sums_of(client, shown.creative) == before
    assert client.profile("u-1").computed["spent"] == 0


@pytest.mark.parametrize("stored", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("asked", ["on its way", "stored"])
def test_an_item_is_called_what_it_was_called_last(make, stored, asked):
    """Of what signals say of an item the newest holds, though older history comes later (F6)."""
    world = make()
    learn = {"signal": "product_viewed", "item": "data.sku", "name": "data.name"}
    learn["price"] = "data.price"
    client = world.client(policy(catalogues=[{"id": "menu", "learn": learn}]))
    people(client, ["u-1"])
    words = [{"name": "Old", "price": 3}, {"name": "New", "price": 2}, {"name": "Newest"}]
    for age in stored:
        client.emit(
            "product_viewed",
            subject="u-1",
            data={"sku": "a", **words[age]},
            at=world.clock.now() - DAY * (3 - age),
        )
        if asked == "stored":
            client.flush()
    found = embedded(client)._figures.item("menu", "a")
    assert (found.name, found.price) == ("Newest", 2.0)
    client.flush()
    assert embedded(world.client())._figures.item("menu", "a") == found


def test_a_link_made_elsewhere_takes_what_is_on_its_way_along(make):
    """What an anonymous id did is its person's, though the link came from another process (F7)."""
    world = make()
    client, other = world.client(), world.client()
    people(client, ["a-1", "u-1"])
    payload = taken(client, "product_viewed", "a-1")
    other.identify("a-1", "u-1")
    assert client.profile("a-1").computed["views"] == 1
    assert client.profile("u-1").computed["views"] == 1
    embedded(client).append([payload])
    for each in (client, other):
        assert each.profile("u-1").computed["views"] == 1


@pytest.mark.parametrize("is_met_again", [True, False], ids=["met again", "not met again"])
def test_an_order_on_its_way_is_due_to_whom_others_say_was_seen(make, is_met_again):
    """A display that another process has stored meanwhile changes who learns from it (F4, F7)."""
    world = make()
    client, other = world.client(seed=1), world.client(seed=2)
    people(client, ["u-1"])
    first = show(client, "u-1")
    client.flush()
    world.clock.move(60)
    later = next(
        decision
        for _ in range(99)
        if (decision := other.decide("hero", subject="u-1")).creative != first.creative
    )
    other.flush()
    backends = embedded(client), embedded(other)
    told = {"type": "displayed", "decision": later.id, "id": "o-1"}
    shown = backends[1].admit({"outcome": told | {"occurred_at": to_text(world.clock.now())}})
    world.clock.move(60)
    order = taken(client, "order_completed", "u-1")
    backends[1].append([shown.payload])
    creatives = (first.creative, later.creative)
    _read(client, creatives)
    if is_met_again:
        backends[0].append([taken(client, "product_viewed", "u-1")])
        _read(client, creatives)
    backends[0].append([order])
    found = _read(client, creatives)  # before anybody opens the store
    assert found == [pytest.approx(sums) for sums in _read(world.client(), creatives)]


def _read(client, creatives) -> list[dict[str, float]]:
    """What a client has learned of creatives; it reads it as any decision would, and keeps it."""
    return [sums_of(client, creative) for creative in creatives]


def test_a_link_undone_elsewhere_parts_what_is_on_its_way(make):
    """What waits of an id that is somebody else again harms nobody, and is kept (F7, I2)."""
    world = make()
    client, other = world.client(), world.client()
    people(client, ["a-1", "u-1"])
    client.flush()
    made, records = embedded(client).decide(DecisionRequest(slots=("hero",), subject="a-1"))
    other.identify("a-1", "u-1")
    assert client.profile("a-1").computed["views"] == 0  # it follows the link
    viewed = taken(client, "product_viewed", "u-1")
    other.unmerge("a-1", "u-1")
    assert client.profile("u-1").computed["views"] == 1
    assert {one.status for one in embedded(client).append([*records, viewed])} == {"applied"}
    assert client.report(made["hero"], "displayed") == "applied"
    for each in (client, world.client()):
        assert each.profile("u-1").computed["views"] == 1


def test_what_is_refused_is_unlearned_whatever_else_is_stored_with_it(make):
    """A fact that taught here alone and one that taught there alone are not one (F5, F7)."""
    world = make()
    client, other = world.client(seed=1), world.client(seed=2)
    people(client, ["u-1", "u-2"])
    shown = show(client, "u-1")
    client.flush()
    world.clock.move(5)
    order = taken(client, "order_completed", "u-1")
    made, records = embedded(other).decide(DecisionRequest(slots=("hero",), subject="u-2"))
    told = {"id": "o-1", "type": "displayed", "decision": made["hero"].id}
    display = {"outcome": told | {"occurred_at": to_text(world.clock.now())}}
    queued = embedded(client).admit(display)
    assert queued.status == "queued"
    embedded(other).append(records)
    other.consent("u-1", withdraw=["personalise"])
    creatives = (shown.creative, made["hero"].creative)
    _read(client, creatives)
    results = embedded(client).append([order, queued.payload])
    assert [one.status for one in results] == ["refused", "applied"]
    found = _read(client, creatives)
    assert found == _read(world.client(), creatives)


def test_a_decision_is_drawn_on_what_others_have_stored_of_its_person(make):
    """Who is read anew for a decision may teach something else, which that decision knows (F7)."""
    world = make()
    client, other = world.client(seed=1), world.client(seed=2)
    people(client, ["u-1", "u-2"])
    shown = show(client, "u-1")
    client.flush()
    world.clock.move(5)
    taken(client, "order_completed", "u-1")
    other.report(shown, "voided")
    other.flush()
    embedded(client).decide(DecisionRequest(slots=("hero",), subject="u-2"))  # reads the sums
    made, _ = embedded(client).decide(DecisionRequest(slots=("hero",), subject="u-1"))
    [draw] = made["hero"].draws
    assert len({candidate.score for candidate in draw.candidates}) == 1  # nothing is learned
