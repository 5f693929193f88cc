"""A small request with many faults is answered in few words, whoever sends it (T24)."""

import gzip
from typing import Any

import orjson
import pytest

from clew_edge.service.cloudevents import MEDIA_TYPE
from edge.service.asking import AT, Asked, signal

#: The longest answer to what is at fault, in bytes.
BRIEF = 100_000
#: Zeros that are no entries of anything.
ZEROS = [0] * 200_000
LONG = "x" * 1_000_000
FACT = {"id": "s-1", "type": "product_viewed", "subject": "ada", "occurred_at": AT}
EVENT = {"id": "e", "source": "s", "type": "t", "subject": "ada", "specversion": "1.0"}
RECORD = {"id": "0" * 32, "slot": "hero", "decided_at": AT, "reason": "bandit"}

APPEND, DECIDE, BATCH = "/clew/v1/append", "/clew/v1/decide", "/v1/batch"


def ask(
    here: Asked, path: str, document: Any, key: str = "clew_admin", media: str = "application/json"
) -> Any:
    """Send a document as gzip."""
    headers = {"content-encoding": "gzip", "content-type": media}
    body = gzip.compress(orjson.dumps(document), 1)
    return here.ask("POST", path, body, key=key, headers=headers)


@pytest.mark.parametrize(
    ("path", "document", "status"),
    [
        pytest.param(BATCH, {"batch": ZEROS}, 413, id="segment"),
        pytest.param(APPEND, {"items": ZEROS}, 413, id="items"),
        pytest.param(APPEND, {"items": [signal("s", purposes=ZEROS)]}, 200, id="purposes"),
        pytest.param(APPEND, {"items": [signal("s", purposes=[0] * 99)] * 500}, 200, id="each"),
        pytest.param(
            APPEND, {"items": [{"decision": {**RECORD, "draws": [{}] * 9_000}}]}, 200, id="draws"
        ),
        pytest.param(
            APPEND,
            {"items": [{"decision": RECORD | {"draws": [{"features": {LONG: "x"}}]}}]},
            200,
            id="a-long-place",
        ),
        pytest.param(DECIDE, {"slots": ZEROS}, 422, id="slots"),
        pytest.param(DECIDE, {"slots": [0] * 100}, 422, id="some-slots"),
        pytest.param(DECIDE, {"slots": ["hero"], "signals": ZEROS}, 413, id="signals"),
        pytest.param(
            DECIDE,
            {"slots": ["hero"], "signals": [{**FACT, "purposes": [0] * 99}] * 500},
            422,
            id="purposes-of-signals",
        ),
    ],
)
def test_many_faults_in_few_words(here: Asked, path: str, document: Any, status: int) -> None:
    """As many faults as fit in a body are not all sought and told."""
    answer = ask(here, path, document)
    assert answer.status == status
    assert len(answer.body) < BRIEF


def test_each_item_says_a_fault_of_it(here: Asked) -> None:
    """However many are at fault, each says its first fault, and the first ones all of theirs."""
    items = [signal(f"s-{number}", purposes=[0] * 9) for number in range(500)]
    results = ask(here, APPEND, {"items": items}).json["results"]
    counts = [len(one["errors"]) for one in results]
    assert counts[0] == 9
    assert min(counts) == 1
    assert all(one["errors"][0]["pointer"] == "/signal/purposes/0" for one in results)


def test_that_there_are_more_is_said(here: Asked) -> None:
    """What is told ends by saying that it is not all."""
    [result] = ask(here, APPEND, {"items": [signal("s-1", purposes=[0] * 99)]}).json["results"]
    assert [one["keyword"] for one in result["errors"]] == ["type"] * 20 + ["faults"]
    answer = ask(here, DECIDE, {"slots": [0] * 99}).json
    assert "over 20 faults" in answer["detail"]
    assert answer["errors"][-1]["keyword"] == "faults"


@pytest.mark.parametrize("field", [*FACT, "channel", "party", "traffic", "basis", "purposes"])
def test_a_long_text_is_not_repeated(here: Asked, field: str) -> None:
    """A refusal does not say what was sent in full."""
    answer = ask(here, APPEND, {"items": [{"signal": {**FACT, field: LONG}}]})
    assert answer.results == [("refused", "schema")]
    assert len(answer.body) < BRIEF


@pytest.mark.parametrize("field", ["type", "subject", "time", "channel", "party", "traffic"])
def test_a_long_text_of_an_event_is_not_repeated(here: Asked, field: str) -> None:
    """Neither does that of a CloudEvent."""
    answer = ask(here, APPEND, [{**EVENT, field: LONG}], media=MEDIA_TYPE)
    assert answer.results == [("refused", "schema")]
    assert len(answer.body) < BRIEF


@pytest.mark.parametrize("kind", ["signal", "consent", "identity", "decision"])
def test_what_a_browser_may_not_bring_is_not_looked_at(here: Asked, kind: str) -> None:
    """A key that may not bring a fact at all is told so, not what else is wrong with it."""
    answer = ask(here, APPEND, {"items": [{kind: {"purposes": ZEROS}}]}, key="clew_browser")
    assert answer.results == [("refused", "scope")]


def test_signals_are_permitted_before_they_are_read(here: Asked) -> None:
    """A key that may only decide is told so, whatever its signals are."""
    answer = ask(here, DECIDE, {"slots": ["hero"], "signals": [0]}, key="clew_decide")
    assert answer.status == 403


def test_a_batch_as_large_as_segments(here: Asked) -> None:
    """A batch has as many messages as Segment takes, and one more is refused with what to do."""
    assert ask(here, BATCH, {"batch": [0] * 2_500}).status == 200
    answer = ask(here, BATCH, {"batch": [0] * 2_501})
    assert (answer.status, answer.json["code"]) == (413, "batch")
    assert "send several" in answer.json["message"]
