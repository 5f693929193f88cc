"""Segment's routes as its clients meet them."""

import gzip
import json
import math
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from clew import once
from clew.model.batch import ItemResult
from clew_edge.service import segment, segment_messages
from clew_edge.service.app import Service
from clew_edge.service.keys import KeyFile
from clew_edge.service.tenants import Tenant
from clew_edge.service.trouble import TELL_SECONDS
from client.worlds import bundle
from edge.service.asking import KEYS, Answer, Asked, Hand, key_file, running, write_keys
from edge.service.bridging import basic, facts, shop, shop_opened, store_of

BODIES = Path(__file__).with_name("segment_bodies")

TAKEN = {"success": True}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Asked]:
    """The shop."""
    with shop_opened(tmp_path) as here:
        yield here


def track(id: str = "m-1", **changes: Any) -> dict[str, Any]:
    message = {"type": "track", "event": "Order Completed", "userId": "u-1", "messageId": id}
    return message | changes


def batch(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"batch": list(messages), **more}


def post(
    here: Asked, document: Any, path: str = "/v1/batch", key: str | None = "clew_shop", **more: str
) -> Answer:
    """Send JSON as Python's own clients write it, or bytes as they are."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    headers = {name.replace("_", "-"): value for name, value in more.items()}
    headers |= {} if key is None else basic(key)
    return here.ask("POST", path, body, key=None, headers=headers)


@pytest.mark.parametrize("name", ["segment_python", "rudder_python", "segment_node", "rudder_node"])
def test_what_clients_send_is_stored_once(here: Asked, name: str) -> None:
    """Bytes as four unmodified clients send them are taken, and taken once when sent again."""
    requests = json.loads((BODIES / f"{name}.json").read_text())
    for request in [*requests, *requests]:
        body, headers = json.dumps(request["body"]).encode(), {}
        if request["content_encoding"] == "gzip":
            body, headers = gzip.compress(body), {"content_encoding": "gzip"}
        answer = post(here, body, request["path"], content_type=request["content_type"], **headers)
        assert (answer.status, answer.json) == (200, TAKEN)
    store = store_of(here)
    sent = [message for request in requests for message in request["body"]["batch"]]
    signals = sorted(message["messageId"] for message in sent if message["type"] != "alias")
    links = sorted(one["messageId"] for one in sent if one["type"] in {"alias", "identify"})
    assert [fact["id"] for fact in facts(store)] == signals
    assert [fact["id"] for fact in facts(store, "identity")] == links


@pytest.mark.parametrize(
    ("kind", "message", "type"),
    [
        ("track", {"event": "Order Completed"}, "order_completed"),
        ("page", {"name": "Home"}, "page_viewed"),
        ("screen", {"name": "Basket"}, "screen_viewed"),
        ("group", {"groupId": "g-1"}, "group_joined"),
        ("identify", {"traits": {"plan": "gold"}}, "traits_set"),
    ],
)
def test_each_kind_has_its_route(
    here: Asked, kind: str, message: dict[str, Any], type: str
) -> None:
    """One message alone goes to the route that names its type."""
    answer = post(here, {"userId": "u-1", "messageId": "m-1", **message}, f"/v1/{kind}")
    assert (answer.status, answer.json) == (200, TAKEN)
    (fact,) = facts(store_of(here))
    assert (fact["type"], fact["id"], fact["subject"]) == (type, "m-1", "u-1")


def test_alias_has_its_route(here: Asked) -> None:
    """An alias links the id before to the user's (I1)."""
    post(here, {"userId": "u-1", "previousId": "a-1", "messageId": "m-1"}, "/v1/alias")
    (fact,) = facts(store_of(here), "identity")
    assert (fact["anonymous_subject"], fact["subject"]) == ("a-1", "u-1")


def test_what_the_policy_or_a_person_forbids_is_said(
    here: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    """The client hears of success; the log says, once per type and fault, what was not stored."""
    events = ("Never Declared", "Never Declared", "Coffee Spilled")
    forbidden = [track(f"m-{n}", event=event) for n, event in enumerate(events)]
    for _ in range(2):
        assert post(here, batch(*forbidden, track("m-3"))).json == TAKEN
    link = {"type": "alias", "userId": "u-1", "previousId": "u-1"}
    assert post(here, batch(link)).json == TAKEN
    assert [fact["id"] for fact in facts(store_of(here))] == ["m-3"]
    assert [line.partition(": ")[0] for line in caplog.messages] == [
        "signal 'never_declared'",
        "signal 'coffee_spilled'",
        "identity",
    ]
    assert "told success: schema, unknown_signal at /type (said once" in caplog.messages[0]


def test_what_is_remembered_of_refusals_has_an_end(
    here: Asked, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Senders choose the names of events: beyond so many no more are told of."""
    monkeypatch.setattr(once, "NAMES_MAX", 3)
    post(here, batch(*(track(f"m-{n}", event=f"Event {n}") for n in range(9))))
    assert len(caplog.messages) == 3


def test_one_message_at_fault_does_not_fail_the_others(
    here: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    """The batch is accepted, what is at fault is counted and logged, and nothing of it repeated."""
    faults = [{"type": "track"}, 7, None, track(userId=["u-1"]), track(event="secret\ud83d", id=1)]
    answer = post(here, batch(track("m-1"), *faults, track("m-2")))
    assert (answer.status, answer.json) == (200, TAKEN)
    assert [fact["id"] for fact in facts(store_of(here))] == ["m-1", "m-2"]
    assert here.tenant.brought["signal", "refused"] == len(faults)
    (told,) = caplog.messages
    assert told.startswith("a message of a Segment client of tenant shop was not taken: /event: ")


def test_messages_at_fault_are_told_of_once_a_minute(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However many batches hold them, the log counts messages and does not grow with each."""
    clock = Hand()
    tenant = partial(Tenant, "memory://", policy=bundle(shop()))
    with running(Service(key_file(tmp_path), tenant, clock=clock)) as here:
        for _ in range(10):
            post(here, batch({"type": "track"}, track(event="secret \ud83d")))
        clock.now += TELL_SECONDS
        post(here, batch(7))
    told, again = caplog.messages
    assert told.endswith("/event: `event` is absent; name what happened")
    assert again.endswith("not taken: 20 more times; last: (document): a message is an object")


@pytest.mark.parametrize("event", ["e" * 129, "ﬃ" * 128], ids=["long", "long as a type"])
def test_a_message_whose_event_has_a_long_name_is_refused_alone(here: Asked, event: str) -> None:
    """A name that no signal can have fails neither the batch nor the server."""
    answer = post(here, batch(track("m-1"), track("m-2", event=event), track("m-3")))
    assert (answer.status, answer.json) == (200, TAKEN)
    assert [fact["id"] for fact in facts(store_of(here))] == ["m-1", "m-3"]


def test_a_message_that_we_cannot_read_fails_no_other(
    here: Asked, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What nobody foresaw of one message is told in full, and the others are taken."""

    def translate(message: Any, *rest: Any) -> Any:
        if message["messageId"] == "m-2":
            raise ZeroDivisionError("by chance")
        return segment_messages.translate(message, *rest)

    monkeypatch.setattr(segment, "translate", translate)
    answer = post(here, batch(track("m-1"), track("m-2"), track("m-3")))
    assert (answer.status, answer.json) == (200, TAKEN)
    assert [fact["id"] for fact in facts(store_of(here))] == ["m-1", "m-3"]
    assert here.tenant.brought["signal", "refused"] == 1
    assert [one.getMessage() for one in caplog.records if one.exc_info] == [
        "a request failed, or a part of it: by chance"
    ]


def test_what_the_policy_does_not_take_is_refused_alone(here: Asked) -> None:
    """A type that the policy does not declare is counted as refused, and the others are stored."""
    answer = post(here, batch(track("m-1", event="Coffee Spilled"), track("m-2")))
    assert answer.status == 200
    assert [fact["id"] for fact in facts(store_of(here))] == ["m-2"]
    assert here.tenant.brought["signal", "refused"] == 1


def test_python_s_own_json_is_read(here: Asked) -> None:
    """NaN is null, and a message with half a character is refused alone."""
    messages = [
        track("m-1", properties={"total": math.nan, "sku": "hawaiian"}),
        track("m-2", properties={"note": "\ud83d"}),
    ]
    assert post(here, batch(*messages)).status == 200
    (fact,) = facts(store_of(here))
    assert (fact["id"], fact["data"]) == ("m-1", {"sku": "hawaiian"})


def nested(depth: int) -> Any:
    """An object so deep."""
    deep: Any = {}
    for _ in range(depth - 1):
        deep = {"deeper": deep}
    return deep


@pytest.mark.parametrize("depth", [29, 100, 249])
@pytest.mark.parametrize("field", ["properties", "context"])
def test_a_message_nested_too_deep_is_refused_alone(here: Asked, depth: int, field: str) -> None:
    """Depth is bounded by what a message becomes, whether it says it or its batch does."""
    deep = nested(depth)
    if field == "properties":
        document = batch(track("m-1", properties=deep), track("m-2"))
    else:
        of_user = {"type": "identify", "userId": "u-1", "messageId": "m-1"}
        document = batch(of_user, track("m-2"), context={"traits": deep})
    assert post(here, document).status == 200
    assert [fact["id"] for fact in facts(store_of(here))] == ["m-2"]
    assert here.ask("POST", "/clew/v1/decide", {"slots": ["hero"], "subject": "u-1"}).status == 200


def test_a_message_may_be_as_deep_as_a_fact(here: Asked) -> None:
    """What a batch of ours takes is taken here too."""
    deep = nested(28)
    fact = {"id": "s-1", "type": "order_completed", "subject": "u-1", "data": deep}
    item = {"signal": {**fact, "occurred_at": "2026-03-01T10:00:00Z"}}
    assert here.append(item) == [("applied", None)]
    assert post(here, batch(track("m-1", properties=deep))).status == 200
    assert [fact["data"] for fact in facts(store_of(here))] == [deep, deep]


def test_many_small_messages_are_all_stored(here: Asked) -> None:
    """A batch may hold more messages than one of ours may."""
    assert post(here, batch(*(track(f"m-{n}") for n in range(1_201)))).status == 200
    assert len(facts(store_of(here))) == 1_201


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "json"),
        (b"{", 400, "json"),
        (b"[" * 100_000, 400, "json"),
        (b"\xff\xfe", 400, "json"),
        (b"[]", 400, "json"),
        (b"{}", 400, "batch"),
        (b'{"batch": {}}', 400, "batch"),
        (b" " * 2_000_000, 413, "too_large"),
    ],
    ids=["empty", "broken", "deep", "no text", "list", "no batch", "no list", "large"],
)
def test_what_is_no_batch_is_refused(here: Asked, body: bytes, status: int, code: str) -> None:
    """Every error has a `code` and a `message` of text."""
    answer = post(here, body)
    assert answer.status == status
    assert answer.json.keys() == {"code", "message"}
    assert answer.json["code"] == code
    assert answer.json["message"]


def test_a_gzip_bomb_is_refused(here: Asked) -> None:
    """A body is bounded as it is unpacked."""
    bomb = gzip.compress(b" " * 50_000_000)
    answer = post(here, bomb, content_encoding="gzip")
    assert (answer.status, answer.json["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("key", "status"),
    [(None, 401), ("clew_unknown", 401), ("clew_decide", 403)],
    ids=["no key", "unknown key", "wrong scope"],
)
def test_a_key_is_needed(here: Asked, key: str | None, status: int) -> None:
    """A write key is a key with the scope `append`; nothing is stored without."""
    answer = post(here, batch(track()), key=key)
    assert answer.status == status
    assert answer.json.keys() == {"code", "message"}
    challenge = 'Basic realm="clew"' if status == 401 else None
    assert answer.headers.get("www-authenticate") == challenge
    assert facts(store_of(here)) == []


def test_the_tenant_is_the_keys(here: Asked) -> None:
    """What a message says of a tenant is ignored (T22)."""
    post(here, batch(track(tenant="shop", context={"tenant": "shop"})), key="clew_other")
    assert facts(store_of(here)) == []
    assert [fact["id"] for fact in facts(store_of(here, "other"), tenant="other")] == ["m-1"]


def test_a_partner_writes_only_its_own_types(here: Asked) -> None:
    """A partner's key has its prefix here too, and what it writes is marked as its own (C28)."""
    messages = batch(track("m-1", event="Parcel Delivered"), track("m-2"))
    assert post(here, messages, key="clew_parcels").status == 200
    (fact,) = facts(store_of(here))
    assert (fact["type"], fact["party"]) == ("parcel_delivered", "partner")


def test_what_cannot_be_stored_now_is_asked_for_again(
    here: Asked, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is said to be taken that is not durable: 503 with seconds to wait, told of once."""
    here.run(here.service.tenants.close())
    caplog.clear()
    for _ in range(5):
        answer = post(here, batch(track()))
        assert answer.status == 503
        assert answer.json.keys() == {"code", "message"}
        assert answer.headers["retry-after"].isdigit()
    (told,) = caplog.messages
    assert told.startswith("/v1/batch of tenant shop: the store is not available: ")


def test_a_fault_of_ours_is_told_in_the_clients_words(
    here: Asked, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Clients read `code` and `message` of whatever goes wrong; the log has the traceback."""

    async def append(_items: Any) -> Any:
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr(here.tenant, "append", append)
    answer = post(here, batch(track()))
    assert (answer.status, answer.json["code"]) == (500, "internal")
    assert answer.json.keys() == {"code", "message"}
    [told] = caplog.records
    assert told.exc_info is not None


class HalfTenant(Tenant):
    """A tenant whose backend asks for some facts again."""

    async def append(self, items: Sequence[bytes]) -> list[ItemResult]:
        """Store nothing of it."""
        return [ItemResult(id="m", status="retry") for _ in items]


def test_what_the_backend_asks_for_again_is_asked_of_the_client(
    here: Asked, tmp_path: Path
) -> None:
    """A fact that is to be sent again makes the whole batch so: clients know no other way."""
    keys = tmp_path / "keys_of_half.json"
    write_keys(keys, KEYS)
    service = Service(KeyFile(keys), partial(HalfTenant, "memory://", policy=bundle(shop())))
    half = evolve(here, service=service)
    half.run(service.tenants.open(["shop"]))
    assert post(half, batch(track())).status == 503
    half.run(service.tenants.close())
