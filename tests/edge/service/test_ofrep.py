"""Decisions as evaluations of flags; no server is needed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew import Decision
from clew.model.decision import ListItem
from clew_edge.service.ofrep import EvaluationError, etag, flag, read_request

#: As `Limits.depth` of the service.
DEPTH = 32


def decision(**changes: Any) -> Decision:
    made = {
        "id": "d-1",
        "slot": "home_hero",
        "decided_at": datetime(2026, 11, 22, tzinfo=UTC),
        "reason": "bandit",
        "creative": "again",
        "propensity": 0.8,
        "policy_version": "3",
        "content": {"headline": "Again?", "discount": 5},
        "token": "t-1",
    }
    return Decision(**{**made, **changes})


def test_a_decision_is_the_evaluation_of_a_flag() -> None:
    """The content is the value, the creative the variant, and our own words are metadata."""
    assert flag(decision(), "home_hero") == {
        "key": "home_hero",
        "value": {"headline": "Again?", "discount": 5},
        "variant": "again",
        "reason": "SPLIT",
        "metadata": {
            "reason": "bandit",
            "decision": "d-1",
            "token": "t-1",
            "propensity": 0.8,
            "policy_version": "3",
        },
    }


def test_one_field_is_a_flag_of_its_own() -> None:
    """`slot.field` has the field for a value."""
    evaluation = flag(decision(), "home_hero.headline", "headline")
    assert evaluation["key"] == "home_hero.headline"
    assert evaluation["value"] == "Again?"


def test_a_field_that_a_creative_leaves_out_has_no_value() -> None:
    """Without a value the application's own default holds (OFREP, ADR 0006)."""
    assert "value" not in flag(decision(), "home_hero.image", "image")


def test_the_value_of_a_list_has_its_entries() -> None:
    """A list slot's items are in the value, in order."""
    items = (ListItem(position=0, item="hawaiian", content={"name": "Hawaiian"}, reason="pinned"),)
    value = flag(decision(content={"title": "For you"}, items=items), "menu")["value"]
    assert value["title"] == "For you"
    assert value["items"] == [
        {"position": 0, "item": "hawaiian", "content": {"name": "Hawaiian"}, "reason": "pinned"}
    ]


def test_metadata_leaves_out_what_is_not_known() -> None:
    """Metadata is text, numbers and booleans: nothing is null."""
    metadata = flag(decision(propensity=None, token=None), "home_hero")["metadata"]
    assert metadata == {"reason": "bandit", "decision": "d-1", "policy_version": "3"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("bandit", "SPLIT"),
        ("split", "SPLIT"),
        ("holdout", "SPLIT"),
        ("priority", "TARGETING_MATCH"),
        ("moment", "TARGETING_MATCH"),
        ("pinned", "TARGETING_MATCH"),
        ("override", "STATIC"),
        ("preview", "STATIC"),
        ("stale", "STALE"),
        ("consent_denied", "DEFAULT"),
        ("capped", "DEFAULT"),
        ("suppressed", "DEFAULT"),
        ("no_eligible", "DEFAULT"),
        ("default", "DEFAULT"),
    ],
)
def test_reasons_are_openfeatures(ours: Any, theirs: str) -> None:
    """Each of our reasons has one of OpenFeature's, and is told beside it."""
    evaluation = flag(decision(reason=ours), "home_hero")
    assert (evaluation["reason"], evaluation["metadata"]["reason"]) == (theirs, ours)


def test_the_context_becomes_a_decision_request() -> None:
    """The targeting key is the subject, our own words are ours, and the rest is the context."""
    context = {
        "targetingKey": "u-42",
        "anonymous_subject": "a-7",
        "session_id": "s-1",
        "request_id": "r-1",
        "traffic": "internal",
        "channel": "web",
        "plan": {"name": "gold"},
    }
    request = read_request(json.dumps({"context": context}).encode(), ["home_hero"], DEPTH)
    assert request == {
        "slots": ["home_hero"],
        "subject": "u-42",
        "anonymous_subject": "a-7",
        "session_id": "s-1",
        "request_id": "r-1",
        "traffic": "internal",
        "context": {"channel": "web", "plan": {"name": "gold"}},
    }


NESTED: Any = {}
for _ in range(DEPTH + 1):
    NESTED = {"deeper": NESTED}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "PARSE_ERROR"),
        (b"{", "PARSE_ERROR"),
        (b"[]", "PARSE_ERROR"),
        (b"{}", "TARGETING_KEY_MISSING"),
        (b'{"context": null}', "TARGETING_KEY_MISSING"),
        (b'{"context": {}}', "TARGETING_KEY_MISSING"),
        (b'{"context": {"targetingKey": ""}}', "TARGETING_KEY_MISSING"),
        (b'{"context": {"targetingKey": null}}', "TARGETING_KEY_MISSING"),
        (b'{"context": "u-42"}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": ["u-42"]}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "%s"}}' % (b"u" * 129), "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "u", "traffic": "ghost"}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "u", "session_id": 7}}', "INVALID_CONTEXT"),
        (b'{"context": {"targetingKey": "u", "locale": ["en"]}}', "INVALID_CONTEXT"),
        (json.dumps({"context": {"targetingKey": "u", "x": NESTED}}).encode(), "INVALID_CONTEXT"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_request_at_fault_has_its_code(body: bytes, code: str) -> None:
    """Each fault has OpenFeature's code, and details that say what to do."""
    with pytest.raises(EvaluationError) as refused:
        read_request(body, ["home_hero"], DEPTH)
    assert refused.value.status == 400
    document = refused.value.document("home_hero")
    assert (document["key"], document["errorCode"]) == ("home_hero", code)
    assert document["errorDetails"]


def test_a_fault_points_into_the_evaluations_context() -> None:
    """What we call the subject, the sender calls the targeting key."""
    with pytest.raises(EvaluationError, match="/targetingKey"):
        read_request(b'{"context": {"targetingKey": 7}}', ["home_hero"], DEPTH)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Whatever a body is, it is a request or has an error code."""
    try:
        request = read_request(body, ["home_hero"], DEPTH)
    except EvaluationError as error:
        code = error.code
    else:
        code = f"none for {request['subject']}"
    assert code.startswith(("none for ", "PARSE_ERROR", "TARGETING_KEY", "INVALID_CONTEXT"))


def test_the_etag_names_what_is_shown() -> None:
    """Another decision that shows the same has the same ETag, in quotes."""
    first = etag(None, [decision()])
    assert first == etag(None, [decision(id="d-2", propensity=0.7)])
    assert first[0] == first[-1] == '"'


@pytest.mark.parametrize(
    "changes",
    [
        {"slot": "other"},
        {"creative": "plain"},
        {"creative_version": "2"},
        {"reason": "holdout"},
        {"content": {"headline": "Once more?"}},
    ],
    ids=str,
)
def test_what_shows_another_thing_has_another_etag(changes: dict[str, Any]) -> None:
    """Whatever a client would see differently is in the ETag."""
    assert etag(None, [decision()]) != etag(None, [decision(**changes)])
