"""What clew serves itself, below `/_clew/`: the table of its routes, and who answers each."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from clew.errors import BackendError
from clew_edge.pages.beacon import serve_beacon
from clew_edge.pages.measurements import show_measurements
from clew_edge.pages.outcomes import take_outcomes
from clew_edge.pages.problems import RefusedError, problem
from clew_edge.pages.why import show_why

if TYPE_CHECKING:
    from clew import AsyncClient, AsyncVisitor

__all__ = ["respond"]

_READ = ("GET", "HEAD")
_METHODS = {"beacon.js": _READ, "outcomes": ("POST",), "why": _READ, "measure": _READ}


async def respond(
    route: str,
    connection: Request,
    client: AsyncClient,
    visitor: AsyncVisitor,
    *,
    measure_page: bool,
) -> Response:
    """
    Answer a request below `/_clew/`; what cannot be answered is a problem document.

    Args:
        route: the path behind `/_clew/`.
        visitor: who asks.
        measure_page: whether the page of measurements is served at all.
    """
    try:
        _check(route, connection.method, measure_page=measure_page)
        match route:
            case "beacon.js":
                return await serve_beacon(connection)
            case "outcomes":
                return await take_outcomes(connection, client)
            case "why":
                return await show_why(connection, client, visitor)
            case _:
                return await show_measurements(client)
    except RefusedError as refused:
        return problem(refused)
    except BackendError:
        return problem(
            RefusedError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "the store does not answer; try again in a moment",
                headers={"retry-after": "5"},
            )
        )


def _check(route: str, method: str, *, measure_page: bool) -> None:
    methods = _METHODS.get(route)
    if methods is None or (route == "measure" and not measure_page):
        raise RefusedError(HTTPStatus.NOT_FOUND, "there is nothing here; check the address")
    if method not in methods:
        raise RefusedError(
            HTTPStatus.METHOD_NOT_ALLOWED,
            f"this address takes {' and '.join(methods)} only",
            headers={"allow": ", ".join(methods)},
        )
