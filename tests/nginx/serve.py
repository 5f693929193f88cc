"""
A shop behind the shared cache: `python -m nginx.serve`.

Below `/clew` pages are filled by the middleware; below `/own` an application names its visitor by
itself. All of them are offered to every cache there is.
"""

import logging

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route

from clew import Client
from clew_edge import ClewMiddleware
from client.worlds import creative, policy, slot
from edge.http.serve import run
from edge.worlds import allow, shop_client
from nginx.visitors import VISITORS

CACHEABLE = {
    "cache-control": "public, max-age=600, s-maxage=600",
    "expires": "Thu, 31 Dec 2037 23:55:55 GMT",
    "etag": '"1"',
    "last-modified": "Sat, 21 Nov 2026 00:00:00 GMT",
    "x-accel-expires": "600",
}


async def page(request: Request) -> Response:
    """A page with a slot; `x-fail` has it fail."""
    status = 500 if "x-fail" in request.headers else 200
    body = '<!doctype html><clew-slot name="hero">default</clew-slot>'
    return HTMLResponse(body, status, headers=CACHEABLE)


async def own_page(request: Request) -> Response:
    """What the middleware is there to prevent: one visitor's page for everybody."""
    status = 500 if "x-fail" in request.headers else 200
    body = f"<!doctype html><b>{_who(request)} is {_mood(request)}</b>"
    return HTMLResponse(body, status, headers=CACHEABLE)


async def style(request: Request) -> Response:
    """What caches are for."""
    return Response("p{}", media_type="text/css", headers=CACHEABLE)


def _who(request: Request) -> str | None:
    return request.cookies.get("who")


def _mood(request: Request) -> str:
    return request.headers.get("x-mood", "calm")


def shop(client: Client) -> Starlette:
    """Both applications, and a style sheet below the middleware."""
    filled = ClewMiddleware(
        Starlette(routes=[Route("/style.css", style), Route("/{page}", page)]),
        client=client,
        subject=_who,
        context=lambda request: {"who": _who(request), "mood": _mood(request)},
        traffic=lambda request: "human",
        deadline_ms=120_000,
    )
    return Starlette(routes=[Mount("/clew", filled), Route("/own/{page}", own_page)])


def main() -> None:
    """Serve the shop, all of whose visitors allow personalising."""
    logging.basicConfig(level=logging.WARNING)
    html = '<b>{{ context.who | default: "nobody" }} is {{ context.mood | default: "calm" }}</b>'
    hero = slot("hero", "priority", fields={"html": {"type": "html"}})
    document = policy(slots=[hero], creatives=[creative("plain", content={"en": {"html": html}})])
    with shop_client(document) as client:
        for visitor in VISITORS:
            allow(client, visitor)
        run(shop(client), "httptools")


if __name__ == "__main__":
    main()
