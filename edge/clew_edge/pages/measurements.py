"""`GET /_clew/measure`: the lift as it stands, drawn anew every few seconds, for its operators."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, Response

from clew.errors import ConfigurationError
from clew_edge.pages.problems import RefusedError

if TYPE_CHECKING:
    from clew import AsyncClient

__all__ = ["show_measurements"]

#: How many instants the pictures show.
_LOOKS = 60
_HEADERS = {
    "cache-control": "private, no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    # How long a browser shows it before it asks again, in seconds.
    "refresh": "5",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}


async def show_measurements(client: AsyncClient) -> Response:
    """
    Draw the page; on a thread, since pictures take their time.

    Raises:
        RefusedError: what draws the pictures is not installed.
    """
    from clew import measurement_page

    found = await client.measure(looks=_LOOKS)
    try:
        page = await run_in_threadpool(measurement_page, found)
    except ConfigurationError as error:
        raise RefusedError(HTTPStatus.NOT_IMPLEMENTED, str(error)) from error
    return HTMLResponse(page, headers=_HEADERS)
