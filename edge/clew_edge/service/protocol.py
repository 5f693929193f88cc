"""
uvicorn's HTTP protocol, with bounds on how a client sends and takes: uvicorn has none.

A request that is not complete in time, or grows where nobody reads it (the head, trailers, the
words of chunks), ends the connection, and so does an answer that is not taken: clients that send or
read a byte a minute ("slowloris") do not use up connections, and lines without end no memory.

The body is the application's to bound, in bytes and in time, as far as it reads it. Between two
requests uvicorn's own deadline for idle connections holds.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from clew_edge.service.asgi import WHOLE
from clew_edge.service.at_once import AtOnceProtocol
from clew_edge.service.joining import JoiningTransport

__all__ = [
    "BODY_SECONDS",
    "HEAD_BYTES_MAX",
    "HEAD_SECONDS",
    "REST_SECONDS",
    "WRITE_SECONDS",
    "Protocol",
]

#: How long the head of a request may take, in seconds.
HEAD_SECONDS = 10.0
#: How long all behind the head may take, in seconds: more than `Limits.read_seconds`, so that a
#: client whose body is late is told so.
BODY_SECONDS = 30.0
#: How long it may still take once the request is answered, in seconds.
REST_SECONDS = 1.0
#: How long a head may be, or what comes behind it and is no body, in bytes, give or take what
#: arrives at once.
HEAD_BYTES_MAX = 65_536
#: How long a client may take to read what is written to it, in seconds.
WRITE_SECONDS = 30.0


class Protocol(AtOnceProtocol):
    """A connection of HTTP/1.1."""

    #: In how many seconds the rest of the message is awaited; None when it is complete.
    _awaited: float | None = None
    #: Runs while something is awaited that was not there at once.
    _reading: asyncio.TimerHandle | None = None
    #: Runs while the client does not take what was written.
    _writing: asyncio.TimerHandle | None = None
    #: What has arrived since the last step ahead: a part of the message, or a piece of its body.
    _bytes = 0
    #: The request that is being answered; `cycle` is the last one, of several that came at once.
    _answering: RequestResponseCycle | None = None
    #: Whether the client has said that it sends no more, and waits for answers.
    _is_heard_out = False

    # The connection.

    def connection_made(self, transport: Any) -> None:
        """Await the first head."""
        joining: Any = JoiningTransport(transport, self.loop)
        super().connection_made(joining)
        self._await_rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Await nothing any more."""
        self._step(None)
        self._forget_writing()
        if self._answering is not None:  # uvicorn tells only the last
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as far as it may go."""
        self._bytes += len(data)
        super().data_received(data)
        if self._bytes > HEAD_BYTES_MAX:
            self._close()
        if self.transport.is_closing():
            self._await_taking()
        self._await_rest()

    def eof_received(self) -> bool:  # type: ignore[override]
        """
        Say whether to stay: a client that sends no more is owed the answers to what it has sent.

        Source: RFC 9112, section 9.6 (a connection may be closed for one direction).
        """
        self.transport.flush()  # type: ignore[attr-defined]
        answering = self._answering
        is_owed = answering is not None and not answering.response_complete
        self._is_heard_out = is_owed and not self.cycle.more_body  # what is cut short never ends
        return self._is_heard_out

    # What is read, step by step.

    def on_message_begin(self) -> None:
        """A head has begun."""
        super().on_message_begin()
        self._step(HEAD_SECONDS)

    def on_headers_complete(self) -> None:
        """Pass on a request whose head is there; a body may follow."""
        self._step(BODY_SECONDS)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Pass on a piece of a body, which its reader counts."""
        self._bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of a request is there."""
        self._step(None)
        self.scope[WHOLE] = True  # type: ignore[literal-required] # a word of our own
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request, if this one is out of the way."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self._step(REST_SECONDS)
            self._await_rest()
        if self._is_heard_out and self.cycle.response_complete:
            self._close()
        if self.transport.is_closing():
            self._await_taking()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _step(self, awaited: float | None) -> None:
        self._awaited = awaited
        self._bytes = 0
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _await_rest(self) -> None:
        """Give what is not complete its time; most requests are, as soon as they arrive."""
        if self._reading is not None or self.transport.is_closing():
            return
        seconds = self._awaited
        if (
            seconds is None
            and self.timeout_keep_alive_task is None  # else that deadline holds
            and (self._answering is None or self._answering.response_complete)
        ):
            seconds = HEAD_SECONDS  # as yet there is nothing, or empty lines before a head
        if seconds is not None:
            self._reading = self.loop.call_later(seconds, self._is_late)

    def _is_late(self) -> None:
        self._reading = None
        if self.flow.read_paused:  # by us: the client could not send it
            self._await_rest()
        else:
            self._close()

    # What is written.

    def pause_writing(self) -> None:
        """Much is written that the client has not taken."""
        super().pause_writing()
        self._await_taking()

    def resume_writing(self) -> None:
        """It has taken most of it."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._forget_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        super().send_400_response(msg)
        self._close()

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection."""
        if not self.transport.is_closing():
            self._close()

    def shutdown(self) -> None:
        """End in order."""
        super().shutdown()
        if self.transport.is_closing():
            self._await_taking()

    def _close(self) -> None:
        """End the connection once the client has what was written."""
        self.transport.close()
        self._await_taking()

    def _await_taking(self) -> None:
        if self._writing is None:
            self._writing = self.loop.call_later(WRITE_SECONDS, self.transport.abort)

    def _forget_writing(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None
