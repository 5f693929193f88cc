"""What becomes of CloudEvents; no server is needed."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew import DocumentError
from clew.clock import instant
from clew.codec import from_json
from clew.model.batch import BatchItem
from clew_edge.service.cloudevents import event_id, is_batch, translate

NOW = instant("2026-11-22T01:30:00Z")


def event(**changes: Any) -> dict[str, Any]:
    """An event with all that must be there."""
    return {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/till/3",
        "type": "order_completed",
        "subject": "u-42",
    } | changes


def fact(document: Any) -> dict[str, Any]:
    return translate(document, tenant="default", received_at=NOW)["signal"]


def test_an_event_becomes_a_signal() -> None:
    """Every attribute has its place in the signal."""
    made = fact(
        event(
            time="2026-11-22T02:29:30+01:00",
            datacontenttype="application/json",
            dataschema="https://shop.test/order.json",
            data={"total": 23.9},
            sessionid="s-1",
            anonymoussubject="a-7",
            channel="store",
            traceparent="00-ab-cd-01",
        )
    )
    assert made == {
        "id": event_id("/till/3", "e-1"),
        "type": "order_completed",
        "subject": "u-42",
        "anonymous_subject": "a-7",
        "source": "/till/3",
        "occurred_at": "2026-11-22T01:29:30.000000Z",
        "data": {"total": 23.9},
        "channel": "store",
        "session_id": "s-1",
        "schema_uri": "https://shop.test/order.json",
        "ext": {"traceparent": "00-ab-cd-01"},
    }
    from_json(BatchItem, {"signal": made})


def test_without_a_time_it_is_now() -> None:
    """The time is optional; then it is that of receipt."""
    assert instant(fact(event())["occurred_at"]) == NOW


def test_data_may_be_json_in_base64() -> None:
    """A sender that encodes its data as bytes is understood."""
    encoded = base64.b64encode(b'{"total": 5}').decode()
    assert fact(event(data_base64=encoded))["data"] == {"total": 5}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("/till/3", "e-1"), ("/till/4", "e-1")),
        (("/till/3", "e-1"), ("/till/3", "e-2")),
        (("/till#", "1"), ("/till", "#1")),
    ],
    ids=["source", "id", "where one ends"],
)
def test_source_and_id_together_name_an_event(one: tuple[str, str], other: tuple[str, str]) -> None:
    """Events of one id are two where their sources are, in CloudEvents' section 3.1.1."""
    assert event_id(*one) == event_id(*one)
    assert event_id(*one) != event_id(*other)


def test_null_is_absent() -> None:
    """An attribute that is null is one that is not there."""
    assert fact(event(time=None, data=None, sessionid=None)) == fact(event())


@pytest.mark.parametrize(
    ("document", "pointers"),
    [
        ([], [""]),
        ({}, ["/specversion", "/id", "/source", "/type", "/subject"]),
        (event(specversion="0.3"), ["/specversion"]),
        (event(id=7), ["/id"]),
        (event(source=""), ["/source"]),
        (event(subject="u" * 129), ["/subject"]),
        (event(type="order completed"), ["/type"]),
        (event(type="t" * 129), ["/type"]),
        (event(time="noon"), ["/time"]),
        (event(time="2026-11-22T01:00:00"), ["/time"]),
        (event(time="2026-11-22T01:40:00Z"), ["/time"]),
        (event(data=[1]), ["/data"]),
        (event(data={"note": "x" * 70_000}), ["/data"]),
        (event(data_base64="bm8="), ["/data_base64"]),
        (event(data_base64=5), ["/data_base64"]),
        (event(data_base64="é"), ["/data_base64"]),
        (event(sessionid="s" * 129), ["/sessionid"]),
        (event(channel="pigeon", party="fourth"), ["/channel", "/party"]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_event_at_fault_says_where(document: Any, pointers: list[str]) -> None:
    """All faults are told with pointers into the event."""
    with pytest.raises(DocumentError) as refused:
        fact(document)
    assert [problem.pointer for problem in refused.value.problems] == pointers


@pytest.mark.parametrize(
    "content_type",
    [
        "application/cloudevents-batch+json",
        "Application/CloudEvents-Batch+JSON; charset=utf-8",
    ],
)
def test_a_batch_is_known_by_its_media_type(content_type: str) -> None:
    """The media type is the batch's, whatever its case and parameters."""
    assert is_batch({"headers": [(b"content-type", content_type.encode())]})


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"content-type", b"application/json")],
        [(b"content-type", b"application/cloudevents+json")],
    ],
    ids=["none", "JSON", "one event"],
)
def test_another_media_type_is_no_batch(headers: list[tuple[bytes, bytes]]) -> None:
    """What does not say that it is a batch of events is none."""
    assert not is_batch({"headers": headers})


#: Beside short texts, longer ones than ids may be.
TEXTS = st.text() | st.sampled_from(["e" * 128, "e" * 129, "x" * 2_000])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ATTRIBUTES = ("id", "source", "type", "subject", "time", "data", "data_base64", "dataschema")
ATTRIBUTES += ("sessionid", "channel", "party", "traffic", "traceparent")


@given(st.dictionaries(st.sampled_from(ATTRIBUTES), JSON))
def test_any_json_is_taken_or_refused(changes: dict[str, Any]) -> None:
    """Whatever an event holds, it becomes a valid signal or is refused."""
    try:
        made = fact(event(**changes))
    except DocumentError:
        return
    from_json(BatchItem, {"signal": json.loads(json.dumps(made))})
