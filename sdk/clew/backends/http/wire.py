"""
The wire: bodies that are sent, and what an answer's status means for whoever asked.

Refusals are problem documents (RFC 9457) whose `detail` says what to do; it is handed on. What says
no without one is not clew's server but something in between, which may pass.
"""

import gzip
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from clew.backends.http.transport import Response
from clew.errors import (
    BackendError,
    BackendRejectedError,
    BackendUnavailableError,
    ConfigurationError,
)
from clew.model.request import DecisionRequest

__all__ = [
    "GZIP_FROM_BYTES",
    "REJECTED",
    "batch",
    "decide_body",
    "document",
    "is_absent",
    "refusal",
    "retry_after",
]

#: Smaller bodies are not worth compressing: they fit into one packet.
GZIP_FROM_BYTES = 1_400

#: How the batch item of a signal begins; it ends with a brace more.
_SIGNAL = b'{"signal":'

_OK = 200
#: How the types of the server's own problems begin.
_OURS = "urn:clew:problem:"
#: There is no such thing, as the server itself says.
_ABSENT = f"{_OURS}absent"
#: Whoever has a bound on what goes through, even in between, takes smaller batches.
_TOO_LARGE = 413
#: The request is at fault and will be refused again.
REJECTED = frozenset({400, 413, 415, 422})
#: The key is at fault, and whoever runs the application can mend it.
_KEY = frozenset({401, 403})


def batch(items: Iterable[bytes]) -> tuple[bytes, dict[str, str]]:
    """Make a batch of encoded items, which are not encoded again: the body and its headers."""
    body = b'{"items":[' + b",".join(items) + b"]}"
    headers = {"Content-Type": "application/json"}
    if len(body) >= GZIP_FROM_BYTES:
        headers["Content-Encoding"] = "gzip"
        # The first level is five times as fast as the default and hardly larger.
        body = gzip.compress(body, 1, mtime=0)
    return body, headers


def decide_body(
    request: DecisionRequest, id: str | None, slots: Sequence[str], signals: Sequence[bytes]
) -> bytes:
    """
    Make the body of a decide request for some of its slots.

    Args:
        id: of what is sent, if it has one.
        signals: batch items, which are not encoded again.
    """
    document: dict[str, Any] = {
        "id": id,
        "slots": slots,
        "subject": request.subject,
        "anonymous_subject": request.anonymous_subject,
        "session_id": request.session_id,
        "context": dict(request.context) or None,
        "request_id": request.request_id,
        "deadline_ms": request.deadline_ms,
        "signals": [orjson.Fragment(item[len(_SIGNAL) : -1]) for item in signals] or None,
    }
    document = {name: value for name, value in document.items() if value is not None}
    if request.traffic != "human":
        document["traffic"] = request.traffic
    return orjson.dumps(document)


def document(response: Response) -> dict[str, Any]:
    """
    Give the JSON object of a good answer.

    Raises:
        BackendError: as `refusal` says; what is no JSON object comes from somebody in between.
    """
    if response.status != _OK:
        raise refusal(response)
    found = _loads(response.body)
    if not isinstance(found, dict):
        raise BackendUnavailableError("the answer is no JSON object: is this a clew server?")
    return found


def is_absent(response: Response) -> bool:
    """Whether the server itself says that there is no such thing; a proxy may not know of it."""
    problem = _loads(response.body)
    return isinstance(problem, dict) and problem.get("type") == _ABSENT


def refusal(response: Response) -> BackendError | ConfigurationError:
    """Say whose fault an answer is that is not good."""
    status = response.status
    problem = _loads(response.body)
    told = problem.get("detail") or problem.get("title") if isinstance(problem, dict) else None
    said = f"the server answered {status}" + (f": {told}" if told else "")
    if status in _KEY:
        return ConfigurationError(f"{said} (the key is the URL's or CLEW_KEY)")
    is_ours = isinstance(problem, dict) and str(problem.get("type")).startswith(_OURS)
    if status == _TOO_LARGE or (status in REJECTED and is_ours):
        return BackendRejectedError(said)
    return BackendUnavailableError(said, retry_after=retry_after(response.headers))


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Read how many seconds the server asks to wait: seconds or a date (RFC 9110, 10.2.3)."""
    given = headers.get("retry-after")
    if given is None:
        return None
    if given.isascii() and given.isdigit():
        return float(given)
    try:
        at = parsedate_to_datetime(given)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0.0, (at - (now or datetime.now(UTC))).total_seconds())


def _loads(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
