"""
`POST /_clew/outcomes`: what a browser says came of decisions.

    {"view": "<page view>", "outcomes": [{"token": "<of the decision>", "type": "displayed"}]}

A browser's word is taken for what was displayed, interacted with and dismissed, never for a value
(RULES K2). The body is bounded in bytes and in outcomes. One that is at fault is refused alone and
the others are taken. The id of an outcome follows from its token, view and type, so that what is
sent twice counts once.

It has to be JSON by its content type: a page elsewhere cannot send that unasked (Fetch standard,
"CORS-safelisted request-header").
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from clew.errors import TokenError
from clew.model.limits import ID_MAX
from clew_edge.pages.origin import is_same_origin
from clew_edge.pages.problems import RefusedError
from clew_edge.threads import waited

if TYPE_CHECKING:
    from clew import AsyncClient

__all__ = ["BODY_BYTES_MAX", "OUTCOMES_MAX", "TYPES", "take_outcomes"]

BODY_BYTES_MAX = 16_384
OUTCOMES_MAX = 50
#: What a browser may report.
TYPES = ("displayed", "interacted", "dismissed")

#: Tokens are at most this long (RULES K2), in characters.
_TOKEN_MAX = 160


async def take_outcomes(request: Request, client: AsyncClient) -> Response:
    """
    Report what the page tells; the answer has one status per outcome, in their order.

    Raises:
        RefusedError: the request as a whole is refused, with nothing taken.
    """
    if not is_same_origin(request.headers):
        raise RefusedError(
            HTTPStatus.FORBIDDEN, "outcomes are taken from pages of this site; send them from there"
        )
    if _media_type(request) != "application/json":
        raise RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send content-type: application/json")
    view, items = _read(await _body(request))
    # A decision of another process is looked up in the store, and the loop waits for no store.
    statuses = await waited(lambda: [_report(client, view, item) for item in items])
    return JSONResponse({"outcomes": statuses}, headers={"cache-control": "no-store"})


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(request: Request) -> bytes:
    """Read the body as far as it may go."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                raise RefusedError(
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    f"the body is over {BODY_BYTES_MAX} bytes; send fewer outcomes at once",
                )
    except ClientDisconnect:
        raise _fault("the connection ended before the body did; send it again") from None
    return bytes(body)


def _read(body: bytes) -> tuple[str, list[Any]]:
    """Take the body apart: the page view and its outcomes."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _fault(f"the body is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise _fault('the body is an object: {"view": …, "outcomes": […]}')
    view, items = document.get("view"), document.get("outcomes")
    if not isinstance(view, str) or not 1 <= len(view) <= ID_MAX:
        raise _fault(f"/view is the page view's id, text of 1 to {ID_MAX} characters")
    if not isinstance(items, list) or len(items) > OUTCOMES_MAX:
        raise _fault(f"/outcomes is a list of at most {OUTCOMES_MAX}; send others separately")
    return view, items


def _fault(detail: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, detail)


def _report(client: AsyncClient, view: str, item: Any) -> dict[str, str]:
    """Report one outcome; what became of it, and if it was refused, why."""
    fault = _fault_of(item)
    if fault is not None:
        return {"status": "refused", "detail": fault}
    token, type = item["token"], item["type"]
    try:
        status = client.report(token, type, id=_id(token, view, type), view_id=view)
    except TokenError as error:
        return {"status": "refused", "detail": str(error)}
    return {"status": status}


def _fault_of(item: Any) -> str | None:
    """Say what is wrong with an outcome; what the sender wrote is not repeated."""
    if not isinstance(item, dict):
        return 'an outcome is an object: {"token": …, "type": …}'
    if item.get("type") not in TYPES:
        return f"type is one of {', '.join(TYPES)}; others are reported by the server"
    if not isinstance(item.get("token"), str) or len(item["token"]) > _TOKEN_MAX:
        return f"token is the token of a decision, text of at most {_TOKEN_MAX} characters"
    if {"value", "currency"} & item.keys():
        return "a browser's outcome has no value; leave value and currency out"
    return None


def _id(token: str, view: str, type: str) -> str:
    return hashlib.sha256(orjson.dumps([token, view, type])).hexdigest()
