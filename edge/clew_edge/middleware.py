"""
The ASGI middleware: what passes, what clew serves itself, and which pages it fills.

Pure ASGI, so that nothing is buffered, context variables stay, background tasks run when they
should, and a request that is not ours costs a few microseconds.
"""

from collections.abc import Callable, Mapping
from typing import Literal
from urllib.parse import quote

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from clew import AsyncClient, AsyncVisitor, Client, Visitor
from clew.errors import ConfigurationError
from clew_edge.identity import KeyedCookie
from clew_edge.page import Page, PageSettings
from clew_edge.pages import respond
from clew_edge.rendering import Render
from clew_edge.responder import Responder
from clew_edge.routes import Routes, RoutesOption
from clew_edge.scopes import inner_scope, wants_page
from clew_edge.visitors import Hook, Visitors

__all__ = ["ClewMiddleware"]

#: Where clew serves what it needs: the beacon, its reports, the page that says why.
PREFIX = "/_clew"

_NESTED = (
    "a ClewMiddleware stands inside of another, which fills the pages alone: take one away "
    "(said once)"
)


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
        dev: for development without HTTPS: a cookie without `Secure`, and signed with a key of the
            process where the client has none.
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
        hooks = {"subject": subject, "context": context, "traffic": traffic}
        _check(client, identity, deadline_ms, {**hooks, "render": render})
        if identity == "cookie" and not (dev or client.has_keys):
            raise ConfigurationError(
                "identity='cookie' signs the visitor's id, and a client of a server has no keys for"
                " that: set CLEW_KEYS, the same in every process of the application (with dev=True"
                " a key of the process does)"
            )
        self.app = app
        self._is_async = isinstance(client, AsyncClient)
        self._client = client if isinstance(client, AsyncClient) else AsyncClient.over(client)
        self._routes = Routes(routes)
        self._visitors = Visitors(
            self._client, {name: hook for name, hook in hooks.items() if hook is not None}
        )
        self._cookie = KeyedCookie(self._client, dev=dev) if identity == "cookie" else None
        self._settings = PageSettings(self._visitors, render, deadline_ms)
        self._measure_page = measure_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, as ASGI has it."""
        around = scope.get("clew")
        if isinstance(around, Page):
            around.say("nested", _NESTED)
        if scope["type"] != "http" or isinstance(around, Page):
            await self.app(scope, receive, send)
            return
        path, prefix = _paths(scope)
        slots = self._routes.slots(path)
        cookie = None if self._cookie is None else await self._cookie.get()
        page = Page(self._settings, scope, await self._visitors.resolve(scope), cookie)
        if path.startswith(f"{PREFIX}/"):
            await self._serve(path.removeprefix(f"{PREFIX}/"), page, scope, receive, send)
            return
        responder = Responder(
            page,
            send,
            method=scope["method"],
            slots=slots,
            wait_ms=self._settings.deadline_ms,
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


def _check(
    client: object, identity: object, deadline_ms: object, callables: Mapping[str, object]
) -> None:
    if not isinstance(client, Client | AsyncClient):
        raise ConfigurationError(f"client: {client!r} is no clew.Client and no clew.AsyncClient")
    if identity not in {"none", "cookie"}:
        raise ConfigurationError(f"identity: {identity!r} is neither 'none' nor 'cookie'")
    if not isinstance(deadline_ms, int | float) or not deadline_ms > 0:
        raise ConfigurationError(
            f"deadline_ms: {deadline_ms!r} is no time to decide in; give milliseconds above 0"
        )
    for name, given in callables.items():
        if given is not None and not callable(given):
            raise ConfigurationError(f"{name}: {given!r} cannot be called; give a function")


def _paths(scope: Scope) -> tuple[str, str]:
    """Give the path within the application, and where clew's own routes lie for the browser."""
    root: str = scope.get("root_path", "")
    path: str = scope["path"]
    inner = path.removeprefix(root) if root and path.startswith(f"{root}/") else path
    return inner, f"{quote(root)}{PREFIX}"
