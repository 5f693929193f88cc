"""The shop's requests. What clew needs of an application is all in this file."""

import itertools
from collections.abc import Callable
from pathlib import Path
from secrets import compare_digest
from urllib.parse import parse_qsl, urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from clew import Client
from clew_edge import ClewMiddleware, fragments

from .basket import Basket
from .catalogue import MENU
from .pages import ENV, page

__all__ = ["POLICY", "create_app"]

HERE = Path(__file__).parent
POLICY = HERE / "policy.json"


def create_app(
    client: Client,
    *,
    traffic: Callable[[HTTPConnection], str] | None = None,
    measure_page: bool = False,
    dev: bool = True,
    deadline_ms: float = 50.0,
    partner_key: str = "",
) -> Starlette:
    """
    Make the shop.

    Args:
        client: open on the shop's policy; whoever opened it closes it.
        traffic: says who asks, `human` or what else; by default clew's own guess.
        measure_page: whether `/_clew/measure` shows what personalising earned.
        dev: cookies without `Secure`, for http on this machine.
        deadline_ms: how long a page waits for a decision before it shows its default.
        partner_key: what the delivery partner proves itself with; empty, nobody is let in.
    """
    clew = Middleware(
        ClewMiddleware,
        client=client,
        routes={"/": ["home_hero", "home_strip"], "/pizza/*": ["pizza_upsell"]},
        identity="cookie",
        context=context,
        traffic=traffic,
        render=fragments(ENV, "slots/{slot}.html"),
        measure_page=measure_page,
        dev=dev,
        deadline_ms=deadline_ms,
    )
    routes = [
        Route("/", home),
        Route("/pizza/{sku}", pizza),
        Route("/basket", basket),
        Route("/basket", put, methods=["POST"]),
        Route("/checkout", checkout, methods=["POST"]),
        Route("/thanks", thanks),
        Route("/consent", consent, methods=["POST"]),
        Route("/partner/deliveries", delivered_late, methods=["POST"]),
        Mount("/static", StaticFiles(directory=HERE / "static")),
    ]
    app = Starlette(routes=routes, middleware=[clew])
    app.state.client = client
    app.state.partner_key = partner_key
    app.state.numbers = itertools.count(1001)
    app.state.orders = {}  # number -> subject; a real shop has this in its database
    return app


def context(connection: HTTPConnection) -> dict[str, str]:
    """What the request itself tells; the hero's bandit tells phones from desktops."""
    phone = "Mobi" in connection.headers.get("user-agent", "")
    return {"device": "phone" if phone else "desktop", "channel": "web"}


async def home(request: Request) -> Response:
    """Show the front page; its slots are in the template."""
    return page(request, "home.html")


async def pizza(request: Request) -> Response:
    """Show a pizza, and note that it was looked at; clew keeps that where the visitor lets us."""
    product = MENU.get(request.path_params["sku"])
    if product is None or product.kind != "pizza":
        raise HTTPException(404, "There is no such pizza.")
    request.state.clew.emit("product_viewed", {"sku": product.sku, "name": product.name})
    return page(request, "pizza.html", pizza=product)


async def basket(request: Request) -> Response:
    """Show what is in the basket."""
    return page(request, "basket.html")


async def put(request: Request) -> Response:
    """Put something into the basket, or take it out."""
    asked = await form(request)
    changed = Basket.from_cookies(request.cookies)
    if asked.get("sku") in MENU:
        changed = changed.add(asked["sku"])
    if "remove" in asked:
        changed = changed.remove(asked["remove"])
    response = RedirectResponse("/basket", 303)
    response.set_cookie(Basket.COOKIE, changed.to_cookie(), httponly=True, samesite="lax")
    return response


async def checkout(request: Request) -> Response:
    """Take the order. What clew showed before learns from its signals."""
    await form(request)
    bought = Basket.from_cookies(request.cookies)
    if not bought:
        return RedirectResponse("/basket", 303)
    visitor = request.state.clew
    number = str(next(request.app.state.numbers))
    request.app.state.orders[number] = visitor.subject
    for item in bought:
        visitor.emit("item_ordered", {"sku": item.sku, "name": item.name, "kind": item.kind})
    visitor.emit("order_completed", {"total": bought.total / 100})
    response = RedirectResponse("/thanks", 303)
    response.delete_cookie(Basket.COOKIE)
    response.set_cookie("order", number, max_age=3600, httponly=True, samesite="lax")
    return response


async def thanks(request: Request) -> Response:
    """Say thank you."""
    return page(request, "thanks.html", number=request.cookies.get("order"))


async def consent(request: Request) -> Response:
    """Keep what the visitor allows; clew sets its cookie at a grant, and takes it back after."""
    choice = "grant" if (await form(request)).get("choice") == "allow" else "withdraw"
    keep = request.state.clew.consent
    # It returns when the choice is stored: in a thread, so that nobody else waits for it.
    await run_in_threadpool(keep, **{choice: ["personalise"]}, source="shop_banner")
    back = urlsplit(request.headers.get("referer", "")).path
    response = RedirectResponse(f"/{back.lstrip('/')}", 303)  # "//" would lead to another host
    response.set_cookie("asked", "1", max_age=15_552_000, httponly=True, samesite="lax")
    return response


async def delivered_late(request: Request) -> Response:
    """Hear from the delivery partner, who knows the order's number and nobody's name."""
    key, given = request.app.state.partner_key, request.headers.get("authorization", "")
    if not key or not compare_digest(given.encode(), f"Bearer {key}".encode()):
        raise HTTPException(401, "Wrong key.", {"www-authenticate": "Bearer"})
    try:
        told = await request.json()
        order, minutes = str(told["order"]), int(told["minutes_late"])
    except (ValueError, TypeError, KeyError):
        raise HTTPException(422, "Send {order: text, minutes_late: whole number}.") from None
    subject = request.app.state.orders.get(order)
    if subject is not None:
        request.app.state.client.emit(
            "delivery_delayed",
            subject=subject,
            data={"order": order, "minutes_late": minutes},
            party="partner",
            source="delivery_partner",
        )
    # The same answer for every number: whose order it is, and whether it is one, is not told.
    return JSONResponse({"order": order}, 202)


async def form(request: Request) -> dict[str, str]:
    """Read a form of our own pages; another site's must not allow anything in a visitor's name."""
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise HTTPException(403, "This form was sent from another site.")
    return dict(parse_qsl((await request.body()).decode(errors="replace")))
