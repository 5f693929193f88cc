"""OFREP's routes, asked as a provider of OpenFeature asks."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.service.asking import Answer, Asked, outcome
from edge.service.bridging import facts, shop_opened, store_of

FLAGS = "/ofrep/v1/evaluate/flags"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Asked]:
    """The shop."""
    with shop_opened(tmp_path) as here:
        yield here


def evaluate(here: Asked, path: str = "", known: str = "", **context: Any) -> Answer:
    """Ask for a flag, or without a path for all; perhaps with the ETag that is known."""
    said = {"targetingKey": "u-42", "session_id": "s-1", **context}
    headers = {"if-none-match": known} if known else {}
    body = {"context": said}
    return here.ask("POST", f"{FLAGS}{path}", body, key="clew_decide", headers=headers)


def test_a_slot_is_a_flag(here: Asked) -> None:
    """The content is the value, the creative the variant."""
    answer = evaluate(here, "/hero", mood="loud")
    assert answer.status == 200
    flag = answer.json
    assert (flag["key"], flag["variant"]) == ("hero", "loud")
    assert flag["value"] == {"headline": "loud"}
    assert flag["reason"] == "TARGETING_MATCH"
    assert flag["metadata"]["reason"] == "priority"
    assert flag["metadata"]["propensity"] == 1.0


def test_a_field_is_a_flag(here: Asked) -> None:
    """`slot.field` has text for a value, and none where the creative has no such field."""
    assert evaluate(here, "/hero.headline").json["value"] == "Fresh pizza"
    image = evaluate(here, "/hero.image")
    assert image.status == 200
    assert "value" not in image.json


def test_an_evaluation_is_recorded_and_its_token_reports(here: Asked) -> None:
    """The decision is stored, and what came of it is reported by the token in the metadata."""
    metadata = evaluate(here, "/hero").json["metadata"]
    ((status, _),) = here.append(outcome("o-1", token=metadata["token"]))
    assert status == "applied"
    here.tenant.client.flush()
    (decision,) = facts(store_of(here), "decision")
    assert (decision["id"], decision["subject"]) == (metadata["decision"], "u-42")


@pytest.mark.parametrize("key", ["nowhere", "nowhere.headline", "hero.nothing", "hero.", ""])
def test_what_is_no_slot_is_not_found(here: Asked, key: str) -> None:
    """A key that means no slot and no field of one is not found, and nothing is decided."""
    answer = evaluate(here, f"/{key}")
    assert answer.status == 404
    assert answer.json["key"] == key
    assert answer.json["errorCode"] == "FLAG_NOT_FOUND"
    assert answer.json["errorDetails"]


@pytest.mark.parametrize("path", ["", "/hero"], ids=["all", "one"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "PARSE_ERROR"),
        (b"{}", "TARGETING_KEY_MISSING"),
        (b'{"context": []}', "TARGETING_KEY_MISSING"),
        (b'{"context": "u-42"}', "INVALID_CONTEXT"),
    ],
)
def test_a_request_at_fault_is_400(here: Asked, path: str, body: bytes, code: str) -> None:
    """The error code is OpenFeature's; that of one flag names it."""
    answer = here.ask("POST", f"{FLAGS}{path}", body)
    assert answer.status == 400
    assert answer.json["errorCode"] == code
    assert answer.json.get("key") == ("hero" if path else None)


def test_all_slots_are_evaluated_at_once(here: Asked) -> None:
    """The bulk answer has every slot of the policy."""
    flags = evaluate(here).json["flags"]
    assert {flag["key"]: flag["variant"] for flag in flags} == {"hero": "plain", "side": "calm"}


def test_what_has_not_changed_is_not_sent_again(here: Asked) -> None:
    """The ETag of an answer that would be the same gives 304 without a body."""
    tag = evaluate(here).headers["etag"]
    for known in (tag, f'"other", W/{tag}'):
        again = evaluate(here, known=known)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == tag


def test_what_has_changed_is_sent(here: Asked) -> None:
    """Where the request tells something else and another creative is chosen, there is an answer."""
    tag = evaluate(here).headers["etag"]
    again = evaluate(here, known=tag, mood="loud")
    assert (again.status, len(again.json["flags"])) == (200, 2)
    assert again.headers["etag"] != tag


def test_decisions_that_nobody_is_told_of_are_voided(here: Asked) -> None:
    """Behind a 304 what was drawn anew is voided, and what stood is not (D8)."""
    first = evaluate(here, mood="loud")
    assert evaluate(here, known=first.headers["etag"], mood="loud").status == 304
    here.tenant.client.flush()
    told = {flag["metadata"]["decision"] for flag in first.json["flags"]}
    made = {str(fact["id"]) for fact in facts(store_of(here), "decision")}
    voided = {str(fact["decision"]) for fact in facts(store_of(here), "outcome")}
    # `hero` is sticky; that nothing was eligible in `side` is found anew each time.
    assert len(made) == 3
    assert voided == made - told


@pytest.mark.parametrize("path", ["", "/hero"], ids=["all", "one"])
@pytest.mark.parametrize(("key", "status"), [(None, 401), ("clew_append", 403)])
def test_a_key_is_needed(here: Asked, path: str, key: str | None, status: int) -> None:
    """Without a key that may decide nothing is decided."""
    answer = here.ask("POST", f"{FLAGS}{path}", {"context": {"targetingKey": "u-42"}}, key=key)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
