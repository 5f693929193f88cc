"""CloudEvents on the append route."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clew_edge.service.cloudevents import MEDIA_TYPE, event_id
from edge.service.asking import Answer, Asked
from edge.service.bridging import facts, shop_opened, store_of


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Asked]:
    """The shop."""
    with shop_opened(tmp_path) as here:
        yield here


def event(id: str = "e-1", **changes: Any) -> dict[str, Any]:
    said = {"specversion": "1.0", "id": id, "source": "/till/3", "subject": "u-42"}
    return {**said, "type": "order_completed", "data": {"total": 5}, **changes}


def append(here: Asked, *events: Any, key: str = "clew_append") -> Answer:
    """Store a batch of events."""
    headers = {"content-type": MEDIA_TYPE}
    return here.ask("POST", "/clew/v1/append", list(events), key=key, headers=headers)


def test_events_are_stored_once(here: Asked) -> None:
    """A batch that is sent again is known by source and id."""
    first = append(here, event("e-1"), event("e-2"))
    assert first.status == 200
    assert [one["status"] for one in first.json["results"]] == ["applied", "applied"]
    again = append(here, event("e-1"), event("e-1", source="/till/4"))
    assert [one["status"] for one in again.json["results"]] == ["duplicate", "applied"]
    stored = {fact["id"] for fact in facts(store_of(here))}
    names = [("/till/3", "e-1"), ("/till/3", "e-2"), ("/till/4", "e-1")]
    assert stored == {event_id(source, id) for source, id in names}


def test_an_event_at_fault_is_refused_alone(here: Asked) -> None:
    """Each event has its result, in order, with pointers into the event."""
    answer = append(here, event("e-1"), event("e-2", subject=None), 7, event("e-3"))
    results = answer.json["results"]
    assert [one["status"] for one in results] == ["applied", "refused", "refused", "applied"]
    assert results[1]["id"] == event_id("/till/3", "e-2")
    assert results[1]["errors"][0]["pointer"] == "/subject"
    assert len(facts(store_of(here))) == 2
    assert here.tenant.brought["signal", "refused"] == 2


@pytest.mark.parametrize("depth", [29, 100, 249])
def test_data_in_base64_is_as_shallow_as_other_data(here: Asked, depth: int) -> None:
    """What is packed is bounded when it is unpacked: a deep fact could not be read again."""
    deep = base64.b64encode(b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)).decode()
    answer = append(here, event("e-1"), event("e-2", data_base64=deep), event("e-3"))
    assert answer.results == [("applied", None), ("refused", "schema"), ("applied", None)]
    [error] = answer.json["results"][1]["errors"]
    assert (error["keyword"], error["pointer"]) == ("depth", "/data")
    assert here.ask("POST", "/clew/v1/decide", {"slots": ["hero"], "subject": "u-42"}).status == 200


def test_an_empty_batch_is_valid(here: Asked) -> None:
    """The format allows a batch without events (JSON Event Format, section 4.1)."""
    answer = append(here)
    assert (answer.status, answer.json) == (200, {"results": []})


def test_a_partners_events_are_a_partners(here: Asked) -> None:
    """What an event says of its party does not count; the key does (C28)."""
    events = [event("e-1", type="parcel_delivered", party="first"), event("e-2")]
    assert append(here, *events, key="clew_parcels").results == [
        ("applied", None),
        ("refused", "scope"),
    ]
    (fact,) = facts(store_of(here))
    assert fact["party"] == "partner"
