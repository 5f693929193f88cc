"""What a browser may report, and that nothing else it sends does harm."""

import asyncio
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from clew_edge.pages import respond
from clew_edge.pages.outcomes import BODY_BYTES_MAX, OUTCOMES_MAX
from client.worlds import sums_of


def displayed(token, type="displayed", **more):
    """One outcome as the beacon writes it."""
    return {"token": token, "type": type, **more}


def statuses(answer):
    """The status of each outcome."""
    assert answer.status_code == 200, answer.text
    return [one["status"] for one in answer.json()["outcomes"]]


def test_a_display_is_learned_from_once(site):
    """The same display of the same view is a duplicate, however often it arrives (L2, M2)."""
    decision = site.decide()
    answer = site.report(displayed(decision.token))
    assert statuses(answer) == ["applied"]
    assert answer.headers["cache-control"] == "no-store"
    learned = sums_of(site.client._client, decision.creative)
    assert learned
    assert statuses(site.report(displayed(decision.token))) == ["duplicate"]
    assert statuses(site.report(displayed(decision.token), view="v-2")) == ["applied"]
    assert sums_of(site.client._client, decision.creative) == learned


def test_each_outcome_has_its_own_status(site):
    """Those at fault are refused alone, each with what to do; the others are taken."""
    token = site.decide().token
    answer = site.report(
        displayed(token),
        displayed(token, "interacted"),
        displayed(token, "dismissed"),
        displayed(token),
        displayed("forged.6fffffff.signature"),
        displayed(token, "converted"),
    )
    assert statuses(answer) == [*["applied"] * 3, "duplicate", "refused", "refused"]
    *taken, forged, converted = answer.json()["outcomes"]
    assert all("detail" not in one for one in taken)
    assert "signature" in forged["detail"]
    assert "displayed, interacted, dismissed" in converted["detail"]


def test_the_end_of_a_token_is_said(site):
    """A genuine token that has expired is late."""
    token = site.decide().token
    site.clock.move(days=400)
    assert statuses(site.report(displayed(token))) == ["late"]


@pytest.mark.parametrize("type", ["converted", "sent", "overridden", "voided", "", None, 1, []])
def test_other_types_are_not_for_browsers(site, type):
    """Only what a browser can see is taken from it (K2)."""
    token = site.decide().token
    assert statuses(site.report({"token": token, "type": type})) == ["refused"]
    assert statuses(site.report(displayed(token))) == ["applied"]


@pytest.mark.parametrize("more", [{"value": 100}, {"value": None}, {"currency": "EUR"}])
def test_a_browser_reports_no_value(site, more):
    """An outcome with a value is refused, not taken without it (K2)."""
    token = site.decide().token
    assert statuses(site.report(displayed(token, **more))) == ["refused"]
    assert statuses(site.report(displayed(token))) == ["applied"]


def test_words_that_are_not_known_yet_are_passed_over(site):
    """A newer script may say more than this server knows (F2)."""
    token = site.decide().token
    assert statuses(site.report(displayed(token, since="0.4 s"))) == ["applied"]


@pytest.mark.parametrize("item", [None, 1, "displayed", [], {}, {"type": "displayed", "token": 1}])
def test_what_is_no_outcome_is_refused(site, item):
    """A wrong shape is refused alone."""
    token = site.decide().token
    assert statuses(site.report(item, displayed(token))) == ["refused", "applied"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b"", "no JSON", id="empty"),
        pytest.param(b"\xff", "no JSON", id="no text"),
        pytest.param(b"[" * 5_000, "no JSON", id="deep"),
        pytest.param(b'{"view": NaN}', "no JSON", id="no number"),
        pytest.param(b"[]", "is an object", id="a list"),
        pytest.param(b'{"outcomes": []}', "/view", id="no view"),
        pytest.param(b'{"view": "", "outcomes": []}', "/view", id="empty view"),
        pytest.param(b'{"view": 7, "outcomes": []}', "/view", id="view a number"),
        pytest.param(orjson.dumps({"view": "v" * 129}), "/view", id="view too long"),
        pytest.param(b'{"view": "v"}', "/outcomes", id="no outcomes"),
        pytest.param(b'{"view": "v", "outcomes": {}}', "/outcomes", id="outcomes an object"),
        pytest.param(
            orjson.dumps({"view": "v", "outcomes": [None] * (OUTCOMES_MAX + 1)}),
            "at most 50",
            id="too many",
        ),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(site, body, said):
    """400 says what is wrong and where."""
    answer = site.ask(
        "POST", "outcomes", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400
    assert said in answer.json()["detail"]


def test_as_many_as_may_come_are_taken(site):
    """Fifty outcomes in one request fit."""
    token = site.decide().token
    assert set(statuses(site.report(*[displayed(token)] * OUTCOMES_MAX))) == {
        "applied",
        "duplicate",
    }


def test_no_more_is_read_than_is_allowed(site):
    """A body without end is refused as soon as it is too long (413)."""
    read = 0

    async def endless():
        nonlocal read
        read += 1
        return {"type": "http.request", "body": b" " * 1_000, "more_body": True}

    async def asked():
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/_clew/outcomes",
            "headers": [(b"content-type", b"application/json")],
        }
        visitor = site.client.visitor("u-1")
        return await respond(
            "outcomes", Request(scope, endless), site.client, visitor, measure_page=False
        )

    assert asyncio.run(asked()).status_code == 413
    assert read == BODY_BYTES_MAX // 1_000 + 1


def test_a_reader_who_leaves_is_no_fault_of_the_server(site):
    """A connection that ends within the body ends the request quietly."""

    async def gone():
        return {"type": "http.disconnect"}

    async def asked():
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/_clew/outcomes",
            "headers": [(b"content-type", b"application/json")],
        }
        visitor = site.client.visitor("u-1")
        return await respond(
            "outcomes", Request(scope, gone), site.client, visitor, measure_page=False
        )

    assert asyncio.run(asked()).status_code == 400


@pytest.mark.parametrize(
    "headers",
    [{"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"origin": "https://evil"}],
)
def test_other_sites_report_nothing(site, headers):
    """A page elsewhere is refused, whatever it knows."""
    token = site.decide().token
    assert site.report(displayed(token), **headers).status_code == 403
    assert statuses(site.report(displayed(token), sec_fetch_site="same-origin")) == ["applied"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_a_form_could_send_is_not_taken(site, kind):
    """Only JSON, which another site cannot send unasked, is taken (415)."""
    body = json.dumps({"view": "v", "outcomes": [displayed(site.decide().token)]})
    answer = site.ask("POST", "outcomes", content=body, headers={"content-type": kind})
    assert answer.status_code == 415


def test_the_charset_may_be_said(site):
    """`application/json; charset=utf-8` is JSON."""
    answer = site.report(content_type="Application/JSON; charset=utf-8")
    assert statuses(answer) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
WORDS = st.sampled_from(["displayed", "interacted", "dismissed", "converted"]) | JSON
ITEMS = JSON | st.fixed_dictionaries(
    {"token": st.just("TOKEN") | JSON, "type": WORDS}, optional={"value": JSON}
)
BODIES = JSON | st.fixed_dictionaries(
    {"view": st.text(max_size=140) | JSON, "outcomes": st.lists(ITEMS, max_size=4) | JSON}
)


@given(body=st.binary(max_size=200) | BODIES.map(lambda body: json.dumps(body).encode()))
def test_no_body_breaks_the_server(body, shared_site):
    """Whatever is sent, the answer is 200 or blames the sender."""
    token = shared_site.decide().token
    sent = body.replace(b'"TOKEN"', orjson.dumps(token))
    answer = shared_site.ask(
        "POST", "outcomes", content=sent, headers={"content-type": "application/json"}
    )
    assert answer.status_code in {200, 400, 413}
    assert answer.json()
