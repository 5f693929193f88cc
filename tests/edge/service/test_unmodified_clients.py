"""Clients of other makers, as everybody installs them, against a server process."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clew.backends.sqlite import SqliteStore
from edge.http.wire import listening
from edge.service.bridging import facts
from edge.service.flaky import Fault, flaky
from edge.service.makers import MAKERS, Call, Maker, is_installed
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


@pytest.fixture(params=MAKERS)
def maker(request: pytest.FixtureRequest) -> Maker:
    """Each of the clients."""
    if not is_installed(request.param):
        pytest.skip("needs Node.js, and in its NODE_PATH what node/package.json asks for")
    return MAKERS[request.param]


@pytest.mark.parametrize(
    "faults",
    [
        (),
        ("overload", "overload", "overload"),
        ("lost", "lost", "lost"),
        ("lost", "overload", "lost"),  # as often as all of them try again
    ],
    ids=["fine", "503", "answers lost", "both"],
)
def test_every_message_is_stored_once(
    tmp_path: Path, port: int, maker: Maker, faults: tuple[Fault, ...]
) -> None:
    """What a client was told to send is stored, and once, however often it had to send it."""
    with flaky(port, *faults) as way:
        complaints = maker(way.url, KEY, [_ordered(number) for number in range(MESSAGES)])
        assert [way.counted[fault] for fault in set(faults)] == [
            faults.count(fault) for fault in set(faults)
        ]
    assert complaints == []
    stored = facts(SqliteStore(str(tmp_path / DATABASE)))
    assert sorted(fact["data"]["total"] for fact in stored) == list(range(MESSAGES))


def _ordered(number: int) -> Call:
    properties = {"total": number, "coupon": None}
    subject = f"u-{number % 7}"
    return "track", {"userId": subject, "event": "Order Completed", "properties": properties}


def test_every_kind_of_message_is_stored(tmp_path: Path, port: int, maker: Maker) -> None:
    """All calls of a client arrive as what they mean."""
    both = {"userId": "u-1", "anonymousId": "a-1"}
    calls = [
        ("track", {**both, "event": "Product Viewed", "properties": {"sku": "hawaiian"}}),
        ("identify", {**both, "traits": {"plan": "gold"}}),
        ("page", {**both, "category": "Shop", "name": "Home"}),
        ("screen", {**both, "category": "Shop", "name": "Basket"}),
        ("group", {**both, "groupId": "g-1", "traits": {"size": 3}}),
        ("alias", {"previousId": "a-0", "userId": "u-1"}),
    ]
    assert maker(f"http://127.0.0.1:{port}", KEY, calls) == []
    store = SqliteStore(str(tmp_path / DATABASE))
    stored = {fact["type"]: fact["data"] for fact in facts(store)}
    assert sorted(stored) == [
        "group_joined",
        "page_viewed",
        "product_viewed",
        "screen_viewed",
        "traits_set",
    ]
    assert stored["product_viewed"] == {"sku": "hawaiian"}
    assert stored["traits_set"]["plan"] == "gold"
    links = {(one["anonymous_subject"], one["subject"]) for one in facts(store, "identity")}
    assert links == {("a-1", "u-1"), ("a-0", "u-1")}


def test_a_wrong_key_is_told(port: int, maker: Maker) -> None:
    """A client with a key that is not known hears so, and sends no more than once."""
    viewed = ("track", {"userId": "u-1", "event": "Product Viewed"})
    with flaky(port) as way:
        [complaint] = maker(way.url, "clew_unknown", [viewed])
        assert way.counted == {"fine": 1}
    assert "clew key new" in complaint or "401" in complaint  # Segment's for Node.js reads no more


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
