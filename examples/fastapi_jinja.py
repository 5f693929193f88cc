"""
clew in FastAPI: a slot in a Jinja2 template, consent, and an order to learn from.

Needs clew and FastAPI: `pip install '.[edge,server]' fastapi` in clew's folder. Then

    python fastapi_jinja.py            (or: uvicorn fastapi_jinja:app)

and http://127.0.0.1:8000 in two browsers: each that agrees is shown one of two headlines, and the
one that sells is drawn more often.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates
from jinja2 import DictLoader, Environment

from clew import Client
from clew_edge import ClewMiddleware, SlotExtension

HERO = {"id": "hero", "strategy": "bandit", "objective": "orders", "default": "plain"}
POLICY = {
    "id": "pizza",
    "version": "1",
    "purposes": [{"id": "personalise", "basis": "consent", "value": "offers that suit you"}],
    "objectives": [{"id": "orders", "signal": "order_placed"}],
    "slots": [{**HERO, "purpose": "personalise"}],
    "creatives": [
        {"id": id, "version": "1", "slots": ["hero"], "content": {"en": {"headline": text}}}
        for id, text in [("plain", "Fresh pizza"), ("pair", "Two pizzas, one price")]
    ],
}
HOME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Pizza</title></head><body>
{% slot "hero" as hero %}<h1>{{ hero.headline | default("Fresh pizza") }}</h1>{% endslot %}
<form method="post">
<button formaction="/order">Order</button>
{% if known %}<button formaction="/consent/withdraw">Stop personalising</button>
{% else %}<button formaction="/consent/grant">Personalise this page</button>{% endif %}
</form>
<p><a href="/_clew/why">Why am I seeing this?</a></p>
</body></html>"""

client = Client("sqlite:///fastapi.db", policy=POLICY)
env = Environment(
    loader=DictLoader({"home.html": HOME}), autoescape=True, extensions=[SlotExtension]
)
pages = Jinja2Templates(env=env)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Close the client with the application: what is on its way is stored by then."""
    with client:
        yield


app = FastAPI(lifespan=lifespan)
# dev: a cookie for http on this machine; leave it out where there is HTTPS
app.add_middleware(ClewMiddleware, client=client, identity="cookie", dev=True)


@app.get("/")
def home(request: Request) -> HTMLResponse:
    """Render the page; the slot is filled as it goes out."""
    known = request.state.clew.subject is not None
    return pages.TemplateResponse(request, "home.html", {"known": known})


@app.post("/consent/{choice}")
def consent(request: Request, choice: Literal["grant", "withdraw"]) -> RedirectResponse:
    """Keep what the visitor allows; the cookie comes and goes with it."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise HTTPException(403)  # another site does not agree for our visitors
    request.state.clew.consent(**{choice: ["personalise"]}, source="home_page")
    return RedirectResponse("/", 303)


@app.post("/order")
def order(request: Request) -> RedirectResponse:
    """Take the order; the signal is what the policy's objective counts."""
    if request.state.clew.subject is not None:  # nobody is known who did not agree
        request.state.clew.emit("order_placed")
    return RedirectResponse("/", 303)


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8000")))
