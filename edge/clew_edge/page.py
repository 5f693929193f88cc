"""One request: who asks, what was decided for its page, and what fills a slot when it comes by."""

import asyncio
import inspect
import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

from attrs import frozen
from starlette.requests import HTTPConnection
from starlette.types import Scope

from clew import AsyncVisitor, Decision
from clew_edge.identity import Cookie
from clew_edge.rendering import Render, sanitised
from clew_edge.visitors import Resolved, Visitors, cookie_of

__all__ = ["Page", "PageSettings"]

logger = logging.getLogger("clew.edge")

#: Reasons of decisions that were made on the spot: the page's own default is as good.
_LOCAL = frozenset({"deadline", "error", "unknown_slot", "default"})


@frozen
class PageSettings:
    """What is the same for all requests."""

    visitors: Visitors
    cookie: Cookie | None
    render: Render | None
    deadline_ms: float
    said: set[str]


class Page:
    """
    The state of one request, made anew for each.

    Args:
        resolved: what the application's asynchronous hooks answered.
    """

    def __init__(self, settings: PageSettings, scope: Scope, resolved: Resolved) -> None:
        self._settings = settings
        self._scope = scope
        self._resolved = resolved
        self._bodies: dict[str, deque[Callable[[Mapping[str, Any]], Any]]] = {}
        self._ahead: dict[str, asyncio.Task[None]] = {}
        self._unused: set[str] = set()

    @cached_property
    def _connection(self) -> HTTPConnection:
        return HTTPConnection(self._scope)

    @cached_property
    def nonce(self) -> str:
        """What marks our own slots in this response: 128 random bits."""
        return secrets.token_hex(16)

    @cached_property
    def view(self) -> str:
        """The id of this showing of the page."""
        return secrets.token_hex(16)

    @cached_property
    def known(self) -> str | None:
        """The subject by the application's own account."""
        return self._settings.visitors.known_subject(self._connection, self._resolved)

    @cached_property
    def brought(self) -> str | None:
        """The anonymous id that the browser brought."""
        return cookie_of(self._connection, self._settings.cookie)

    @cached_property
    def visitor(self) -> AsyncVisitor:
        """Who asks."""
        return self._settings.visitors.make(
            self._connection,
            self._resolved,
            known=self.known,
            anonymous=self.brought,
            view=self.view,
        )

    @property
    def has_visitor(self) -> bool:
        """Whether anybody asked for the visitor yet."""
        return "visitor" in self.__dict__

    def say(self, kind: str, message: str, *parts: object, **more: Any) -> None:
        """Log an error, once per kind."""
        if kind not in self._settings.said:
            self._settings.said.add(kind)
            logger.error(message, *parts, **more)

    def remember(self, slot: str, body: Callable[[Mapping[str, Any]], Any]) -> None:
        """Take note of how a template renders its slot."""
        self._bodies.setdefault(slot, deque()).append(body)

    def start(self, slots: Iterable[str]) -> None:
        """Begin to decide slots, together, ahead of whoever fills them."""
        missing = [slot for slot in slots if slot not in self._ahead]
        if missing:
            deciding = self.visitor.prepare(missing, deadline_ms=self._settings.deadline_ms)
            self._ahead |= dict.fromkeys(missing, asyncio.create_task(deciding))

    def is_ready(self, slot: str) -> bool:
        """Whether filling a slot waits for nothing."""
        return self._ahead[slot].done()

    async def fill(self, slot: str, charset: str) -> bytes | None:
        """Give what a started slot shows, in the page's encoding; None keeps its default."""
        await asyncio.wait((self._ahead[slot],))
        is_first = slot not in self.visitor.asked
        decision = await self.visitor.decide(slot, deadline_ms=self._settings.deadline_ms)
        bodies = self._bodies.get(slot)
        body = bodies.popleft() if bodies else None
        if decision.reason in _LOCAL:
            return None
        if decision.creative is None:
            return b""  # held out, and the holdout serves nothing
        try:
            html = await self._html(decision, body)
        except Exception as error:  # noqa: BLE001 - the page must be served
            self.say(
                slot,
                "slot %r could not be rendered, so its default is shown: %r (said once per slot)",
                slot,
                error,
                exc_info=error,
            )
            html = None
        if html is None:
            if is_first:
                self._void(decision)
            return None
        return html.encode(charset, "xmlcharrefreplace")

    async def finish(self) -> None:
        """Let go of what was decided ahead and never shown; safe to call twice."""
        if not self._ahead:
            return
        running = {task for task in self._ahead.values() if not task.done()}
        self._ahead = {}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
        if len(self.visitor.decided) > len(self.visitor.asked) or running:
            self.visitor.finish()

    def decisions(self) -> dict[str, Decision]:
        """Give what was decided for this page, whether its markup or its view asked, by slot."""
        asked = self.visitor.asked if self.has_visitor else {}
        return {slot: one for slot, one in asked.items() if slot not in self._unused}

    def cookie(self) -> bytes | None:
        """Give the `Set-Cookie` that this response owes the browser, if any."""
        cookie = self._settings.cookie
        if cookie is None or not self.has_visitor:
            return None
        may_store = self.visitor.may_store
        subject = self.visitor.subject if self.visitor.subject != self.known else None
        anonymous = self.visitor.anonymous_subject or subject
        if may_store is False:
            return cookie.forget() if self.brought is not None else None
        if anonymous is None or anonymous == self.brought:
            return None
        return cookie.keep(anonymous) if may_store or self.brought is not None else None

    async def _html(self, decision: Decision, body: Callable[..., Any] | None) -> str | None:
        if body is not None:
            rendered = body(decision.content)
            return str(await rendered if inspect.isawaitable(rendered) else rendered)
        return (self._settings.render or sanitised)(decision)

    def _void(self, decision: Decision) -> None:
        """A page that keeps its default has not used its decision (RULES D8)."""
        self._unused.add(decision.slot)
        if decision.cache == "miss":
            # Reporting may look into the store, and the page does not wait for it.
            loop = asyncio.get_running_loop()
            loop.run_in_executor(None, self.visitor.report, decision, "voided")
