"""What becomes of messages of Segment's and RudderStack's clients; no server is needed."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew import DocumentError
from clew.clock import instant, to_text
from clew.codec import from_json
from clew.model.batch import BatchItem
from clew_edge.service import segment_messages
from clew_edge.service.segment_messages import signal_type, translate
from clew_edge.service.segment_reader import Delivery

#: What each unmodified client sent for the same seven calls (its version is in `library`).
BODIES = Path(__file__).with_name("segment_bodies")
CLIENTS = ("segment_python", "rudder_python", "segment_node", "rudder_node")

RECEIVED = instant("2026-11-22T01:30:00Z")


def delivery(**changes: Any) -> Delivery:
    return Delivery(tenant="default", id="request", received_at=RECEIVED, **changes)


def one(message: Any, **changes: Any) -> dict[str, Any]:
    """The one fact of a message."""
    ((fact,),) = [item.values() for item in translate(message, delivery(**changes))]
    return fact


def track(**changes: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "userId": "u", "messageId": "m"} | changes


def said(item: dict[str, Any]) -> tuple[Any, ...]:
    """What a fact says, without what differs between clients: ids, instants, library."""
    ((kind, fact),) = item.items()
    if kind == "identity":
        return (fact["operation"], fact["anonymous_subject"], fact["subject"])
    anonymous = fact.get("anonymous_subject")
    return (fact["type"], fact["subject"], anonymous, fact.get("data"), fact.get("channel"))


SAID = [
    ("order_completed", "u-1", "a-1", {"total": 23.9}, None),
    ("product_viewed", "a-1", None, {"sku": "hawaiian"}, None),
    ("link", "a-1", "u-1"),
    ("traits_set", "u-1", "a-1", {"plan": "gold"}, None),
    (
        "page_viewed",
        "u-1",
        None,
        {"url": "https://shop.test/", "name": "Home", "category": "Shop"},
        "web",
    ),
    ("screen_viewed", "u-1", None, {"name": "Basket"}, "app"),
    ("group_joined", "u-1", None, {"size": 3, "group_id": "g-1"}, None),
    ("link", "a-0", "u-1"),
]


@pytest.mark.parametrize("client", CLIENTS)
def test_clients_of_both_makers_say_the_same(client: str) -> None:
    """The same calls of four clients become the same facts, whatever their dialect."""
    items = [
        item
        for request in json.loads((BODIES / f"{client}.json").read_text())
        for message in request["body"]["batch"]
        for item in translate(message, delivery(sent_at=request["body"]["sentAt"]))
    ]
    assert [said(item) for item in items] == SAID


@pytest.mark.parametrize("client", CLIENTS)
def test_facts_are_documents_of_the_schema(client: str) -> None:
    """Each item is a batch item, and is named by its message."""
    for request in json.loads((BODIES / f"{client}.json").read_text()):
        for message in request["body"]["batch"]:
            for item in translate(message, delivery()):
                from_json(BatchItem, item)
                assert next(iter(item.values()))["id"] == message["messageId"]


@pytest.mark.parametrize(
    ("event", "type"),
    [
        ("Order Completed", "order_completed"),
        ("order_completed", "order_completed"),
        ("orderCompleted", "order_completed"),
        ("  Order   Completed ", "order_completed"),
        ("viewURLOpened", "view_url_opened"),
        ("checkout.started", "checkout.started"),
        ("Größe gewählt", "grosse_gewahlt"),
        ("Order/Completed!", "order_completed"),
        ("购买", ""),
    ],
)
def test_event_names_become_signal_types(event: str, type: str) -> None:
    """Words are joined by `_` in lower case."""
    assert signal_type(event) == type


@given(st.text())
def test_a_signal_type_stands_for_itself(event: str) -> None:
    """What has been named once keeps its name."""
    assert signal_type(signal_type(event)) == signal_type(event)


@pytest.mark.parametrize(
    ("times", "occurred_at"),
    [
        ({}, "2026-11-22T01:30:00Z"),
        ({"timestamp": "2026-11-22T01:29:00Z"}, "2026-11-22T01:29:00Z"),
        ({"timestamp": "2026-11-22T03:29:00+02:00"}, "2026-11-22T01:29:00Z"),
        ({"timestamp": "2026-11-22T01:29:00"}, "2026-11-22T01:29:00Z"),
        (
            {"timestamp": "2020-01-01T00:00:00Z", "sentAt": "2020-01-01T00:00:10Z"},
            "2026-11-22T01:29:50Z",
        ),
        (
            {"timestamp": "2033-01-01T00:00:00Z", "sentAt": "2033-01-01T00:00:10Z"},
            "2026-11-22T01:29:50Z",
        ),
        (
            {
                "originalTimestamp": "2020-01-01T00:00:00Z",
                "timestamp": "2026-01-01T00:00:00Z",
                "sentAt": "2020-01-01T00:00:10Z",
            },
            "2026-11-22T01:29:50Z",
        ),
        ({"timestamp": "2033-01-01T00:00:00Z"}, "2026-11-22T01:30:00Z"),
        (
            {"timestamp": "2026-11-22T01:29:00Z", "sentAt": "yesterday"},
            "2026-11-22T01:29:00Z",
        ),
    ],
    ids=[
        "none",
        "right clock",
        "offset",
        "no offset is UTC",
        "slow clock",
        "fast clock",
        "original first",
        "never ahead of receipt",
        "unreadable sentAt",
    ],
)
def test_the_senders_clock_is_corrected(times: dict[str, str], occurred_at: str) -> None:
    """`received - (sentAt - timestamp)` is when it happened on our clock."""
    assert instant(one(track(**times))["occurred_at"]) == instant(occurred_at)


@given(
    skew=st.timedeltas(timedelta(days=-4000), timedelta(days=4000)),
    ago=st.timedeltas(timedelta(0), timedelta(days=30)),
)
def test_any_skew_is_taken_out(skew: timedelta, ago: timedelta) -> None:
    """A message sent as it is received happened as long ago as its sender says."""
    sent_at = datetime.fromtimestamp(RECEIVED, UTC) + skew
    message = track(timestamp=(sent_at - ago).isoformat())
    fact = one(message, sent_at=sent_at.isoformat())
    assert instant(fact["occurred_at"]) == pytest.approx(RECEIVED - ago.total_seconds(), abs=1e-5)


def test_a_messages_own_sent_at_goes_first() -> None:
    """RudderStack's Node client writes it with each message."""
    message = track(timestamp="2020-01-01T00:00:00Z", sentAt="2020-01-01T00:00:05Z")
    at = one(message, sent_at="2026-11-22T01:30:00Z")["occurred_at"]
    assert at == to_text(RECEIVED - 5.0)


@pytest.mark.parametrize(
    ("message", "field", "value"),
    [
        (track(), "subject", "u"),
        (track(userId=None, anonymousId="a"), "subject", "a"),
        (track(userId="", anonymousId="a"), "subject", "a"),
        (track(userId=42), "subject", "42"),
        (track(anonymousId="a"), "anonymous_subject", "a"),
        (track(anonymousId="u"), "anonymous_subject", None),
        (track(properties=None), "data", None),
        (track(properties={"total": 1, "coupon": None}), "data", {"total": 1}),
        (track(context={"sessionId": 17}), "session_id", "17"),
        (track(context={"library": {"name": "a-shop"}}), "source", "a-shop"),
        (track(context=None, integrations=None, unheard="of"), "source", None),
        (track(channel="mobile"), "channel", "app"),
        (track(channel="server"), "channel", None),
        (track(messageId=None), "id", "request.0"),
        (track(type="page", name="Home", channel="server"), "channel", "web"),
    ],
    ids=str,
)
def test_fields_are_read_as_clients_write_them(
    message: dict[str, Any], field: str, value: object
) -> None:
    """Null and empty are absent, ids may be numbers, and what is unknown is ignored."""
    assert one(message).get(field) == value


def test_the_context_of_a_batch_holds_for_its_messages() -> None:
    """A message's own context goes before it."""
    shared = {"library": {"name": "shared"}, "sessionId": "s"}
    fact = one(track(context={"library": {"name": "own"}}), context=shared)
    assert (fact["source"], fact["session_id"]) == ("own", "s")


def test_addresses_and_devices_are_not_kept() -> None:
    """Of the context nothing is stored but what is documented."""
    context = {"ip": "203.0.113.9", "userAgent": "Shop/1", "device": {"id": "imei"}}
    stored = json.dumps(one(track(context=context)))
    assert "203.0.113.9" not in stored
    assert "Shop/1" not in stored
    assert "imei" not in stored


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        ({"type": "identify", "userId": "u", "anonymousId": "a"}, ["identity"]),
        ({"type": "identify", "userId": "u", "traits": {"plan": "gold"}}, ["signal"]),
        ({"type": "identify", "anonymousId": "a", "traits": {"plan": "gold"}}, ["signal"]),
        ({"type": "identify", "userId": "u", "anonymousId": "u"}, []),
        ({"type": "identify", "userId": "u"}, []),
    ],
    ids=["link", "traits of a user", "traits of nobody known", "one id", "nothing"],
)
def test_identify_links_only_two_ids(message: dict[str, Any], kinds: list[str]) -> None:
    """Only an anonymous id beside another user id is linked (I1)."""
    assert [kind for item in translate(message, delivery()) for kind in item] == kinds


def test_a_message_that_is_sent_again_has_the_same_ids() -> None:
    """What a client sends again has another `sentAt`, and counts once by its `messageId`."""
    message = {"type": "identify", "messageId": "m", "userId": "u", "anonymousId": "a"}
    message["traits"] = {"plan": "gold"}
    first, again = (
        [fact["id"] for item in translate(message, delivery(sent_at=at)) for fact in item.values()]
        for at in ("2026-11-22T01:30:00Z", "2026-11-22T01:31:00Z")
    )
    assert first == again == ["m", "m"]


@pytest.mark.parametrize(
    ("message", "pointer"),
    [
        ("track", ""),
        ({}, "/type"),
        ({"type": ["track"]}, "/type"),
        ({"type": "delete", "userId": "u"}, "/type"),
        (track(userId=None), ""),
        (track(userId=True), "/userId"),
        (track(userId={}), "/userId"),
        (track(userId="u" * 129), "/userId"),
        (track(userId="\ud83d"), "/userId"),
        (track(messageId=["m"]), "/messageId"),
        (track(event=None), "/event"),
        (track(event="购买"), "/event"),
        (track(event="e" * 129), "/event"),
        (track(event="ﬃ" * 128), "/event"),
        (track(event="2nd order"), "/type"),
        (track(properties=["total"]), "/properties"),
        (track(properties={"note": "\ud83d"}), "/data"),
        (track(properties={"note": "x" * 70_000}), "/data"),
        (track(timestamp="noon"), "/timestamp"),
        (track(timestamp=1_795_310_553), "/timestamp"),
        (track(timestamp="0001-01-01T00:00:00Z"), "/timestamp"),
        ({"type": "alias", "previousId": "a"}, "/userId"),
        ({"type": "alias", "userId": "u"}, "/previousId"),
        ({"type": "group", "userId": "u"}, "/groupId"),
        ({"type": "identify", "traits": {"plan": "gold"}}, ""),
        ({"type": "identify", "userId": "u", "traits": "gold"}, "/traits"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_message_at_fault_says_where(message: Any, pointer: str) -> None:
    """What cannot be a fact is refused with a pointer."""
    with pytest.raises(DocumentError) as refused:
        translate(message, delivery())
    assert [problem.pointer for problem in refused.value.problems] == [pointer]


def test_a_long_name_is_not_written_as_a_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much work a name makes has an end, before anything is done with it."""
    written = []

    def writing(event: str) -> str:
        written.append(event)
        return signal_type(event)

    monkeypatch.setattr(segment_messages, "signal_type", writing)
    translate(track(event="e" * 128), delivery())
    with pytest.raises(DocumentError):
        translate(track(event="e" * 1_000_000), delivery())
    assert written == ["e" * 128]


#: Beside short texts, longer ones than ids may be.
TEXTS = st.text() | st.sampled_from(["e" * 128, "e" * 129, "ﬃ" * 50, "x" * 2_000, "\ud83d"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("messageId", "userId", "anonymousId", "previousId", "groupId", "event", "name")
FIELDS += ("properties", "traits", "context", "timestamp", "originalTimestamp", "sentAt", "channel")


@given(
    kind=st.sampled_from(["track", "identify", "page", "screen", "group", "alias"]),
    message=st.dictionaries(st.sampled_from(FIELDS), JSON),
    sent_at=JSON,
)
def test_any_json_is_taken_or_refused(kind: str, message: dict[str, Any], sent_at: Any) -> None:
    """Whatever a message holds, it becomes valid facts or is refused."""
    try:
        items = translate(message | {"type": kind}, delivery(sent_at=sent_at))
    except DocumentError:
        return
    for item in items:
        from_json(BatchItem, item)
