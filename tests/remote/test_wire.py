"""What is put on the wire, and what an answer means."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from clew.backends.http import reading
from clew.backends.http.transport import Response
from clew.backends.http.wire import (
    GZIP_FROM_BYTES,
    batch,
    decide_body,
    document,
    refusal,
    retry_after,
)
from clew.codec import from_json, to_json
from clew.errors import (
    BackendRejectedError,
    BackendUnavailableError,
    ConfigurationError,
    DocumentError,
)
from clew.model.batch import BatchResult
from clew.model.decision import Decision
from clew.model.request import DecisionRequest

DECISIONS = sorted((Path(__file__).parents[2] / "schemas/vectors/decision/valid").glob("*.json"))


def test_a_small_batch_goes_as_it_is():
    """Encoded items are joined, not encoded again."""
    body, headers = batch([b'{"signal":{"id":"a"}}', b'{"outcome":{"id":"b"}}'])
    assert body == b'{"items":[{"signal":{"id":"a"}},{"outcome":{"id":"b"}}]}'
    assert "Content-Encoding" not in headers


def test_a_large_batch_is_compressed():
    """From the size of a packet on, a batch is compressed, and says so."""
    item = orjson.dumps({"signal": {"id": "x" * GZIP_FROM_BYTES}})
    body, headers = batch([item])
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == b'{"items":[' + item + b"]}"
    assert len(body) < len(item)


def test_a_request_has_what_is_set():
    """What has its default is left out, and what is set reads back as it was."""
    bare = decide_body(DecisionRequest(slots=("a", "b")), None, ("b",), ())
    assert orjson.loads(bare) == {"slots": ["b"]}
    full = DecisionRequest(
        id="q-1",
        slots=("a",),
        subject="u-1",
        anonymous_subject="a-1",
        session_id="s-1",
        context={"channel": "web"},
        traffic="synthetic",
        request_id="r-1",
        deadline_ms=80.0,
    )
    assert from_json(DecisionRequest, orjson.loads(decide_body(full, "q-1", ("a",), ()))) == full


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BackendRejectedError),
        (413, BackendRejectedError),
        (415, BackendRejectedError),
        (422, BackendRejectedError),
        (401, ConfigurationError),
        (403, ConfigurationError),
        (404, BackendUnavailableError),
        (302, BackendUnavailableError),
        (429, BackendUnavailableError),
        (500, BackendUnavailableError),
        (503, BackendUnavailableError),
    ],
)
def test_a_refusal_says_whose_fault_it_is(status, error):
    """The status says whether the request, the key or the server is at fault, and what to do."""
    problem = b'{"type": "urn:clew:problem:no", "title": "no", "detail": "do this"}'
    found = refusal(Response(status, problem))
    assert type(found) is error
    assert str(status) in str(found)
    assert "do this" in str(found)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BackendUnavailableError),
        (415, BackendUnavailableError),
        (422, BackendUnavailableError),
        (401, ConfigurationError),
        (403, ConfigurationError),
        (413, BackendRejectedError),
    ],
)
@pytest.mark.parametrize("body", [b"<html>", b'{"type": "about:blank"}', b"[]"])
def test_what_is_in_between_says_nothing_of_the_request(status, error, body):
    """A proxy's word is not the server's: it may pass, but for a bound that smaller ones keep."""
    assert type(refusal(Response(status, body))) is error


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"5"])
def test_what_is_no_answer_of_ours_is_told(body):
    """An answer that is no JSON object comes from somebody in between, and may come right."""
    with pytest.raises(BackendUnavailableError, match="is this a clew server"):
        document(Response(200, body))


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (None, None),
        ("5", 5.0),
        ("0", 0.0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(given, seconds):
    """Both forms of RFC 9110, 10.2.3 are read; anything else says nothing."""
    headers = {} if given is None else {"retry-after": given}
    assert retry_after(headers, datetime(2026, 1, 1, tzinfo=UTC)) == seconds


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_read_as_the_codec_reads_it(path):
    """Read piece by piece, every decision of the contract is the same value."""
    found = orjson.loads(path.read_bytes())
    read, expected = reading.decision(found), from_json(Decision, found)
    assert read == expected
    assert to_json(read) == to_json(expected)


def test_a_newer_server_is_understood():
    """Fields that are unknown here are passed over, wherever they are (F2)."""
    found = {
        "id": "d-1",
        "slot": "hero",
        "decided_at": "2026-03-01T10:00:01Z",
        "reason": "bandit",
        "colour": "red",
        "holdout": {"id": "h", "arm": "treated", "epoch": "1", "colour": "red"},
        "explanation": {"because": ["it is new"], "colour": "red"},
    }
    read = reading.decision(found)
    assert read.holdout.id == "h"
    assert read.explanation.because == ("it is new",)


@pytest.mark.parametrize(
    "items",
    [
        pytest.param([], id="none"),
        pytest.param(
            [
                {"id": "a", "status": "applied"},
                {"id": "b", "status": "duplicate"},
                {"id": "c", "status": "late"},
            ],
            id="taken",
        ),
        pytest.param(
            [
                {"id": "a", "status": "applied"},
                {
                    "id": "b",
                    "status": "refused",
                    "cause": "schema",
                    "errors": [{"pointer": "/data", "keyword": "type", "message": "no object"}],
                },
            ],
            id="refused",
        ),
        pytest.param([{"id": "a", "status": "retry"}], id="to be sent again"),
        pytest.param([{"id": "a", "status": "applied", "node": 7}], id="of a newer server"),
    ],
)
def test_the_results_of_a_batch_are_read_as_the_codec_reads_them(items):
    """What was taken is read in short, and all else by the codec: both say the same."""
    answer = {"results": items}
    read = from_json(BatchResult, answer, keep_unknown=True)
    assert reading.results(answer) == list(read.results)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param({}, id="no results"),
        pytest.param({"results": "all"}, id="no list"),
        pytest.param({"results": [7]}, id="no object"),
        pytest.param({"results": [{"id": "a"}]}, id="no status"),
        pytest.param({"results": [{"id": 7, "status": "applied"}]}, id="no id"),
        pytest.param({"results": [{"id": "a", "status": ["applied"]}]}, id="no word"),
    ],
)
def test_what_is_no_result_of_a_batch_is_refused(answer):
    """An answer that is none of a server's says what is wrong with it."""
    with pytest.raises(DocumentError):
        reading.results(answer)
