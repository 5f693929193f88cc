"""
uvicorn's HTTP protocol, with bounds on the head of a request: uvicorn has none.

A head that is not complete in time, or grows beyond its bound, ends the connection: clients that
send a byte a minute ("slowloris") do not use up connections, and headers without end no memory.
Between two requests uvicorn's own deadline for idle connections holds.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEAD_BYTES_MAX", "HEAD_SECONDS", "Protocol"]

#: How long the head of a request may take, in seconds.
HEAD_SECONDS = 10.0
#: How long it may be, in bytes, give or take what arrives at once.
HEAD_BYTES_MAX = 65_536


class Protocol(HttpToolsProtocol):
    """A connection of HTTP/1.1."""

    #: Runs while a head is awaited.
    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Await the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Await nothing any more."""
        self._forget_head()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Await the rest of a head of which the first byte is there."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """Pass on a request whose head is there."""
        self._forget_head()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read on, as far as a head may go."""
        super().data_received(data)
        if self._deadline is not None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._give_up()

    def _await_head(self) -> None:
        if self._deadline is None:
            self._head_bytes = 0
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _forget_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._forget_head()
        self.transport.close()
