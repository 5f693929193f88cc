"""
One response on its way out: what may be touched, its headers, its slots, its end.

The start message is passed on at once, and no byte waits for anything but an unfinished tag or the
slot it stands in. Messages that are not ours pass as the same objects.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from starlette.types import Message, Send

from clew_edge.caching import (
    charset,
    is_encoded,
    is_page,
    is_rewritable,
    private,
    unmeasured,
    unvalidated,
)
from clew_edge.handover import handover, nonce_of
from clew_edge.markup import Scanner, Slot
from clew_edge.page import Page

__all__ = ["Responder"]

logger = logging.getLogger("clew.edge")

NOT_MODIFIED = 304

_ENCODED = (
    "a page with slots came compressed, so they keep their defaults: put ClewMiddleware inside of "
    "what compresses (said once)"
)

_UNROUTED = (
    "a template with slots was shown on a path that routes= does not name, so they keep their "
    "defaults: add the path (said once)"
)

#: A body in one piece is scanned in slices of this size, so that the loop may turn in between.
SLICE = 256 * 1024
#: Enough of the end of a page to see `</html>` and the white space behind it.
TAIL = 64


class Responder:
    """
    Stands between an application and the server for one response; made anew for each.

    Args:
        slots: declared for this path; None where its pages have no slots.
        wait_ms: how long a slot that is not complete yet may hold back what follows it.
        prefix: where clew's own routes lie.
    """

    def __init__(
        self,
        page: Page,
        send: Send,
        *,
        method: str,
        slots: Sequence[str] | None,
        wait_ms: float,
        prefix: str,
    ) -> None:
        self._page = page
        self._send = send
        self._is_head = method == "HEAD"
        self._slots = slots
        self._wait_seconds = wait_ms / 1000.0
        self._prefix = prefix
        self._scanner: Scanner | None = None
        self._charset = "utf-8"
        self._csp_nonce: str | None = None
        self._pending: list[bytes] = []
        #: The last bytes that were passed on.
        self._tail = b""
        self._patience: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def __call__(self, message: Message) -> None:
        """Pass a message on, as ASGI's `send`."""
        kind = message["type"]
        if kind == "http.response.start":
            await self._send(self._started(message))
        elif kind == "http.response.body" and self._scanner is not None:
            await self._body(self._scanner, message)
        else:
            await self._send(message)

    async def end(self) -> None:
        """End the request: nothing is sent after the application has ended."""
        self._stop_waiting()
        await self._page.finish()

    # -- the start

    def _started(self, message: Message) -> Message:
        headers = message.get("headers") or ()
        if not isinstance(headers, Sequence):
            # Whatever can be iterated may come (ASGI), once.
            headers = list(headers)
            message = {**message, "headers": headers}
        status = message["status"]
        is_slotted = self._slots is not None and is_page(headers)
        if self._slots is None and self._page.has_places and is_page(headers):
            self._page.say("unrouted", _UNROUTED)
        if is_slotted and is_encoded(headers):
            self._page.say("encoded", _ENCODED)
        is_rewritten = is_slotted and is_rewritable(status, headers)
        cookie = self._cookie() if status != NOT_MODIFIED else None
        # What a view has asked for is one visitor's own, whatever it is written in.
        if not is_rewritten and cookie is None and not self._page.decisions():
            return message
        changed = private(headers)
        if is_slotted:
            changed = unvalidated(changed)
        if is_rewritten:
            changed = unmeasured(changed)
            if not self._is_head:
                self._begin(headers)
        if cookie is not None:
            changed.append((b"set-cookie", cookie))
        return {**message, "headers": changed}

    def _begin(self, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._charset = charset(headers) or self._charset
        self._csp_nonce = nonce_of(headers)
        self._scanner = Scanner(self._page.nonce.encode())

    def _cookie(self) -> bytes | None:
        try:
            return self._page.cookie()
        except Exception:
            logger.exception("the visitor's cookie could not be written")
            return None

    # -- the body

    async def _body(self, scanner: Scanner, message: Message) -> None:
        body: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        async with self._turn:
            self._stop_waiting()
            for begin in range(0, len(body), SLICE):
                if begin:
                    await asyncio.sleep(0)
                piece = body if len(body) <= SLICE else body[begin : begin + SLICE]
                await self._fill(scanner.feed(piece))
            if not more:
                await self._fill(scanner.close())
                self._pending.append(self._handover(scanner))
                self._scanner = None
            await self._pass_on(more=more)
            if more and scanner.is_holding:
                self._patience = asyncio.create_task(self._lose_patience(scanner))
        if not more:
            await self._page.finish()

    async def _fill(self, parts: Sequence[bytes | Slot]) -> None:
        self._page.start(part.name for part in parts if isinstance(part, Slot))
        for part in parts:
            if isinstance(part, bytes):
                self._pending.append(part)
                continue
            if not self._page.is_ready(part.name):
                await self._pass_on(more=True)
            filling = await self._page.fill(part.name, part.default, self._charset)
            if filling is not None:
                self._pending.append(filling)
            else:
                # The default may have slots of its own; what was filled may not.
                inner = Scanner(self._page.nonce.encode())
                await self._fill([*inner.feed(part.default), *inner.close()])

    async def _pass_on(self, *, more: bool) -> None:
        body = b"".join(self._pending)
        self._pending.clear()
        self._tail = (self._tail + body[-TAIL:])[-TAIL:]
        if body or not more:
            await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _handover(self, scanner: Scanner) -> bytes:
        decisions = self._page.decisions()
        if not decisions or not self._is_whole(scanner):
            return b""
        try:
            return handover(
                decisions, view=self._page.view, prefix=self._prefix, nonce=self._csp_nonce
            )
        except Exception:
            logger.exception("the decisions could not be handed to the page")
            return b""

    def _is_whole(self, scanner: Scanner) -> bool:
        """Whether a script at the end of the page is one; where `</html>` stands there, it is."""
        tail = (self._tail + b"".join(self._pending)[-TAIL:])[-TAIL:]
        return tail.rstrip().lower().endswith(b"</html>") or scanner.at_text

    # -- a slot whose end does not come

    async def _lose_patience(self, scanner: Scanner) -> None:
        await asyncio.sleep(self._wait_seconds)
        # When the browser has gone, the application learns it from what it sends itself.
        with suppress(OSError):
            async with self._turn:
                if self._scanner is scanner:
                    await self._fill(scanner.release())
                    await self._pass_on(more=True)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
