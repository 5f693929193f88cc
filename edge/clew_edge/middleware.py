"""
The ASGI middleware: what passes, what clew serves itself, and which pages it fills.

Pure ASGI, so that nothing is buffered, context variables stay, background tasks run when they
should, and a request that is not ours costs a few microseconds.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Literal

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from clew import AsyncClient, AsyncVisitor, Client, Visitor
from clew.errors import ClewError, ConfigurationError
from clew_edge.identity import Cookie
from clew_edge.page import Page, PageSettings
from clew_edge.pages import respond
from clew_edge.rendering import Render
from clew_edge.responder import Responder
from clew_edge.routes import Routes, RoutesOption
from clew_edge.scopes import inner_scope, wants_page
from clew_edge.visitors import Hook, Visitors

__all__ = ["ClewMiddleware"]

logger = logging.getLogger("clew.edge")

#: Where clew serves what it needs: the beacon, its reports, the page that says why.
PREFIX = "/_clew"

#: How long the first request may wait for the keys of the cookie.
KEYS_SECONDS = 1.0


class ClewMiddleware:
    """
    Fills the slots of HTML pages with what clew decides for their visitor, while they stream.

    Slots are marked by the tag of `SlotExtension` in Jinja2 templates, or by
    `<clew-slot name="…">default</clew-slot>` in any HTML. A decision that is late or fails keeps
    the default. In every request `request.state.clew` is the visitor: a `Visitor` for a `Client`,
    an `AsyncVisitor` for an `AsyncClient`; what a view asks of it, the page shows too.

    Put it inside of what compresses, and inside of what `subject` reads (sessions).

    Args:
        app: the application.
        client: decides, and takes what is reported; the application closes it.
        routes: path patterns of the pages that have slots, with the names of those to decide as
            soon as the request arrives; by default every page, and slots as they come by.
        subject: gives the id of a person who is signed in, from an `HTTPConnection`.
        context: gives what the policy may read of the request.
        traffic: gives who asks (`human`, `bot`, `preview`, `synthetic`, `internal`); by default,
            programs that name themselves are `bot`.
        identity: `cookie` keeps an anonymous id in a signed first-party cookie, once consent was
            given; `none` keeps nothing.
        render: gives the HTML of a decision for slots without a template tag; by default the
            content's field `html`, sanitised.
        deadline_ms: the longest a decision may take.
        dev: for development without HTTPS: a cookie without `Secure`.
        measure_page: serve `/_clew/measure` to whoever asks.

    Raises:
        ConfigurationError: an option is wrong.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        client: Client | AsyncClient,
        routes: RoutesOption = None,
        subject: Hook | None = None,
        context: Hook | None = None,
        traffic: Hook | None = None,
        identity: Literal["none", "cookie"] = "none",
        render: Render | None = None,
        deadline_ms: float = 50.0,
        dev: bool = False,
        measure_page: bool = False,
    ) -> None:
        if identity not in {"none", "cookie"}:
            raise ConfigurationError(f"identity: {identity!r} is neither 'none' nor 'cookie'")
        if deadline_ms <= 0:
            raise ConfigurationError(f"deadline_ms: {deadline_ms!r} is no time to decide in")
        self.app = app
        self._is_async = isinstance(client, AsyncClient)
        self._client = client if isinstance(client, AsyncClient) else AsyncClient.over(client)
        self._routes = Routes(routes)
        hooks = {"subject": subject, "context": context, "traffic": traffic}
        self._visitors = Visitors(
            self._client, {name: hook for name, hook in hooks.items() if hook is not None}
        )
        self._render = render
        self._deadline_ms = deadline_ms
        self._dev = dev
        self._measure_page = measure_page
        self._has_cookie = identity == "cookie"
        self._settings: PageSettings | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, as ASGI has it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, prefix = _paths(scope)
        settings = self._settings or await self._ready()
        slots = self._routes.slots(path)
        page = Page(settings, scope, await self._visitors.resolve(scope))
        if path.startswith(f"{PREFIX}/"):
            await self._serve(path.removeprefix(f"{PREFIX}/"), page, scope, receive, send)
            return
        responder = Responder(
            page,
            send,
            method=scope["method"],
            slots=slots,
            wait_ms=self._deadline_ms,
            prefix=prefix,
        )
        if slots and scope["method"] == "GET":
            page.start(slots)
        inner = inner_scope(
            scope,
            page,
            self._visitor_of(page),
            is_slotted=slots is not None and (not self._routes.everywhere or wants_page(scope)),
        )
        try:
            await self.app(inner, receive, responder)
        finally:
            await responder.end()

    async def _ready(self) -> PageSettings:
        """What is the same for all requests; the cookie's keys come from the store, once."""
        cookie = await self._cookie() if self._has_cookie else None
        settings = PageSettings(self._visitors, cookie, self._render, self._deadline_ms, set())
        if cookie is not None or not self._has_cookie:
            self._settings = settings
        return settings

    async def _cookie(self) -> Cookie | None:
        """The cookie; None where its keys cannot be had now: then nobody is known for once."""
        deriving = self._client.derive_keys("edge.cookie")
        try:
            keys = await asyncio.wait_for(deriving, KEYS_SECONDS)
        except (ClewError, TimeoutError):
            logger.exception("the keys of the cookie cannot be read; its visitors are not known")
            return None
        return Cookie(keys, dev=self._dev)

    async def _serve(
        self, route: str, page: Page, scope: Scope, receive: Receive, send: Send
    ) -> None:
        response = await respond(
            route,
            Request(scope, receive),
            self._client,
            page.visitor,
            measure_page=self._measure_page,
        )
        await response(scope, receive, send)

    def _visitor_of(self, page: Page) -> Callable[[], Visitor | AsyncVisitor]:
        return lambda: page.visitor if self._is_async else page.visitor.visitor


def _paths(scope: Scope) -> tuple[str, str]:
    """Give the path within the application, and where clew's own routes lie for the browser."""
    root: str = scope.get("root_path", "")
    path: str = scope["path"]
    inner = path.removeprefix(root) if root and path.startswith(f"{root}/") else path
    return inner, f"{root}{PREFIX}"
