"""Making facts durable: each once, all of a batch or nothing, in its order."""

import itertools

import orjson
import pytest

from clew.clock import to_text
from clew.model.request import DecisionRequest
from client.worlds import DAY, World, bundle, embedded, people, policy, slot, sums_of


@pytest.fixture
def world(make) -> World:
    """An empty world."""
    return make()


def fact(world: World, kind: str, name: str, **more: object) -> bytes:
    """An encoded batch item about `u-1`."""
    own = {"id": name, "occurred_at": to_text(world.clock.now())}
    if kind in {"signal", "consent"}:
        own["subject"] = "u-1"
    if kind == "signal":
        own["type"] = "product_viewed"
    return orjson.dumps({kind: own | more})


def test_one_result_per_item_in_order(world):
    """The answer has one result for each item, in the order of the batch."""
    client = world.client()
    batch = [
        fact(world, "signal", "s-1"),
        fact(world, "consent", "c-1", purpose="personalise", state="granted"),
        fact(world, "signal", "s-2"),
        fact(world, "signal", "s-2"),
        fact(world, "consent", "c-2", purpose="none", state="granted"),
        fact(world, "outcome", "o-1", type="displayed", decision="d" * 32),
        fact(world, "outcome", "o-2", type="displayed"),
        fact(world, "identity", "i-1", operation="unmerge", anonymous_subject="a", subject="u-1"),
        orjson.dumps({"weather": {"id": "w-1"}}),
    ]
    results = embedded(client).append(batch)
    assert [(result.status, result.cause) for result in results] == [
        ("refused", "no_basis"),
        ("applied", None),
        ("applied", None),
        ("duplicate", None),
        ("refused", "unknown_purpose"),
        ("applied", "pending"),
        ("refused", "schema"),
        ("refused", "not_linked"),
        ("refused", "schema"),
    ]
    assert all(result.errors[0].message for result in results if result.status == "refused")
    assert client.profile("u-1").computed["views"] == 1


def test_a_batch_twice_is_a_batch_once(world):
    """What was stored already is answered as a duplicate and changes nothing (W2.10)."""
    client = world.client()
    people(client, ["u-1"])
    batch = [fact(world, "signal", f"s-{number}") for number in range(5)]
    for status in ("applied", "duplicate"):
        assert {one.status for one in embedded(client).append(batch)} == {status}
        assert client.profile("u-1").computed["views"] == 5


def test_all_of_a_batch_or_nothing(world):
    """A batch that breaks leaves nothing of itself behind."""
    client = world.client()
    people(client, ["u-1"])
    broken = orjson.dumps({"signal": {"id": "s-2", "type": "product_viewed", "subject": "u-1"}})
    with pytest.raises(KeyError):
        embedded(client).append([fact(world, "signal", "s-1"), broken])
    assert client.profile("u-1").signals == 0
    assert list(embedded(client).store.facts_of("default", "signal")) == []


def test_who_is_linked_inside_a_batch(world):
    """Facts of one batch see what the batch did before them, links too (I2)."""
    client = world.client()
    batch = [
        fact(world, "consent", "c-1", purpose="personalise", state="granted"),
        fact(world, "signal", "s-1"),
        fact(world, "consent", "c-2", subject="a-1", purpose="personalise", state="granted"),
        fact(world, "signal", "s-2", subject="a-1"),
        fact(world, "identity", "i-1", operation="link", anonymous_subject="a-1", subject="u-1"),
        fact(world, "signal", "s-3", subject="a-1"),
        fact(world, "identity", "i-2", operation="unmerge", anonymous_subject="a-1", subject="u-1"),
        fact(world, "signal", "s-4", subject="a-1"),
    ]
    assert {one.status for one in embedded(client).append(batch)} == {"applied"}
    assert [client.profile(name).computed["views"] for name in ("u-1", "a-1")] == [1, 3]


@pytest.mark.parametrize("split", range(4))
def test_where_a_batch_is_cut_does_not_matter(world, split):
    """Decision and outcomes may be stored together or apart (D7)."""
    client, other = world.client(), world.client()
    people(client, ["u-1"])
    made, payloads = embedded(client).decide(request())
    decision = made["hero"]
    reports = [
        fact(world, "outcome", f"o-{kind}", type=kind, decision=decision.id)
        for kind in ("displayed", "converted")
    ]
    batch = [*payloads, *reports]
    for part in (batch[:split], batch[split:]):
        if part:
            embedded(other).append(part)
    assert sums_of(other, decision.creative)["e:1"] > 0.0


@pytest.mark.parametrize("first", ["signal", "outcome"])
@pytest.mark.parametrize("kind", ["displayed", "sent", "interacted", "dismissed", "converted"])
def test_only_a_conversion_is_the_same_event(world, kind, first):
    """An outcome that says the same as the signal of its id teaches once with it (M1)."""
    client = world.client()
    people(client, ["u-1"])
    made, payloads = embedded(client).decide(request())
    decision = made["hero"].id
    told = {
        "signal": fact(world, "signal", "order-1", type="order_completed"),
        "outcome": fact(world, "outcome", "order-1", type=kind, decision=decision),
    }
    seen = fact(world, "outcome", "o-1", type="displayed", decision=decision)
    order = sorted(told, key=lambda name: name != first)
    results = embedded(client).append([*payloads, seen, *(told[name] for name in order)])
    assert {result.status for result in results} == {"applied"}
    # The order is learned from once, whichever of the two has told it.
    sums = sums_of(world.client(), made["hero"].creative)
    (draw,) = made["hero"].draws
    p = draw.predicted
    assert sums["e:1"] == pytest.approx(p * (1 - p) * draw.means["1"] - p + 1.0)


def _amount(client):
    """What is attributed to decisions, and what the only trial has."""
    client.flush(10)
    with embedded(client).store.read() as read:
        trials = [trial.values for trial in read.trials("default", "global")]
        return read.sums("default", "objective:orders").get("attributed", 0.0), trials


#: The second is on the same signal, and of no slot.
TWO_OBJECTIVES = [
    {"id": name, "signal": "order_completed", "window_seconds": DAY} for name in ("orders", "sales")
]


@pytest.mark.parametrize("order", list(itertools.permutations("dosv")), ids="".join)
@pytest.mark.parametrize("is_open", [False, True], ids=["no trial yet", "a trial"])
def test_a_purchase_that_is_told_twice_counts_once(make, order, is_open):
    """As a signal and as an outcome, whichever comes first, and for objectives of no slot (M1)."""
    world = make()
    half = [{"id": "global", "salt": "s", "share": 0.0001, "scope": "all"}]
    client = world.client(policy(holdouts=half, objectives=TWO_OBJECTIVES))
    people(client, ["u-1"])
    if is_open:
        _, records = embedded(client).decide(request())
        embedded(client).append(records)
        world.clock.move(seconds=1)
    made, payloads = embedded(client).decide(request())
    world.clock.move(seconds=1)
    decision = made["hero"].id
    items = {
        "d": payloads[0],
        "o": fact(world, "outcome", "order-1", type="converted", decision=decision),
        "s": fact(world, "signal", "order-1", type="order_completed"),
        "v": fact(world, "outcome", "v-1", type="displayed", decision=decision),
    }
    for name in order:
        embedded(client).append([items[name]])
    attributed, trials = _amount(client)
    assert attributed == 1.0 or is_open  # by the earlier decision it may be earned, unseen
    [values] = trials
    assert {name: value[:2] for name, value in values.items()} == dict.fromkeys(
        ("orders", "sales"), (1.0, 1)
    )


@pytest.mark.parametrize("first", ["signal", "outcome"])
def test_a_purchase_is_known_again_after_a_link(world, first):
    """Told of the known subject and of the decision made before signing in, it counts once (M1)."""
    client = world.client()
    people(client, ["a-1", "u-1"])
    decision = client.decide("hero", subject="a-1")
    client.report(decision, "displayed")
    client.identify("a-1", "u-1")
    world.clock.move(seconds=1)
    tell = {
        "signal": lambda: client.emit("order_completed", subject="u-1", id="order-1"),
        "outcome": lambda: client.report(decision, "converted", id="order-1"),
    }
    for name in sorted(tell, key=lambda name: name != first):
        tell[name]()
        client.flush(10)
    assert _amount(client)[0] == 1.0


@pytest.mark.parametrize("order", list(itertools.permutations("uxl")), ids="".join)
@pytest.mark.parametrize("other", ["a-1", "z-1"])
@pytest.mark.parametrize("linked", ["before", "after"])
def test_an_order_that_two_ids_have_told_counts_once(make, order, other, linked):
    """The page tells it of the visitor and the till of the customer, who are one (M2, M7, F6)."""
    world = make()
    half = [{"id": "global", "salt": "s", "share": 0.0001, "scope": "all"}]
    every = {"id": "orders", "signal": "order_completed", "window_seconds": DAY, "count": "every"}
    client = world.client(policy(holdouts=half, objectives=[every]))
    people(client, ["u-1", other])
    decision = client.decide("hero", subject="u-1")
    client.report(decision, "displayed")
    client.flush(10)
    pair = {"anonymous_subject": other, "subject": "u-1"}
    link = {"before": fact(world, "identity", "i-1", operation="link", **pair)}
    world.clock.move(seconds=1)
    facts = {
        name: fact(world, "signal", "order-1", subject=who, type="order_completed")
        for name, who in (("u", "u-1"), ("x", other))
    }
    world.clock.move(seconds=1)
    link["after"] = fact(world, "identity", "i-1", operation="link", **pair)
    facts["l"] = link[linked]
    for name in order:
        embedded(client).append([facts[name]])
    attributed, [values] = _amount(client)
    assert (attributed, values["orders"][:2]) == (1.0, (1.0, 1))


@pytest.mark.parametrize("first", ["u-1", "a-1"])
def test_who_is_parted_keeps_what_they_have_taken_back(world, first):
    """A refund that both of two linked ids have told is each one's when they are two (I2, L2)."""
    client = world.client()
    people(client, ["u-1", "a-1"])
    decisions = {who: client.decide("hero", subject=who) for who in ("u-1", "a-1")}
    client.identify("a-1", "u-1")
    client.report(decisions["u-1"], "displayed")
    world.clock.move(seconds=1)
    client.emit("order_completed", subject="u-1", id="order-1")
    for who in sorted(decisions, key=lambda who: who != first):
        client.report(decisions[who], "converted", reverses="order-1")
    client.flush(10)
    client.unmerge("a-1", "u-1")
    assert _amount(client)[0] == 0.0


def test_a_refund_that_is_told_of_two_decisions_is_one(world):
    """It is known by its id, whether it says how much or all of it, and a link finds it (M2)."""
    spent = {"id": "orders", "signal": "order_completed", "window_seconds": DAY, "count": "sum"}
    spent |= {"value": {"var": "data.total"}, "value_max": 500}
    half = [{"id": "global", "salt": "s", "share": 0.0001, "scope": "all"}]
    client = world.client(policy(holdouts=half, objectives=[spent]))
    people(client, ["u-1", "a-1"])
    made = [client.decide("hero", subject=who).id for who in ("u-1", "a-1")]
    client.flush(10)
    world.clock.move(seconds=1)
    bought = {"type": "order_completed", "data": {"total": 100}}
    told = {"type": "converted", "reverses": "order-1"}
    refunds = [
        fact(world, "outcome", "refund-1", decision=decision, **told, **more)
        for decision, more in zip(made, [{"value": 10}, {}], strict=True)
    ]
    embedded(client).append([fact(world, "signal", "order-1", **bought), *refunds])
    client.identify("a-1", "u-1")
    assert [values["orders"][:2] for _, _, values in _trials(client) if values] == [(90.0, 1)]


def test_who_is_parted_keeps_what_they_have_earned_by_an_objective_of_before(world):
    """Undoing a link changes nothing that it had nothing to do with, whatever is live (I2)."""
    named = [
        {"id": name, "signal": kind, "window_seconds": DAY}
        for name, kind in (("orders", "order_completed"), ("views", "product_viewed"))
    ]
    client = world.client(policy(objectives=named))
    people(client, ["u-1", "a-1"])
    decision = client.decide("hero", subject="u-1")
    client.report(decision, "displayed")
    world.clock.move(seconds=1)
    client.emit("order_completed", subject="u-1")
    client.flush(10)
    before = learned(world)
    changed = policy(version="2", objectives=named, slots=[slot(objective="views")])
    embedded(client).shelf.publish(bundle(changed))
    client.identify("a-1", "u-1")
    client.unmerge("a-1", "u-1")
    assert learned(world) == before


@pytest.mark.parametrize("order", list(itertools.permutations("so")), ids="".join)
def test_who_tells_in_time_is_believed(make, order):
    """Of an order that is told twice, once when its trial is over, the one in time counts (M5)."""
    world = make()
    half = [{"id": "global", "salt": "s", "share": 0.0001, "scope": "all"}]
    client = world.client(policy(holdouts=half))
    people(client, ["u-1"])
    made, records = embedded(client).decide(request())
    embedded(client).append(records)
    world.clock.move(seconds=1)
    told = {"decision": made["hero"].id, "received_at": to_text(world.clock.now())}
    facts = {"o": fact(world, "outcome", "order-1", type="converted", **told)}
    late = to_text(world.clock.now() + 2 * DAY)
    facts["s"] = fact(world, "signal", "order-1", type="order_completed", received_at=late)
    for name in order:
        embedded(client).append([facts[name]])
    assert [values["orders"][:2] for _, _, values in _trials(client)] == [(1.0, 1)]


@pytest.mark.parametrize("order", list(itertools.permutations("br")), ids="".join)
def test_what_comes_of_a_decision_long_before_the_trial_counts_in_it(make, order):
    """What is told of a decision of the month before is one of the trial's, in any order (M1)."""
    world = make()
    window = {"window_seconds": 60 * DAY, "count": "every"}
    objective = {"id": "orders", "signal": "order_completed", **window}
    half = {"id": "global", "salt": "s", "share": 0.0001, "starts_at": "2026-01-20T00:00:00Z"}
    client = world.client(policy(holdouts=[half], objectives=[objective]))
    people(client, ["u-1"])
    made = []
    for days in (1, 40):
        world.clock.move(seconds=days * DAY)
        found, records = embedded(client).decide(request())
        embedded(client).append(records)
        made.append(found["hero"].id)
    world.clock.move(seconds=60)
    facts = {"b": fact(world, "outcome", "o-1", type="converted", decision=made[0])}
    reverses = {"decision": made[1], "reverses": "nothing"}
    facts["r"] = fact(world, "outcome", "o-2", type="converted", **reverses)
    for name in order:
        embedded(client).append([facts[name]])
    assert [values["orders"][:2] for _, _, values in _trials(client)] == [(1.0, 1)]


def test_of_a_void_nothing_stays_though_its_slot_has_another_objective(world):
    """What a decision has earned is taken back whatever policy is live when it is voided (D8)."""
    named = [
        {"id": name, "signal": kind, "window_seconds": DAY}
        for name, kind in (("orders", "order_completed"), ("views", "product_viewed"))
    ]
    client = world.client(policy(objectives=named))
    people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1")
    client.report(decision, "displayed")
    world.clock.move(seconds=1)
    client.emit("order_completed", subject="u-1")
    client.flush(10)
    assert learned(world)["figures:hero"][f"r:{decision.creative}"] > 0.0
    changed = policy(version="2", objectives=named, slots=[slot(objective="views")])
    embedded(client).shelf.publish(bundle(changed))
    client.report(decision, "voided")
    client.flush(10)
    assert f"r:{decision.creative}" not in learned(world)["figures:hero"]
    assert _amount(client)[0] == 0.0


def request():
    """A request for the slot `hero` by `u-1`."""
    return DecisionRequest(slots=("hero",), subject="u-1")


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("together", [True, False], ids=["one batch", "three"])
@pytest.mark.parametrize("seconds", [0, 1], ids=["at once", "later"])
def test_a_purchase_teaches_whatever_was_stored_first(make, order, together, seconds):
    """Decision, display and purchase teach and are attributed alike in each order (F6, D7)."""
    world = make()
    backend = embedded(world.client())
    backend.append(
        [fact(world, "consent", "c-1", purpose="personalise", state="granted")],
    )
    made, [record] = backend.decide(DecisionRequest(slots=("hero",), subject="u-1"))
    decision = made["hero"]
    world.clock.move(seconds=seconds)
    facts = [
        record,
        fact(world, "outcome", "o-1", type="displayed", decision=decision.id),
        fact(world, "signal", "s-1", type="order_completed"),
    ]
    batch = [facts[number] for number in order]
    for part in [batch] if together else [[one] for one in batch]:
        assert {result.status for result in backend.append(part)} == {"applied"}
    fresh = world.client()
    learned = sums_of(fresh, decision.creative)
    (draw,) = decision.draws
    assert learned["e:1"] == pytest.approx(
        draw.predicted * (1 - draw.predicted) * draw.means["1"] - draw.predicted + 1.0
    )
    with backend.store.read() as read:
        assert read.sums("default", "objective:orders")["attributed"] == 1.0
    assert sums_of(world.clients[0], decision.creative) == pytest.approx(learned)


VOID = {"type": "voided", "request_id": "q-1"}


def learned(world: World) -> dict[str, dict[str, float]]:
    """All that was learned and counted of the slot, but that it was voided."""
    store = embedded(world.clients[0]).store
    records = map(orjson.loads, store.facts_of("default", "decision"))
    arms = {draw["state_key"] for record in records for draw in record.get("draws", ())}
    with store.read() as read:
        sums = {key: read.sums("default", key) for key in {"figures:hero", *arms}}
    assert len(sums) > 1
    return {
        key: {name: value for name, value in found.items() if value and name != "voided"}
        for key, found in sums.items()
    }


@pytest.mark.parametrize("order", list(itertools.permutations("dvc")), ids="".join)
@pytest.mark.parametrize("who", ["u-1", "a-1"], ids=["told of the same", "told of another id"])
def test_what_is_decided_for_a_voided_request_teaches_nothing(make, order, who):
    """Decision, void and purchase come in any order, and leave nothing behind (D8, L6)."""
    world = make()
    client = world.client()
    people(client, ["u-1"])
    client.identify("a-1", "u-1")
    client.flush(10)
    backend = embedded(client)
    made, [record] = backend.decide(DecisionRequest(id="q-1", slots=("hero",), subject="u-1"))
    facts = {
        "d": record,
        "v": fact(world, "outcome", "o-v", subject=who, **VOID),
        "c": fact(world, "signal", "o-c", type="order_completed"),
    }
    for name in order:
        assert backend.append([facts[name]])[0].status == "applied"
    assert not any(learned(world).values())
    assert backend.decisions("u-1", within_seconds=60) == []
    fresh = embedded(world.client())
    assert fresh.decide(request())[0]["hero"].id != made["hero"].id


@pytest.mark.parametrize("order", list(itertools.permutations("dvsc")), ids="".join)
def test_what_another_has_shown_of_a_voided_request_stands(make, order):
    """One got no answer, another had the same sticky decision and showed it, in any order (D8)."""
    world = make()
    client = world.client()
    people(client, ["u-1"])
    backend = embedded(client)
    made, [record] = backend.decide(DecisionRequest(id="q-1", slots=("hero",), subject="u-1"))
    decision = made["hero"].id
    facts = {
        "d": record,
        "v": fact(world, "outcome", "o-v", subject="u-1", **VOID),
        "s": fact(world, "outcome", "o-s", type="displayed", decision=decision),
        "c": fact(world, "outcome", "o-c", type="converted", decision=decision),
    }
    for name in order:
        assert backend.append([facts[name]])[0].status == "applied"
    assert [one.id for one in backend.decisions("u-1", within_seconds=60)] == [decision]
    figures = learned(world)["figures:hero"]
    assert figures["decisions"] == figures[f"s:{made['hero'].creative}"] == 1.0
    with backend.store.read() as read:
        assert read.sums("default", "objective:orders")["attributed"] == 1.0


@pytest.mark.parametrize("order", list(itertools.permutations("dvl")), ids="".join)
def test_a_request_is_voided_by_another_id_whenever_they_are_linked(make, order):
    """A void, the decision it is about and the link of their ids come in any order (D8, F6)."""
    world = make()
    client = world.client()
    people(client, ["u-1", "a-1"])
    client.flush(10)
    backend = embedded(client)
    made, [record] = backend.decide(DecisionRequest(id="q-1", slots=("hero",), subject="u-1"))
    world.clock.move(seconds=1)
    pair = {"anonymous_subject": "a-1", "subject": "u-1"}
    facts = {
        "d": record,
        "v": fact(world, "outcome", "o-v", subject="a-1", **VOID),
        "l": fact(world, "identity", "i-1", operation="link", **pair),
    }
    for name in order:
        assert backend.append([facts[name]])[0].status == "applied"
    assert not any(learned(world).values())
    fresh = embedded(world.client())
    assert fresh.decide(request())[0]["hero"].id != made["hero"].id


def test_nobody_elses_request_is_voided(world):
    """Two people may have named their requests alike."""
    client = world.client()
    people(client, ["u-1", "u-2"])
    backend = embedded(client)
    made = {}
    for who in ("u-1", "u-2"):
        found, records = backend.decide(DecisionRequest(id="q-1", slots=("hero",), subject=who))
        made[who] = found["hero"].id
        backend.append(records)
    backend.append([fact(world, "outcome", "o-v", subject="u-1", **VOID)])
    assert backend.decisions("u-1", within_seconds=60) == []
    assert [one.id for one in backend.decisions("u-2", within_seconds=60)] == [made["u-2"]]


def test_who_allows_nothing_is_not_written_down_by_a_void(world):
    """No decision has named them, and what takes decisions back does not either (D1)."""
    client = world.client()
    [result] = embedded(client).append([fact(world, "outcome", "o-v", subject="u-9", **VOID)])
    assert (result.status, result.cause) == ("applied", "no_basis")
    assert list(embedded(client).store.facts_of("default", "outcome")) == []


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        pytest.param({"type": "voided"}, "/decision", id="names nothing"),
        pytest.param({"type": "voided", "request_id": "q-1"}, "/subject", id="names nobody"),
        pytest.param(
            {"type": "displayed", "request_id": "q-1", "subject": "u-1"}, "/decision", id="display"
        ),
    ],
)
def test_only_a_void_names_a_request(world, told, pointer):
    """What else an outcome tells is told of one decision, and the refusal says so (W5.2)."""
    [result] = embedded(world.client()).append([fact(world, "outcome", "o-1", **told)])
    assert (result.status, result.errors[0].pointer) == ("refused", pointer)


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "on their way"])
def test_an_old_decision_is_counted_as_well(world, stored):
    """However many decisions have followed, display and purchase of each of them teach (L1)."""
    client = world.client()
    people(client, ["u-1"])
    made = [client.decide("hero", subject="u-1") for _ in range(12)]
    if stored:
        client.flush(10)
    world.clock.move(seconds=1)
    for decision in made:
        assert client.report(decision, "displayed") == "applied"
    for decision in reversed(made):
        assert client.report(decision, "converted") == "applied"
    client.flush(10)
    fresh = world.client()
    shown = {decision.creative for decision in made}
    for name in shown:
        assert sums_of(client, name) == pytest.approx(sums_of(fresh, name))
    with embedded(client).store.read() as read:
        figures = read.sums("default", "figures:hero")
        assert read.sums("default", "objective:orders")["attributed"] == len(made)
    assert sum(figures[f"s:{name}"] for name in shown) == len(made)


def _trials(client) -> list[tuple]:
    """When each trial was triggered, by which version, and what is counted in it."""
    with embedded(client).store.read() as read:
        return [
            (trial.triggered_at, trial.policy_version, dict(trial.values))
            for trial in read.trials("default", "global")
        ]


@pytest.mark.parametrize("order", list(itertools.permutations(range(1, 5))), ids=str)
def test_a_trial_begins_with_the_first_decision_made(make, order):
    """Whichever of two processes stores its decision first, and what is stored between (M4)."""
    world = make()
    half = [{"id": "global", "salt": "s", "share": 0.0001, "scope": "all"}]
    client = world.client(policy(holdouts=half))
    people(client, ["u-1"])
    facts = []

    def happens(name: str) -> None:
        world.clock.move(seconds=1)
        facts.append(fact(world, "signal", name, type="order_completed"))

    def is_decided() -> float:
        world.clock.move(seconds=1)
        _, [record] = embedded(world.client()).decide(request())
        facts.append(record)
        return world.clock.now()

    happens("before")
    at = is_decided()
    happens("between")
    is_decided()
    happens("after")
    for number in (0, *order):
        embedded(client).append([facts[number]])
    assert _trials(client) == [(pytest.approx(at, abs=1e-5), "1", {"orders": (1.0, 2, 1.0)})]


def test_a_request_whose_first_decision_is_void_has_the_next_one(world):
    """Who repeats a request gets the decision that stands, as often as it is asked for (D5, D8)."""
    client = world.client()
    people(client, ["u-1"])
    first = client.decide("hero", subject="u-1", request_id="r-1")
    client.report(first, "voided")
    for flushed in (True, False):
        if flushed:
            client.flush(10)
        found = {client.decide("hero", subject="u-1", request_id="r-1").id for _ in range(3)}
        client.flush(10)
        found.add(world.client().decide("hero", subject="u-1", request_id="r-1").id)
        assert len(found) == 1
        assert first.id not in found


@pytest.mark.parametrize("order", list(itertools.permutations("dpr")), ids="".join)
@pytest.mark.parametrize("told", ["signal", "outcome"])
@pytest.mark.parametrize("of", [0, 1], ids=["of an earlier one", "of the same"])
@pytest.mark.parametrize(("hours", "left"), [(1, 0.0), (30, 1.0)], ids=["in time", "too late"])
def test_a_refund_takes_its_purchase_out_of_lift(make, order, told, of, hours, left):
    """In any order, whichever decision it is told of; after the window it is late (M2, M5)."""
    world = make()
    half = [{"id": "global", "salt": "s", "share": 0.0001, "scope": "all"}]
    client = world.client(policy(holdouts=half))
    people(client, ["u-1"])
    first, [record] = embedded(client).decide(request())
    embedded(client).append([record])  # its trial is open
    world.clock.move(seconds=1)
    second, [record] = embedded(client).decide(request())
    decisions = [one["hero"].id for one in (first, second)]
    world.clock.move(seconds=1)
    bought = world.clock.now()
    named = {"type": "order_completed"} if told == "signal" else {"type": "converted"}
    named |= {} if told == "signal" else {"decision": decisions[1]}
    purchase = fact(world, told, "order-1", received_at=to_text(bought), **named)
    world.clock.move(seconds=hours * 3_600)
    reversal = {"type": "converted", "decision": decisions[of], "reverses": "order-1"}
    refund = fact(world, "outcome", "refund-1", **reversal)
    facts = {"d": record, "p": purchase, "r": refund}
    for name in order:
        embedded(client).append([facts[name]])
    [(_, _, values)] = _trials(client)
    assert values.get("orders", (0.0,))[0] == left


@pytest.mark.parametrize("order", list(itertools.permutations("abl")), ids="".join)
def test_who_is_linked_brings_along_what_came_since(make, order):
    """What another id did after a link counts in the trial, whenever it is stored (M7)."""
    world = make()
    half = [{"id": "global", "salt": "s", "share": 0.0001, "scope": "all"}]
    client = world.client(policy(holdouts=half))
    people(client, ["u-1", "a-1"])
    _, records = embedded(client).decide(request())
    embedded(client).append(records)
    world.clock.move(seconds=1)
    facts = {"b": fact(world, "signal", "s-1", subject="a-1", type="order_completed")}
    world.clock.move(seconds=1)
    facts["l"] = fact(
        world, "identity", "i-1", operation="link", anonymous_subject="a-1", subject="u-1"
    )
    world.clock.move(seconds=1)
    facts["a"] = fact(world, "signal", "s-2", subject="a-1", type="order_completed")
    for name in order:
        embedded(client).append([facts[name]])
    assert [values["orders"][:2] for _, _, values in _trials(client)] == [(1.0, 1)]


@pytest.mark.parametrize("order", list(itertools.permutations("dpl")), ids="".join)
def test_a_decision_belongs_to_whom_it_was_made_for(make, order):
    """Stored before or after a link, its trial has what its own id did, and goes back (M7, I2)."""
    world = make()
    half = [{"id": "global", "salt": "s", "share": 0.0001, "scope": "all"}]
    client = world.client(policy(holdouts=half))
    people(client, ["u-1", "a-1"])
    made, [record] = embedded(client).decide(DecisionRequest(slots=("hero",), subject="a-1"))
    world.clock.move(seconds=1)
    facts = {"d": record, "p": fact(world, "signal", "s-1", subject="a-1", type="order_completed")}
    world.clock.move(seconds=1)
    pair = {"anonymous_subject": "a-1", "subject": "u-1"}
    facts["l"] = fact(world, "identity", "i-1", operation="link", **pair)
    for name in order:
        embedded(client).append([facts[name]])
    assert [values["orders"][:2] for _, _, values in _trials(client)] == [(1.0, 1)]
    world.clock.move(seconds=1)
    embedded(client).append([fact(world, "identity", "i-2", operation="unmerge", **pair)])
    report = fact(world, "outcome", "o-1", type="displayed", decision=made["hero"].id)
    embedded(client).append([report])
    with embedded(client).store.read() as read:
        [trial] = read.trials("default", "global")
        figures = read.sums("default", "figures:hero")
    assert (trial.subject, trial.opened_by) == ("a-1", None)
    assert figures[f"s:{made['hero'].creative}"] == 1.0
