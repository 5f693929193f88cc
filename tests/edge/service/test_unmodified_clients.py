"""Clients of other makers, as they are installed from PyPI, against a server process."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clew.backends.sqlite import SqliteStore
from edge.http.wire import GUARD_SECONDS, listening
from edge.service.bridging import facts
from edge.service.flaky import Fault, flaky
from edge.service.serve_bridged import DATABASE

pytestmark = pytest.mark.server

#: A key that may append and decide.
KEY = "clew_shop"
#: Messages of one run; a client sends 100 at once.
MESSAGES = 250


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Where the shop is served, over a store in `tmp_path`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = (sys.executable, "-m", "edge.service.serve_bridged", str(tmp_path))
    with listening(*command, **environment) as found:
        yield found


def segment(url: str) -> Any:
    """Segment's client."""
    from segment.analytics.client import Client

    return Client(KEY, host=url, gzip=True, timeout=GUARD_SECONDS)


def rudderstack(url: str) -> Any:
    """RudderStack's client."""
    from rudderstack.analytics.client import Client

    return Client(KEY, host=url, timeout=GUARD_SECONDS)


@pytest.mark.parametrize(
    "faults",
    [
        (),
        ("overload", "overload", "overload"),
        ("lost", "lost", "lost"),
        ("lost", "overload", "lost", "overload"),
    ],
    ids=["fine", "503", "answers lost", "both"],
)
@pytest.mark.parametrize("maker", [segment, rudderstack], ids=["segment", "rudderstack"])
def test_every_message_is_stored_once(
    tmp_path: Path, port: int, maker: Any, faults: tuple[Fault, ...]
) -> None:
    """What a client was told to send is stored, and once, however often it had to send it."""
    sent = []
    with flaky(port, *faults) as way:
        client = maker(way.url)
        for number in range(MESSAGES):
            taken, message = client.track(
                user_id=f"u-{number % 7}",
                event="Order Completed",
                properties={"total": number, "coupon": None},
            )
            assert taken
            sent.append(message["messageId"])
        client.flush()
        client.join()
        assert way.counted["fine"] >= MESSAGES / 100
        assert [way.counted[fault] for fault in set(faults)] == [
            faults.count(fault) for fault in set(faults)
        ]
    stored = facts(SqliteStore(str(tmp_path / DATABASE)))
    assert [fact["id"] for fact in stored] == sorted(sent)
    assert sum(fact["data"]["total"] for fact in stored) == sum(range(MESSAGES))


@pytest.mark.parametrize("maker", [segment, rudderstack], ids=["segment", "rudderstack"])
def test_every_kind_of_message_is_stored(tmp_path: Path, port: int, maker: Any) -> None:
    """All calls of a client arrive as what they mean."""
    client = maker(f"http://127.0.0.1:{port}")
    client.track("u-1", "Product Viewed", {"sku": "hawaiian"}, anonymous_id="a-1")
    client.identify("u-1", {"plan": "gold"}, anonymous_id="a-1")
    client.page("u-1", "Shop", "Home", {"url": "https://shop.test/"})
    client.screen("u-1", "Shop", "Basket")
    client.group("u-1", "g-1", {"size": 3})
    client.alias("a-0", "u-1")
    client.flush()
    client.join()
    store = SqliteStore(str(tmp_path / DATABASE))
    assert sorted(fact["type"] for fact in facts(store)) == [
        "group_joined",
        "page_viewed",
        "product_viewed",
        "screen_viewed",
        "traits_set",
    ]
    links = {(one["anonymous_subject"], one["subject"]) for one in facts(store, "identity")}
    assert links == {("a-1", "u-1"), ("a-0", "u-1")}


@pytest.mark.parametrize("maker", [segment, rudderstack], ids=["segment", "rudderstack"])
def test_a_wrong_key_is_told(port: int, maker: Any) -> None:
    """A client with a key that is not known hears why, and sends no more than once."""
    heard = []
    with flaky(port) as way:
        client = maker(way.url)
        for consumer in client.consumers:
            consumer.write_key = "clew_unknown"
            consumer.on_error = lambda error, _batch: heard.append(error)
        client.track("u-1", "Product Viewed")
        client.flush()
        client.join()
        assert way.counted == {"fine": 1}
    assert [(error.status, error.code) for error in heard] == [(401, "key")]
    assert "clew key new" in str(heard[0])


def _bearer() -> dict[str, str]:
    return {"authorization": f"Bearer {KEY}"}


def test_openfeatures_provider_reads_decisions(port: int) -> None:
    """OpenFeature's client gets content, fields, reasons, tokens and errors by its provider."""
    from openfeature import api
    from openfeature.contrib.provider.ofrep import OFREPProvider
    from openfeature.evaluation_context import EvaluationContext

    provider = OFREPProvider(f"http://127.0.0.1:{port}", headers_factory=_bearer)
    api.set_provider(provider)
    try:
        client = api.get_client()
        someone = EvaluationContext("u-42", {"mood": "loud", "session_id": "s-1"})
        found = client.get_object_details("hero", {}, someone)
        assert found.value == {"headline": "loud"}
        assert (found.variant, found.reason) == ("loud", "TARGETING_MATCH")
        assert found.flag_metadata["token"]
        assert client.get_string_value("hero.headline", "none", someone) == "loud"
        missing = client.get_object_details("nowhere", {"headline": "mine"}, someone)
        assert (missing.value, missing.error_code) == ({"headline": "mine"}, "FLAG_NOT_FOUND")
        nobody = client.get_object_details("hero", {"headline": "mine"})
        assert nobody.error_code == "TARGETING_KEY_MISSING"
    finally:
        api.shutdown()
        provider.session.close()
