"""The rules of facts (RULES F) through the public client."""

import orjson
import pytest

from clew import Client
from clew.clock import instant
from clew.errors import DocumentError
from client.worlds import DAY, HOUR, World, bundle, embedded, people, policy, show, slot, sums_of

ENVELOPE = {
    "id",
    "type",
    "subject",
    "anonymous_subject",
    "source",
    "occurred_at",
    "received_at",
    "data",
    "channel",
    "session_id",
    "department",
    "purposes",
    "basis",
}


def stored(client: Client, kind: str = "signal") -> list[dict]:
    """The facts of a kind, as they are stored."""
    assert client.flush() == 0
    return [orjson.loads(body) for body in embedded(client).store.facts_of("default", kind)]


def test_a_stored_signal_has_its_whole_envelope(client):
    """A signal keeps what it was emitted with; purposes and ground are stamped at the fold (F1)."""
    name = client.emit(
        "product_viewed",
        subject="u-1",
        data={"sku": "a"},
        source="web",
        channel="web",
        anonymous_subject="a-1",
        session_id="s-1",
        department="shop",
    )
    (signal,) = stored(client)
    assert set(signal) == ENVELOPE
    assert signal["id"] == name
    assert (signal["purposes"], signal["basis"]) == (["personalise"], "consent")


@pytest.mark.parametrize("ago", [None, HOUR], ids=["now", "told afterwards"])
def test_a_signal_is_received_when_it_is_told(world, ago):
    """What happens now is known now; what is told of later is known since then (F1, M5)."""
    client = world.client()
    people(client, ["u-1"])
    now = world.clock.now()
    client.emit("product_viewed", subject="u-1", at=None if ago is None else now - ago)
    (signal,) = stored(client)
    assert (instant(signal["occurred_at"]), instant(signal["received_at"])) == (
        pytest.approx(now - (ago or 0.0)),
        pytest.approx(now),
    )


@pytest.mark.parametrize("traffic", ["bot", "preview", "synthetic", "internal"])
def test_only_human_traffic_counts(world, traffic):
    """No other traffic teaches, opens a trial or enters a figure, but it is counted (F3)."""
    holdouts = [{"id": "all", "salt": "s", "share": 0.5}]
    client = world.client(policy(holdouts=holdouts))
    people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1", traffic=traffic)
    client.report(decision, "displayed")
    client.emit("order_completed", subject="u-1", traffic=traffic)
    client.report(decision, "converted")
    (measured,) = client.measure()
    assert [arm.subjects for arm in measured.arms] == [0, 0]
    assert (measured.excluded, measured.attributed) == ({traffic: 1}, 0.0)
    assert not any(sums_of(client, name) for name in ("plain", "fresh", "usual"))


def test_signals_of_bots_enter_no_trial(world):
    """What a bot did before the trigger is no covariate of the person, nor an outcome (F3, M11)."""
    client = world.client(policy(holdouts=[{"id": "all", "salt": "s", "share": 0.5}]))
    people(client, ["u-1"])
    client.emit("order_completed", subject="u-1", traffic="bot")
    world.clock.move(hours=1)
    client.decide("hero", subject="u-1")
    client.flush()
    with embedded(client).store.read() as read:
        (trial,) = read.trials("default", "all")
    assert trial.values == {}


def test_a_demo_may_count_synthetic_traffic(world):
    """A policy that says so learns from synthetic traffic (F3)."""
    client = world.client(policy(traffic=["human", "synthetic"]))
    people(client, ["u-1"])
    decision = show(client, "u-1", traffic="synthetic")
    assert sums_of(client, decision.creative)


def test_the_next_decision_reads_what_was_emitted(client):
    """A signal is part of the profile before `emit` returns, and before it is stored (F4)."""
    for expected in range(1, 4):
        client.emit("product_viewed", subject="u-1")
        assert client.profile("u-1").computed["views"] == expected


def test_another_client_reads_what_was_flushed(world, client):
    """What `flush` has stored is read by another process on the same store (F4, F7)."""
    other = world.client()
    assert other.profile("u-1").computed["views"] == 0
    client.emit("product_viewed", subject="u-1")
    assert client.flush() == 0
    assert other.profile("u-1").computed["views"] == 1


def test_a_signal_without_a_basis_is_not_stored(client):
    """A signal none of whose purposes is allowed is counted as lost and stored nowhere (F5)."""
    client.emit("secret_told", subject="u-1", data={"word": "canary"})
    client.emit("product_viewed", subject="u-2")
    assert client.losses == {"no_basis": 2}
    assert stored(client) == []


@pytest.mark.parametrize(
    ("document", "purposes"),
    [
        pytest.param(
            policy(
                signals=[{"id": "product_viewed", "purposes": ["service"]}],
                traits=[],
            ),
            ["service"],
            id="as the policy states",
        ),
        pytest.param(
            policy(
                traits=[],
                objectives=[{"id": "orders", "signal": "product_viewed"}],
                slots=[slot(purpose="service")],
            ),
            ["service"],
            id="of the slot whose objective names it",
        ),
        pytest.param(policy(), ["personalise"], id="of the trait that reads it"),
    ],
)
def test_the_purposes_of_a_signal(world, document, purposes):
    """A signal serves what its type states, else the traits and objectives that name it (F5)."""
    client = world.client(document)
    people(client, ["u-1"])
    client.emit("product_viewed", subject="u-1")
    (signal,) = stored(client)
    assert signal["purposes"] == purposes


def test_a_basis_that_ends_on_the_way_is_looked_at_again(world):
    """A signal whose person withdraws before it is stored is refused by the fold (F5, T03)."""
    writer, other = world.client(), world.client()
    people(other, ["u-1"])
    writer.flush()
    writer._core.outbox.put(
        orjson.dumps(
            {
                "signal": {
                    "id": "s-1",
                    "type": "product_viewed",
                    "subject": "u-2",
                    "occurred_at": "2026-01-01T12:00:00Z",
                }
            }
        )
    )
    assert writer.flush() == 0
    assert writer.losses == {"no_basis": 1}
    assert writer.profile("u-2").signals == 0


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_late_signals_are_counted_in_their_own_window(world, order):
    """A window is told by when things happened, whatever order they arrive in (F6)."""
    traits = [
        {
            "id": "views",
            "signal": "product_viewed",
            "aggregate": "count",
            "window_seconds": DAY,
            "purpose": "personalise",
        }
    ]
    client = world.client(policy(traits=traits))
    people(client, ["u-1"])
    now = world.clock.now()
    instants = [now - 2 * DAY, now - 12 * HOUR, now - HOUR]
    for index in order:
        client.emit("product_viewed", subject="u-1", at=instants[index])
    assert client.profile("u-1").computed["views"] == 2


def test_an_id_counts_once(client):
    """The same signal again is a duplicate, before and after it was stored, and no loss (F1)."""
    for _ in range(2):
        client.emit("product_viewed", subject="u-1", id="s-1")
        client.emit("product_viewed", subject="u-1", id="s-1")
        client.flush()
    assert client.profile("u-1").computed["views"] == 1
    assert len(stored(client)) == 1
    assert not client.losses


def test_an_id_counts_once_over_two_clients(world, client):
    """Two processes that emit the same signal before either is stored count it once (F1, F7)."""
    other = world.client()
    for each in (client, other):
        each.emit("product_viewed", subject="u-1", id="s-1")
    for each in (client, other):
        each.flush()
    assert [each.profile("u-1").computed["views"] for each in (client, other)] == [1, 1]


@pytest.mark.parametrize(
    ("emitted", "pointer"),
    [
        pytest.param({"type": "product viewed"}, "/type", id="no name"),
        pytest.param({"type": "product_veiwed"}, "/type", id="not declared"),
        pytest.param({"data": {"price": "9"}}, "/data/price", id="wrong type"),
        pytest.param({"data": {}}, "/data/price", id="missing"),
        pytest.param({"data": {"price": float("nan")}}, "/data/price", id="no number"),
        pytest.param({"id": ""}, "/id", id="empty id"),
        pytest.param({"party": "third"}, "/party", id="third party"),
        pytest.param({"at": "yesterday"}, "/occurred_at", id="no instant"),
        pytest.param({"at": "2036-01-01T00:00:00Z"}, "/occurred_at", id="from the future"),
        pytest.param({"channel": "pigeon"}, "/channel", id="no channel"),
    ],
)
def test_a_signal_that_breaks_the_policy(world, emitted, pointer):
    """Such a signal is counted; a strict client names the field instead (F2, C03, C18)."""
    fields = {"price": {"type": "number", "required": True}}
    signals = [{"id": "product_viewed", "fields": fields, "purposes": ["personalise"]}]
    given = {"type": "product_viewed", "subject": "u-1", "data": {"price": 9}, **emitted}
    client = world.client(policy(signals=signals))
    people(client, ["u-1"])
    client.emit(given.pop("type"), **given)
    assert client.losses == {"refused": 1}
    strict = world.client(policy(signals=signals), strict=True)
    given = {"type": "product_viewed", "subject": "u-1", "data": {"price": 9}, **emitted}
    with pytest.raises(DocumentError) as caught:
        strict.emit(given.pop("type"), **given)
    assert {problem.pointer for problem in caught.value.problems} == {pointer}


def test_undeclared_fields_are_left_out(world):
    """What the policy does not declare never leaves the process (T02)."""
    signals = [
        {
            "id": "product_viewed",
            "fields": {"sku": {"type": "text"}},
            "purposes": ["personalise"],
        }
    ]
    client = world.client(policy(signals=signals))
    people(client, ["u-1"])
    client.emit("product_viewed", subject="u-1", data={"sku": "a", "ip": "canary"})
    (signal,) = stored(client)
    assert signal["data"] == {"sku": "a"}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"subject": 42}, id="subject"),
        pytest.param({"subject": "u-1", "data": ["a"]}, id="data"),
        pytest.param({"subject": "u-1", "data": {"when": object()}}, id="no JSON"),
        pytest.param({"subject": "u-1", "source": 7}, id="source"),
    ],
)
def test_misuse_raises(client, given):
    """An argument of the wrong type is the program's mistake and raises, changing nothing."""
    with pytest.raises(TypeError):
        client.emit("product_viewed", **given)
    assert client.profile("u-1").signals == 0


def test_a_changed_policy_finds_the_history_it_asks_for(world: World):
    """A trait that a later version declares is folded from the signals already stored (C45)."""
    client = world.client()
    people(client, ["u-1"])
    client.emit("order_completed", subject="u-1", data={"total": 9})
    client.flush()
    orders = {
        "id": "orders",
        "signal": "order_completed",
        "aggregate": "count",
        "purpose": "personalise",
    }
    embedded(client).shelf.publish(bundle(policy(version="2", traits=[orders])))
    assert client.profile("u-1").computed == {"orders": 1}
