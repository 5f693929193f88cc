"""
Payments that Stripe reports become conversions: clew behind a webhook, in Starlette.

Needs `pip install '.[edge,server]'` in clew's folder. `python stripe_webhook.py` plays a payment to
itself; `uvicorn stripe_webhook:app` waits for Stripe, with STRIPE_WEBHOOK_SECRET set to the
endpoint's secret. It does not start without: anybody could sign with a secret that stands here. The
checkout session carries the subject: create it with `client_reference_id=subject`.

Stripe repeats an event until it is answered with 2xx, and sometimes after. An emitted fact is on
disk when `emit` returns, so the answer may be given at once; the event's id is the fact's, so what
is repeated counts once.
"""

import asyncio
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from clew import AsyncClient

SECRET = os.environ.get("STRIPE_WEBHOOK_SECRET", "").encode()
if not SECRET:
    if __name__ != "__main__":
        sys.exit("set STRIPE_WEBHOOK_SECRET to the endpoint's signing secret (Stripe shows it)")
    SECRET = b"whsec_of_this_play"
TOLERANCE_SECONDS = 300.0
POLICY = {
    "id": "pizza",
    "version": "1",
    "purposes": [{"id": "personalise", "basis": "consent"}],
    "objectives": [{"id": "orders", "signal": "order_paid", "currency": "EUR"}],
    "slots": [
        {
            "id": "hero",
            "strategy": "bandit",
            "objective": "orders",
            "default": "plain",
            "purpose": "personalise",
        }
    ],
    "creatives": [
        {"id": id, "version": "1", "slots": ["hero"], "content": {"en": {"headline": text}}}
        for id, text in [("plain", "Fresh pizza"), ("pair", "Two pizzas, one price")]
    ],
}


def is_signed(body: bytes, header: str, now: float) -> bool:
    """Check `Stripe-Signature: t=…,v1=…` as https://docs.stripe.com/webhooks/signature says."""
    parts = [part.partition("=") for part in header.split(",")]
    sent_at = next((value for name, _, value in parts if name == "t"), "")
    if not sent_at.isdigit() or abs(now - int(sent_at)) > TOLERANCE_SECONDS:
        return False
    expected = hmac.new(SECRET, sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
    given = [value for name, _, value in parts if name == "v1"]
    return any(hmac.compare_digest(expected.encode(), each.encode()) for each in given)


async def webhook(request: Request) -> PlainTextResponse:
    """Take one event; what is not signed is refused, what is none of ours is welcome."""
    body = await request.body()
    if not is_signed(body, request.headers.get("stripe-signature", ""), time.time()):
        return PlainTextResponse("the signature does not match", 400)
    event = json.loads(body)
    session = event["data"]["object"]
    if event["type"] == "checkout.session.completed" and session.get("client_reference_id"):
        request.app.state.client.emit(
            "order_paid",
            subject=session["client_reference_id"],
            id=event["id"],
            at=float(event["created"]),
            source="stripe",
            data={"total": session["amount_total"] / 100},
        )
    return PlainTextResponse("taken")


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Open the client with the application, and close it with it."""
    async with AsyncClient("sqlite:///stripe.db", policy=POLICY) as app.state.client:
        yield


app = Starlette(routes=[Route("/stripe", webhook, methods=["POST"])], lifespan=lifespan)


async def play() -> None:
    """Show somebody an offer, then send what Stripe would send: twice, and once forged."""
    transport = httpx.ASGITransport(app=app)
    async with (
        lifespan(app),
        httpx.AsyncClient(transport=transport, base_url="http://me") as stripe,
    ):
        client = app.state.client
        await client.consent("ada", grant=["personalise"], source="signup_form")
        shown = await client.decide("hero", subject="ada")
        client.report(shown, "displayed")
        await asyncio.sleep(1)  # Stripe counts whole seconds, and an order comes after an offer
        now = int(time.time())
        paid = {"client_reference_id": "ada", "amount_total": 2390, "currency": "eur"}
        event = {"id": f"evt_{now}", "type": "checkout.session.completed", "created": now}
        body = json.dumps({**event, "data": {"object": paid}}).encode()
        signature = hmac.new(SECRET, f"{now}.".encode() + body, hashlib.sha256).hexdigest()
        for name, v1 in (("paid", signature), ("repeated", signature), ("forged", "0" * 64)):
            headers = {"stripe-signature": f"t={now},v1={v1}"}
            answer = await stripe.post("/stripe", content=body, headers=headers)
            print(f"{name}: {answer.status_code} {answer.text}")
        [orders] = await client.measure("orders")
    print(f"{orders.attributed:g} order after {shown.creative!r} was shown")
    assert orders.attributed == 1, "a payment counts once, however often it is reported"


if __name__ == "__main__":
    asyncio.run(play())
