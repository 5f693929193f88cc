"""`POST /clew/v1/append`: each fact has its result, and what is acknowledged is durable."""

import gzip
import time
from typing import Any

import orjson
import pytest

from clew.clock import to_text
from clew.engine.bucketing import store_bucket
from clew.ids import mint
from edge.service.asking import AT, Asked, consent, opened, outcome, signal

LINK = {
    "identity": {
        "id": "i-1",
        "operation": "link",
        "anonymous_subject": "a-1",
        "subject": "ada",
        "occurred_at": AT,
    }
}


def record(id: str, **more: Any) -> dict[str, Any]:
    """The record of a decision."""
    return {"decision": {"id": id, "slot": "hero", "decided_at": AT, "reason": "bandit", **more}}


def profile(here: Asked, subject: str = "ada") -> Any:
    """What is known of a person."""
    return here.ask("GET", f"/clew/v1/subjects/{subject}").json


def test_each_fact_has_its_result(here: Asked) -> None:
    """A fact is applied once, then a duplicate; results stand in the batch's order (W2.10)."""
    assert here.append(consent(), signal("s-1"), signal("s-1")) == [
        ("applied", None),
        ("applied", None),
        ("duplicate", None),
    ]
    assert here.append(signal("s-1")) == [("duplicate", None)]
    assert profile(here)["computed"]["views"] == 1


def test_one_fault_fails_no_other(here: Asked) -> None:
    """A fact at fault is refused alone, and every fault of it has its place (W1.11)."""
    answer = here.ask(
        "POST",
        "/clew/v1/append",
        {"items": [consent(), {"signal": {"id": "s-1", "type": "1x", "subject": "ada"}}, 7]},
    )
    first, second, third = answer.json["results"]
    assert first == {"id": "c-ada", "status": "applied"}
    assert (second["id"], second["status"], second["cause"]) == ("s-1", "refused", "schema")
    assert {one["pointer"] for one in second["errors"]} == {"/signal", "/signal/type"}
    assert third["status"] == "refused"


def test_without_a_basis_nothing_is_stored(here: Asked) -> None:
    """A signal that no purpose permits is refused, and says that a consent is needed (F5)."""
    assert here.append(signal("s-1")) == [("refused", "no_basis")]


def test_fields_of_a_newer_client_are_kept(here: Asked) -> None:
    """An unknown field is kept and a null is absent; the fact is not lost (F2)."""
    new = signal("s-1", loudness=3, department=None)
    assert here.append(consent(), new) == [("applied", None)] * 2
    stored = here.stored("signal")[0]
    assert stored["ext"] == {"loudness": 3}
    assert "department" not in stored


def test_what_the_backend_says_nobody_else_says(here: Asked) -> None:
    """Purposes, ground and time of receipt in a payload count for nothing (W2.3)."""
    forged = {"purposes": ["ads"], "basis": "contract", "received_at": "2001-01-01T00:00:00Z"}
    assert here.append(consent(), signal("s-1", **forged)) == [("applied", None)] * 2
    stored = here.stored("signal")[0]
    assert (stored["purposes"], stored["basis"]) == (["personalise"], "consent")
    assert not stored["received_at"].startswith("2001")


def _dated(item: dict[str, Any], seconds: float) -> dict[str, Any]:
    """The same, said to be so many seconds ahead of now."""
    ((kind, fact),) = item.items()
    return {kind: {**fact, "occurred_at": to_text(time.time() + seconds)}}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        pytest.param(signal("s-1"), ("refused", "schema"), id="signal"),
        pytest.param(outcome("o-1", decision="d-1"), ("refused", "schema"), id="outcome"),
        pytest.param(LINK, ("refused", "schema"), id="identity"),
        pytest.param(consent(id="c-2"), ("applied", None), id="consent: it holds from now on"),
    ],
)
def test_what_lies_ahead_is_refused(
    here: Asked, item: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    """A fact from a clock that is far ahead is refused with its place (W1.11); the others stay."""
    answer = here.ask(
        "POST", "/clew/v1/append", {"items": [consent(), signal("s-0"), _dated(item, 86_400)]}
    )
    assert answer.results == [("applied", None), ("applied", None), expected]
    for error in answer.json["results"][2].get("errors", ()):
        assert (error["pointer"], error["keyword"]) == (
            f"/{next(iter(item))}/occurred_at",
            "future",
        )
        assert "check the sender's clock" in error["message"]
    assert profile(here)["computed"]["views"] == 1


def test_clocks_differ_a_little(here: Asked) -> None:
    """A minute ahead is no fault."""
    assert here.append(consent(), _dated(signal("s-1"), 60)) == [("applied", None)] * 2


def test_a_compressed_batch(here: Asked) -> None:
    """A batch may be gzip, also of several members (RFC 1952)."""
    body = orjson.dumps({"items": [consent(), signal("s-1")]})
    packed = gzip.compress(body[:20]) + gzip.compress(body[20:])
    answer = here.ask("POST", "/clew/v1/append", packed, headers={"content-encoding": "gzip"})
    assert answer.results == [("applied", None)] * 2


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        pytest.param(b"", 400, "no JSON", id="nothing"),
        pytest.param(b"{", 400, "no JSON", id="not-json"),
        pytest.param(b'{"items":[{"signal":{"data":{"x":NaN}}}]}', 400, "no JSON", id="nan"),
        pytest.param(b"[]", 422, "batch", id="a-list"),
        pytest.param(b'{"items":[]}', 422, "empty", id="no-items"),
        pytest.param(b'{"items":null}', 422, "batch", id="items-null"),
        pytest.param(b'{"items":{"a":1}}', 422, "list", id="items-an-object"),
        pytest.param(b'{"items":[' + b"1," * 500 + b"1]}", 413, "500", id="501-items"),
        pytest.param(b'{"items":[' + b"[" * 40 + b"]" * 40 + b"]}", 400, "32", id="too-deep"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, 400, "", id="100k-deep"),
        pytest.param(b" " * 1_048_577, 413, "1048576", id="too-large"),
    ],
)
def test_a_body_at_fault(here: Asked, body: bytes, status: int, word: str) -> None:
    """A body that is no batch is refused as a whole, with a document that says why (T24)."""
    answer = here.ask("POST", "/clew/v1/append", body)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json["detail"]


def test_an_instant_that_no_calendar_has(here: Asked) -> None:
    """What is spelled as an instant and is none is refused, not stored."""
    leap = signal("s-1")
    leap["signal"]["occurred_at"] = "2026-02-30T10:00:00Z"
    assert here.append(consent(), leap) == [("applied", None), ("refused", "schema")]


def test_a_decision_from_outside_needs_admin(here: Asked) -> None:
    """Records of decisions are made by whoever decides: an application cannot write one."""
    assert here.append(record(mint(0.0, 7))) == [("refused", "scope")]
    assert here.append(record(mint(0.0, 7)), key="clew_admin") == [("applied", None)]


@pytest.mark.parametrize("id", ["d-1", "x" * 32, f"{2**128 - 1:x}"], ids=["short", "no hex", "far"])
def test_a_decision_is_stored_under_an_id_that_says_where(here: Asked, id: str) -> None:
    """Its outcomes, which have no more than its id, would wait for another for ever."""
    answer = here.ask("POST", "/clew/v1/append", {"items": [record(id)]}, key="clew_admin")
    assert answer.results == [("refused", "schema")]
    assert answer.json["results"][0]["errors"][0]["pointer"] == "/id"


def test_a_decision_from_outside_meets_its_outcomes(here: Asked) -> None:
    """The record of another server is found by its id, and what came of it counts (D7)."""
    id = mint(time.time(), store_bucket("shop", "ada"))
    whole = record(id, subject="ada", policy_id="shop", policy_version="1")
    assert here.append(consent(), whole, key="clew_admin") == [("applied", None)] * 2
    assert here.ask("GET", f"/clew/v1/decisions/{id}").json["id"] == id
    assert here.append(outcome("o-1", decision=id)) == [("applied", None)]


def test_an_outcome_by_token(here: Asked) -> None:
    """An outcome names its decision by its token, which may be told again without effect."""
    here.append(consent())
    token = here.decide()["token"]
    here.tenant.client.flush()
    assert here.append(outcome("o-1", token=token)) == [("applied", None)]
    assert here.append(outcome("o-1", token=token)) == [("duplicate", None)]


def test_an_outcome_before_its_decision(here: Asked) -> None:
    """An outcome whose decision is still on its way waits for it, and counts then (D7)."""
    here.append(consent())
    made = here.decide()
    [(status, _)] = here.append(outcome("o-1", token=made["token"]))
    assert status == "applied"
    here.tenant.client.flush()
    assert here.append(outcome("o-1", token=made["token"])) == [("duplicate", None)]


def test_a_token_of_another_decision(here: Asked) -> None:
    """A token that proves another decision than the outcome names is refused."""
    here.append(consent())
    said = outcome("o-1", token=here.decide()["token"], decision="d-1")
    assert here.append(said) == [("refused", "token")]


def test_restarted_it_knows_what_it_acknowledged(tmp_path: Any) -> None:
    """What was acknowledged is there after the end of the service, decisions included."""
    with opened(tmp_path) as here:
        here.append(consent(), signal("s-1"))
        made = here.decide()
    with opened(tmp_path) as here:
        assert here.append(signal("s-1")) == [("duplicate", None)]
        assert here.ask("GET", f"/clew/v1/decisions/{made['id']}").json["slot"] == "hero"
