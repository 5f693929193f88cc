"""
clew in plain Starlette, without templates: a slot is an element in the page's own HTML.

Needs clew alone: `pip install '.[edge,server]'` in its folder. Then

    python starlette_plain.py          (or: uvicorn starlette_plain:app)

and http://127.0.0.1:8000 in two browsers: each that agrees is shown one of two offers, and the one
that sells is drawn more often.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from clew import AsyncClient
from clew_edge import ClewMiddleware

HERO = {"id": "hero", "strategy": "bandit", "objective": "orders", "default": "plain"}
PLAIN = "<h1>Fresh pizza</h1><p>From the oven to your door.</p>"
PAIR = "<h1>Two pizzas, one price</h1><p>Every day until six.</p>"
POLICY = {
    "id": "pizza",
    "version": "1",
    "purposes": [{"id": "personalise", "basis": "consent", "value": "offers that suit you"}],
    "objectives": [{"id": "orders", "signal": "order_placed"}],
    "slots": [{**HERO, "purpose": "personalise", "fields": {"html": {"type": "html"}}}],
    "creatives": [
        {"id": id, "version": "1", "slots": ["hero"], "content": {"en": {"html": html}}}
        for id, html in [("plain", PLAIN), ("pair", PAIR)]
    ],
}
HOME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Pizza</title></head><body>
<clew-slot name="hero">{plain}</clew-slot>
<form method="post">
<button formaction="/order">Order</button>
{button}
</form>
<p><a href="/_clew/why">Why am I seeing this?</a></p>
</body></html>"""
ALLOW = '<button formaction="/consent/grant">Personalise this page</button>'
WITHDRAW = '<button formaction="/consent/withdraw">Stop personalising</button>'

client = AsyncClient("sqlite:///starlette.db", policy=POLICY)


async def home(request: Request) -> HTMLResponse:
    """Write the page with the slot's default in it; clew fills the slot as the page goes out."""
    button = ALLOW if request.state.clew.subject is None else WITHDRAW
    return HTMLResponse(HOME.format(plain=PLAIN, button=button))


async def consent(request: Request) -> RedirectResponse:
    """Keep what the visitor allows; the cookie comes and goes with it."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise HTTPException(403)  # another site does not agree for our visitors
    choice = "grant" if request.path_params["choice"] == "grant" else "withdraw"
    await request.state.clew.consent(**{choice: ["personalise"]}, source="home_page")
    return RedirectResponse("/", 303)


async def order(request: Request) -> RedirectResponse:
    """Take the order; the signal is what the policy's objective counts."""
    if request.state.clew.subject is not None:  # nobody is known who did not agree
        request.state.clew.emit("order_placed")
    return RedirectResponse("/", 303)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Close the client with the application: what is on its way is stored by then."""
    async with client:
        yield


app = Starlette(
    routes=[
        Route("/", home),
        Route("/consent/{choice}", consent, methods=["POST"]),
        Route("/order", order, methods=["POST"]),
    ],
    # dev: a cookie for http on this machine; leave it out where there is HTTPS
    middleware=[Middleware(ClewMiddleware, client=client, identity="cookie", dev=True)],
    lifespan=lifespan,
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
