"""The ASGI application: finds the handler of a request, and answers for what goes wrong in it."""

import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias
from urllib.parse import quote, unquote

import orjson
from attrs import evolve

from clew import BackendUnavailableError
from clew_edge.service import health, native, ofrep, reading, segment
from clew_edge.service.asgi import Answer, Message, Receive, Scope, Send, header, respond
from clew_edge.service.bodies import CLAIMED, DisconnectedError, discard
from clew_edge.service.keys import Key, KeyFile, presented
from clew_edge.service.limits import Limits
from clew_edge.service.problems import RefusedError, problem
from clew_edge.service.tenants import Tenant, Tenants
from clew_edge.service.trouble import Faults, Outages, Repeats

__all__ = ["Handler", "Service"]

logger = logging.getLogger("clew.service")

#: Where a scope keeps the tenant whose key it came with.
_TENANT = "clew.tenant"
_OTHER_TENANT = (
    "this key opens tenant {!r}, not {!r}: use a key of that tenant, or correct the client's "
    "tenant= (CLEW_TENANT)"
)

Handler: TypeAlias = Callable[["Service", Scope, Receive, Send], Awaitable[None]]

#: By method and path; a path that ends in `/*` stands for all below it.
_ROUTES: Mapping[tuple[str, str], Handler] = {
    **health.ROUTES,
    **native.ROUTES,
    **ofrep.ROUTES,
    **reading.ROUTES,
    **segment.ROUTES,
}
#: By path of a route, how a refusal is written there; elsewhere as a problem document.
_REFUSALS = {path: segment.refusal for _, path in segment.ROUTES}
#: By path of a route, the methods that it takes.
_METHODS: Mapping[str, list[str]] = {
    route: sorted(method for method, path in _ROUTES if path == route) for _, route in _ROUTES
}
#: What stands before the `*` of routes. They are few: a path is held against each, and never taken
#: to pieces, for it is as long as whoever has no key likes.
_PREFIXES = tuple(route.removesuffix("*") for route in _METHODS if route.endswith("/*"))


class Service:
    """
    The backend over HTTP.

    Args:
        keys: who may ask.
        open_tenant: opens one tenant's data; called on a thread.
        limits: what a request may ask.
        clock: gives seconds that only increase, by which trouble is told of.
    """

    #: The requests that `answer` is for, by method and target.
    at_once = frozenset((method.encode(), path.encode()) for method, path in native.AT_ONCE)

    def __init__(
        self,
        keys: KeyFile,
        open_tenant: Callable[[str], Tenant],
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self.tenants = Tenants(open_tenant)
        #: Requests that were answered, by route and status.
        self.answered: Counter[tuple[str, int]] = Counter()
        #: What nobody foresaw.
        self.faults = Faults("a request failed, or a part of it", clock)
        #: What anybody can be the cause of.
        self.repeats = Repeats(clock)
        self._keys = keys
        self._outages = Outages(clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI 3 has it."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1003})

    def authorise(self, scope: Scope, *needs: str) -> tuple[Key, Tenant]:
        """
        Say who asks, and whose data that opens.

        Args:
            needs: scopes of keys, of which one is enough.

        Raises:
            RefusedError: no key, one that is not known, may not do this, is used too often, or
                opens another tenant than the application means.
        """
        key = self._keys.find(presented(scope))
        scope[_TENANT] = key.tenant
        meant = header(scope, b"clew-tenant")
        if meant is not None and meant != quote(key.tenant, safe="").encode():
            raise RefusedError(403, _OTHER_TENANT.format(key.tenant, unquote(meant)), "tenant")
        if not any(map(key.may, needs)):
            raise RefusedError(403, f"this needs a key with the scope `{needs[0]}`", "scope")
        return key, self.tenants.get(key.tenant)

    def answer(self, scope: Scope, body: bytes) -> Answer | None:
        """
        Answer a request of `at_once` whose body is there.

        None where there is something to wait for: it is then to be served as any other request.
        """
        route = scope["path"]
        if len(body) > self.limits.body_bytes or header(scope, b"content-encoding") is not None:
            return None
        try:
            document = native.AT_ONCE[scope["method"], route](self, scope, body)
            if document is None:
                return None
            answer = Answer(200, orjson.dumps(document))
        except Exception as error:  # noqa: BLE001 - the others must be served
            answer = problem(self._refusal(error, route, scope))
        else:
            self._outages.answered(scope.get(_TENANT, ""), route)
        self.answered[route, answer.status] += 1
        return answer

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        route, handler = _find(scope["method"], scope["path"])
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            refused = await self._served(route, handler, scope, receive, sending)
            if refused is not None and not status:
                await self._refuse(refused, route, scope, receive, sending)
        except DisconnectedError:
            return
        finally:
            self.limits.room.give_back(scope.get(CLAIMED, 0))
        self.answered[route, status] += 1

    async def _served(
        self, route: str, handler: Handler, scope: Scope, receive: Receive, send: Send
    ) -> RefusedError | None:
        """Have a request handled; gives why it was not."""
        try:
            await handler(self, scope, receive, send)
        except DisconnectedError:
            raise
        except Exception as error:  # noqa: BLE001 - the others must be served
            return self._refusal(error, route, scope)
        self._outages.answered(scope.get(_TENANT, ""), route)
        return None

    def _refusal(self, error: Exception, route: str, scope: Scope) -> RefusedError:
        """Say why a request is not served, and tell of it where somebody should know."""
        if isinstance(error, RefusedError):
            return error
        if isinstance(error, BackendUnavailableError):
            self._outages.met(scope.get(_TENANT, ""), route, error)
            return RefusedError(
                503,
                "the store does not answer now; what was not acknowledged, send again",
                "unavailable",
                {"retry-after": "1"},
            )
        self.faults.met(error)
        return RefusedError(500, "this is a fault of the server; its log says more", "internal")

    async def _refuse(
        self, refused: RefusedError, route: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        answer = _REFUSALS.get(route, problem)(refused)
        if not await discard(scope, receive, self.limits):
            answer = evolve(answer, headers={**answer.headers, "connection": "close"})
        await respond(send, answer)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.tenants.open(self._keys.tenants)
        except Exception as error:
            logger.exception("the service could not start")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.tenants.close()
        await send({"type": "lifespan.shutdown.complete"})


def _find(method: str, path: str) -> tuple[str, Handler]:
    """Give the route of a request and who handles it."""
    handler = _ROUTES.get((method, path))
    if handler is not None:
        return path, handler
    route = _route(path)
    if route is None:
        return "other", _refusing(
            RefusedError(404, "there is nothing here; /openapi.json says what is where", "route")
        )
    handler = _ROUTES.get((method, route))
    if handler is not None:
        return route, handler
    allowed = _METHODS[route]
    return route, _refusing(
        RefusedError(
            405,
            f"here it is {' or '.join(allowed)}, not {method:.20}",
            "method",
            {"allow": ", ".join(allowed)},
        )
    )


def _route(path: str) -> str | None:
    """The route that a path is or falls under, whatever the method."""
    if path in _METHODS:
        return path
    return next((f"{prefix}*" for prefix in _PREFIXES if path.startswith(prefix)), None)


def _refusing(refused: RefusedError) -> Handler:
    async def handler(_service: Service, _scope: Scope, _receive: Receive, _send: Send) -> None:
        raise refused

    return handler
