"""One request: who asks, what was decided for its page, and what fills a slot when it comes by."""

import asyncio
import inspect
import logging
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeAlias

from attrs import field, frozen
from starlette.requests import HTTPConnection
from starlette.types import Scope

from clew import AsyncVisitor, Decision
from clew_edge.identity import Cookie
from clew_edge.rendering import Render, sanitised
from clew_edge.threads import submit
from clew_edge.visitors import Resolved, Visitors, cookie_of

__all__ = ["Body", "Page", "PageSettings"]

logger = logging.getLogger("clew.edge")

#: Renders a template's slot with the fields of a content.
Body: TypeAlias = Callable[[Mapping[str, Any]], Any]

#: How ids begin that clew makes for browsers (`Client.logout`): no other may be kept in one.
_ANONYMOUS = "anon-"

#: Reasons of decisions that were made on the spot: the page's own default is as good.
_LOCAL = frozenset({"deadline", "error", "unknown_slot", "default"})


@frozen
class PageSettings:
    """What is the same for all requests."""

    visitors: Visitors
    render: Render | None
    deadline_ms: float
    #: What was logged, once.
    said: set[str] = field(factory=set)


class Page:
    """
    The state of one request, made anew for each.

    Args:
        resolved: what the application's asynchronous hooks answered.
        cookie: reads and writes the browser's id; None where none is kept.
    """

    def __init__(
        self, settings: PageSettings, scope: Scope, resolved: Resolved, cookie: Cookie | None
    ) -> None:
        self._settings = settings
        self._cookie = cookie
        self._scope = scope
        self._resolved = resolved
        #: How templates render the places of each slot, with the default of each.
        self._places: dict[str, list[tuple[str, Body]]] = {}
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
        return cookie_of(self._connection, self._cookie)

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

    @property
    def has_places(self) -> bool:
        """Whether a template placed a slot."""
        return bool(self._places)

    def say(self, kind: str, message: str, *parts: object, **more: Any) -> None:
        """Log an error, once per kind."""
        if kind not in self._settings.said:
            self._settings.said.add(kind)
            logger.error(message, *parts, **more)

    def place(self, slot: str, default: str, body: Body) -> str:
        """Mark a template's slot, and take note of how it is rendered."""
        self._places.setdefault(slot, []).append((default, body))
        return f"<!--clew:{self.nonce}:{slot}-->{default}<!--/clew:{self.nonce}-->"

    def start(self, slots: Iterable[str]) -> None:
        """Begin to decide slots, together, ahead of whoever fills them."""
        missing = [slot for slot in slots if slot not in self._ahead]
        if missing:
            self._ahead |= dict.fromkeys(missing, asyncio.create_task(self._prepare(missing)))

    def is_ready(self, slot: str) -> bool:
        """Whether filling a slot waits for nothing."""
        return self._ahead[slot].done()

    async def fill(self, slot: str, default: bytes, charset: str) -> bytes | None:
        """Give what a started slot shows, in the page's encoding; None keeps its default."""
        await asyncio.wait((self._ahead[slot],))
        is_first = slot not in self.visitor.asked
        body = self._body(slot, default.decode(charset, "replace"))
        try:
            decision = await self.visitor.decide(slot, deadline_ms=self._settings.deadline_ms)
        except Exception as error:  # noqa: BLE001 - the page must be served
            self._say_undecided(error)
            return None
        if decision.reason in _LOCAL:
            return None
        if decision.creative is None:
            return b""  # held out, and the holdout serves nothing
        try:
            html = await self._html(decision, body)
            filling = None if html is None else html.encode(charset, "xmlcharrefreplace")
        except Exception as error:  # noqa: BLE001 - the page must be served
            self.say(
                slot,
                "slot %r could not be rendered, so its default is shown: %r (said once per slot)",
                slot,
                error,
                exc_info=error,
            )
            filling = None
        if filling is None and is_first:
            self._void(decision)
        return filling

    async def finish(self) -> None:
        """Let go of what was decided ahead and never shown; safe to call twice."""
        if not self._ahead:
            return
        running = {task for task in self._ahead.values() if not task.done()}
        self._ahead = {}
        for task in running:
            task.cancel()
        try:
            if running:
                await asyncio.wait(running)
        finally:
            if running or len(self.visitor.decided) > len(self.visitor.asked):
                self.visitor.finish()

    def decisions(self) -> dict[str, Decision]:
        """Give what was decided for this page, whether its markup or its view asked, by slot."""
        asked = self.visitor.asked if self.has_visitor else {}
        return {slot: one for slot, one in asked.items() if slot not in self._unused}

    def cookie(self) -> bytes | None:
        """Give the `Set-Cookie` that this response owes the browser, if any."""
        cookie = self._cookie
        if cookie is None or not self.has_visitor:
            return None
        may_store = self.visitor.may_store
        anonymous = self.visitor.anonymous_subject or self.visitor.subject
        if may_store is False:
            return cookie.forget() if self.brought is not None else None
        if anonymous is None or anonymous == self.brought or not anonymous.startswith(_ANONYMOUS):
            return None
        return cookie.keep(anonymous) if may_store or self.brought is not None else None

    async def _prepare(self, slots: Sequence[str]) -> None:
        try:
            await self.visitor.prepare(slots, deadline_ms=self._settings.deadline_ms)
        except Exception as error:  # noqa: BLE001 - the page must be served
            self._say_undecided(error)

    def _say_undecided(self, error: Exception) -> None:
        self.say(
            "undecided",
            "slots could not be decided, so their defaults are shown: %r (said once)",
            error,
            exc_info=error,
        )

    async def _html(self, decision: Decision, body: Body | None) -> str | None:
        html: Any = (
            body(decision.content)
            if body is not None
            else (self._settings.render or sanitised)(decision)
        )
        if inspect.isawaitable(html):
            html = await html
        if html is None:
            if body is None and self._settings.render is None:
                self.say(
                    f"html of {decision.slot}",
                    "slot %r: creative %r has no field `html`, which <clew-slot> shows, so the "
                    "default stays; add one, or give render= (said once per slot)",
                    decision.slot,
                    decision.creative,
                )
            return None
        if not isinstance(html, str):
            raise TypeError(f"HTML is text, not {type(html).__name__}")
        return self._unmarked(html)

    def _body(self, slot: str, default: str) -> Body | None:
        """
        Give how a template renders the next place of a slot.

        Not all that is rendered comes by (within a slot that is filled, in a block that is not
        used), so the default tells places of one slot apart; else they come in their order.
        """
        places = self._places.get(slot)
        if not places:
            return None
        at = next((at for at, (shown, _) in enumerate(places) if shown == default), 0)
        return places.pop(at)[1]

    def _unmarked(self, html: str) -> str:
        """Take our marks out of what fills a slot: slots within it are none."""
        if self.nonce not in html:
            return html
        return re.sub(rf"<!--/?clew:{self.nonce}(?::[^>]*)?-->", "", html)

    def _void(self, decision: Decision) -> None:
        """A page that keeps its default has not used its decision (RULES D8)."""
        self._unused.add(decision.slot)
        if decision.cache == "miss":
            # Reporting may look into the store, and the page does not wait for it.
            submit(self.visitor.report, decision, "voided")
