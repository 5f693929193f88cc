"""What a stranger may send: odd text, numbers and sizes. Nothing ends, leaks or is believed."""

import logging
import math
from typing import Any

import orjson
import pytest

from clew import DocumentError
from clew.backends import deciding
from clew.engine.bucketing import store_bucket
from clew.facts import signal
from clew.model.limits import DATA_DEPTH_MAX
from client.worlds import DAY, creative, embedded, people, policy, show, slot, sums_of

HALF = "\ud800"

MONEY = {
    "id": "orders",
    "signal": "order_completed",
    "window_seconds": DAY,
    "value": {"var": "data.total"},
    "count": "sum",
    "currency": "EUR",
    "value_min": 0,
    "value_max": 100,
}


def deep(levels: int) -> dict[str, Any]:
    """An object in an object, and so on."""
    data: dict[str, Any] = {}
    for _ in range(levels):
        data = {"a": data}
    return data


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param({"data": deep(5_000)}, id="deep"),
        pytest.param({"data": deep(253)}, id="as deep as an encoder goes"),
        pytest.param({"data": deep(DATA_DEPTH_MAX + 1)}, id="deeper than a server takes"),
        pytest.param({"subject": ""}, id="nobody"),
        pytest.param({"subject": "u" * 129}, id="a long subject"),
        pytest.param({"subject": HALF}, id="half a character in the subject"),
        pytest.param({"data": {"sku": "x" * 100_000}}, id="large"),
        pytest.param({"data": {"sku": HALF}}, id="half a character in the data"),
        pytest.param({"data": {"n": 2**70}}, id="a number of 70 bits"),
        pytest.param({"id": "x" * 10_000}, id="a long id"),
        pytest.param({"id": HALF}, id="half a character in the id"),
        pytest.param({"source": HALF}, id="half a character in the source"),
        pytest.param({"source": "x" * 100_000}, id="a long source"),
        pytest.param({"session_id": "x" * 129}, id="a long session"),
        pytest.param({"at": math.nan}, id="at no instant"),
        pytest.param({"at": math.inf}, id="at the end of time"),
        pytest.param({"at": -1e18}, id="before all calendars"),
        pytest.param({"at": "0001-01-01T00:00:00+23:59"}, id="in the year zero"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_counted(client, sent):
    """A signal whose content no store holds is refused; the application goes on."""
    client.emit("product_viewed", **{"subject": "u-1", **sent})
    assert client.losses["refused"] == 1
    assert client.flush(10) == 0
    assert client.losses == {"refused": 1}
    assert client.profile("u-1").signals == 0


@pytest.mark.parametrize("wrong", [5, b"a", ["a"]])
def test_an_id_that_is_no_text_is_the_programs_mistake(client, wrong):
    """A wrong Python type raises."""
    with pytest.raises(TypeError, match="id is text"):
        client.emit("product_viewed", subject="u-1", id=wrong)


def test_half_a_character_does_not_end_the_process(client):
    """JSON's `\\ud800` is text in Python without UTF-8: deciding falls back, facts are refused."""
    assert client.decide("hero", subject=HALF).reason in {"consent_denied", "error"}
    client.emit("product_viewed", subject=HALF)
    assert client.losses["refused"] == 1
    with pytest.raises(ValueError, match="surrogate"):
        client.consent(HALF, grant=["personalise"], source="test")
    with pytest.raises(DocumentError, match="surrogate"):
        client.consent("u-1", grant=["personalise"], source=HALF)


def test_the_data_that_is_folded_is_the_data_that_is_stored():
    """What JSON has no word for is null at once, and later changes by the caller are not seen."""
    tags = ["a"]
    data = {"n": math.nan, "tags": tags}
    fact = signal("told", subject="u-1", data=data, now=0.0, tenant="default", policy=None)
    tags.append("b")
    assert fact["data"] == {"n": None, "tags": ["a"]}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
def test_a_value_that_is_no_number_earns_nothing(world, value):
    """JSON writes such a value as null, which would have been read as one conversion (L5)."""
    client = world.client(policy(objectives=[MONEY]))
    people(client, ["u-1"])
    assert client.report(show(client, "u-1"), "converted", value=value) == "refused"
    client.flush(10)
    assert client.measure("orders")[0].attributed == 0.0


@pytest.mark.parametrize(
    ("more", "place"),
    [
        pytest.param({"value": 50.0, "currency": "USD"}, "/currency", id="dollars"),
        pytest.param({"currency": "EUR"}, "/value", id="no amount"),
    ],
)
def test_what_an_objective_cannot_count_is_refused(world, caplog, more, place):
    """A conversion in another currency, or of no amount, is refused and told of (L5)."""
    client = world.client(policy(objectives=[MONEY]))
    people(client, ["u-1"])
    decision = show(client, "u-1")
    before = sums_of(client, decision.creative)
    assert client.report(decision, "converted", **more) == "refused"
    assert client.losses == {"refused": 1}
    assert f"{place}: the objective 'orders' counts" in caplog.text
    client.flush(10)
    assert sums_of(client, decision.creative) == before
    with pytest.raises(DocumentError, match=place):
        world.client(strict=True).report(decision, "converted", **more)


def test_a_foreign_currency_is_never_summed(world):
    """A conversion that was reported in dollars adds nothing to an objective in euros (L5)."""
    client = world.client(policy(objectives=[MONEY]))
    people(client, ["u-1"])
    decision = show(client, "u-1")
    before = sums_of(client, decision.creative)
    assert client.report(decision, "converted", value=50.0, currency="USD") == "refused"
    assert sums_of(client, decision.creative) == before
    client.report(decision, "converted", value=20.0, currency="EUR")
    client.flush(10)
    assert client.measure("orders")[0].attributed == 20.0


def test_what_was_sent_is_not_logged(world, caplog):
    """A field that does not fit is named in the log; its value may be anybody's secret."""
    signals = [
        {
            "id": "product_viewed",
            "purposes": ["personalise"],
            "fields": {"n": {"type": "number"}, "kind": {"type": "text", "enum": ["a", "b"]}},
        }
    ]
    client = world.client(policy(signals=signals))
    with caplog.at_level(logging.DEBUG):
        client.emit("product_viewed", subject="u-9", data={"n": "anna@example.org"})
        client.emit("product_viewed", subject="u-9", data={"kind": "my diagnosis"})
    assert "/data/n" in caplog.text
    assert "/data/kind" in caplog.text
    assert "anna" not in caplog.text
    assert "diagnosis" not in caplog.text


def test_a_record_without_permission_names_nobody(client):
    """A request id often holds the subject, as `decide_many` makes it: it is not stored (D1)."""
    list(client.decide_many("hero", ["denied-person"], request_prefix="run"))
    client.decide("hero", subject="denied-person", context={"view_id": "view-of-denied-person"})
    client.flush(10)
    records = b"".join(embedded(client).store.facts_of("default", "decision"))
    assert b"consent_denied" in records
    assert b"denied-person" not in records


SHOP = policy(
    traits=[
        {
            "id": "pairs",
            "signal": "item_ordered",
            "aggregate": "together",
            "of": "data.sku",
            "by": "data.order",
            "purpose": "personalise",
            "catalogue": "menu",
        }
    ],
    catalogues=[
        {
            "id": "menu",
            "items": [],
            "learn": {"signal": "item_ordered", "item": "data.sku", "name": "data.name"},
        }
    ],
    slots=[
        slot(
            items={
                "catalogue": "menu",
                "count": 3,
                "together": "pairs",
                "content": {"headline": "{{ item.name }}"},
            }
        )
    ],
    creatives=[creative("plain")],
)


def test_an_item_may_have_a_colon(world):
    """A list with an item whose id looks like a key is counted as any other (L2)."""
    client = world.client(SHOP)
    people(client, ["u-1", "u-2"])
    for sku in ("a", "b:c:d", "e"):
        client.emit("item_ordered", subject="u-2", data={"sku": sku, "order": "o-1"})
    decision = client.decide("hero", subject="u-1")
    assert {item.item for item in decision.items} == {"a", "b:c:d", "e"}
    assert client.report(decision, "displayed") == "applied"
    client.flush(10)
    assert not client.losses


@pytest.mark.parametrize("name", [{"a": 1}, ["b"], "x" * 600, ""])
def test_a_learned_name_is_text(world, name):
    """What a signal calls an item is shown to others: an object or a page of prose is no name."""
    client = world.client(SHOP)
    people(client, ["u-1", "u-2"])
    for sku in ("a", "b"):
        data = {"sku": sku, "order": "o-1", "name": name}
        client.emit("item_ordered", subject="u-2", data=data)
    items = client.decide("hero", subject="u-1").items
    assert {item.content["headline"] for item in items} == {"a", "b"}


def test_a_list_is_one_round(world):
    """However many positions are drawn, the sharpness counts decisions (L3)."""
    client = world.client(SHOP)
    people(client, ["u-1", "u-2"])
    for sku in "abcdef":
        client.emit("item_ordered", subject="u-2", data={"sku": sku, "order": "o-1"})
    for _ in range(4):
        show(client, "u-1")
    draws = client.decide("hero", subject="u-1").draws
    assert [draw.rounds for draw in draws] == [4, 4, 4]


def test_what_is_empty_is_not_given(client):
    """A cookie that was cleared leaves an empty text behind, which is no id."""
    client.emit("product_viewed", subject="u-1", session_id="", anonymous_subject="", source="")
    decision = show(client, "u-1")
    assert client.report(decision, "interacted", view_id="") == "applied"
    client.flush(10)
    assert client.losses == {}
    with embedded(client).store.read() as read:
        [body] = read.facts((store_bucket("default", "u-1"), "default"), "signal", "u-1")
    assert not orjson.loads(body).keys() & {"session_id", "anonymous_subject", "source"}


def test_data_may_be_nested(client):
    """As deep as the bound is."""
    client.emit("product_viewed", subject="u-1", data={"deep": deep(DATA_DEPTH_MAX - 2)})
    assert client.losses == {}


@pytest.mark.parametrize("deadline_ms", [0, -1.5, math.nan], ids=["none", "over", "no number"])
def test_a_deadline_that_is_over_is_kept(client, caplog, deadline_ms):
    """Who has no time left gets the default at once; that is no fault of anybody."""
    decision = client.decide("hero", subject="u-1", deadline_ms=deadline_ms)
    assert (decision.reason, decision.creative) == ("deadline", "plain")
    assert client.losses == {}
    assert caplog.text == ""


@pytest.mark.parametrize("view", ["v" * 129, "", 7], ids=["long", "empty", "a number"])
def test_a_view_that_is_none_is_passed_over(client, view):
    """What a page takes from its visitor and is no id keeps nobody from a decision."""
    decision = client.decide("hero", subject="u-1", context={"view_id": view})
    assert decision.reason == "bandit"
    client.flush(10)
    assert [one.id for one in client.decisions("u-1")] == [decision.id]


def test_a_decision_that_cannot_be_shown_was_never_made(client, monkeypatch):
    """Whatever keeps a decision from its caller keeps it out of memory, too."""
    with monkeypatch.context() as patch:
        patch.setattr(deciding, "present", lambda *_given, **_more: 1 / 0)
        assert client.decide("hero", subject="u-1").reason == "error"
    assert client.decisions("u-1") == []


def test_a_preview_does_not_get_what_a_person_was_shown(world):
    """Else what a preview displays would count as seen by that person (L6, F3)."""
    client = world.client(policy(slots=[slot(sticky="session")]))
    people(client, ["u-1"])
    shown = client.decide("hero", subject="u-1")
    preview = client.decide("hero", subject="u-1", traffic="preview")
    assert preview.id != shown.id
    client.report(preview, "displayed")
    client.flush(10)
    assert not sums_of(client, "plain") | sums_of(client, "fresh") | sums_of(client, "usual")
    assert client.decide("hero", subject="u-1").id == shown.id


def test_records_are_json_whatever_the_context_holds(client):
    """Half a character in the context gives a fall-back, and nothing is stored of it."""
    decision = client.decide("hero", subject="u-1", context={"locale": HALF})
    assert decision.reason == "error"
    client.flush(10)
    for body in embedded(client).store.facts_of("default", "decision"):
        orjson.loads(body)


def test_what_a_person_said_is_no_markup(world):
    """In an HTML field the template's own markup stands, and what it fills in is escaped."""
    nick = {
        "id": "nick",
        "signal": "nick_told",
        "aggregate": "last",
        "of": "data.nick",
        "purpose": "personalise",
    }
    hello = {"en": {"headline": "{{ computed.nick }}", "body": "<p>{{ computed.nick }}</p>"}}
    fields = {"headline": {"type": "text"}, "body": {"type": "html"}}
    client = world.client(
        policy(
            traits=[nick],
            slots=[slot(strategy="priority", fields=fields)],
            creatives=[creative("plain"), creative("hello", priority=1, content=hello)],
        )
    )
    people(client, ["u-1"])
    client.emit("nick_told", subject="u-1", data={"nick": "<img src=x>"})
    decision = client.decide("hero", subject="u-1")
    assert decision.content == {"headline": "<img src=x>", "body": "<p>&lt;img src=x&gt;</p>"}


@pytest.mark.parametrize("path", ["locale", "channel"])
@pytest.mark.parametrize("told", [7, True, [], ["web"], {"a": 1}], ids=repr)
def test_a_context_of_any_shape_is_decided_for(world, path, told):
    """What the request tells need not be text; then it is no locale and no channel."""
    local = creative("local", channels=["web"], content={"en": {"headline": "local"}})
    client = world.client(policy(creatives=[creative("plain"), local]))
    people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1", context={path: told})
    assert decision.reason != "error"
    assert client.losses == {}
