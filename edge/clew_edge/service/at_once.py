"""
A connection on which some requests are answered as they are read.

To hand a request to an ASGI application and its answer back takes a task, an event and five
messages: about a third as long as to decide. So an application may name requests that it can answer
without waiting for anything. One that has arrived in one piece, with nothing before it on its
connection, is answered on the spot; all others go uvicorn's way, and so does one that the
application would have to wait for after all.
"""

from collections.abc import Collection
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from clew_edge.service.asgi import Answer
from clew_edge.service.quiet import QuietProtocol

__all__ = ["AtOnceProtocol"]


class AtOnceProtocol(QuietProtocol):
    """
    A connection of HTTP/1.1, on a `JoiningTransport`.

    The application may have `at_once`, the methods and targets of such requests, and
    `answer(scope, body)`, which gives the `Answer` or None where it would have to wait.
    """

    #: By method and target, what the application may be able to answer at once.
    _at_once: Collection[tuple[bytes, bytes]] = ()
    #: What has arrived of the body of such a request; None where none is being read.
    _pieces: list[bytes] | None = None
    #: Whether one was answered among what was read last. There is one at most, lest all other
    #: connections wait for whoever sends many without awaiting answers.
    _has_answered = False

    def connection_made(self, transport: Any) -> None:
        """See what the application can answer at once."""
        self._at_once = getattr(self.app, "at_once", ())
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Read on; what is not complete by then is passed on as it is."""
        self._has_answered = False
        super().data_received(data)
        if self._pieces is not None:
            self._pass_on(self._pieces)

    def on_headers_complete(self) -> None:
        """Keep a request that may be answered at once, pass on another."""
        if self._may_answer():
            self._pieces = []
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep or pass on a piece of a body."""
        if self._pieces is None:
            super().on_body(body)
        else:
            self._pieces.append(body)

    def on_message_complete(self) -> None:
        """Answer a request that was kept, if that can be done at once."""
        pieces = self._pieces
        if pieces is not None:
            answer = self._answer(b"".join(pieces))
            if answer is not None:
                self._pieces = None
                self._has_answered = True
                self._write(answer)
                super().on_response_complete()
                return
            self._pass_on(pieces)
        super().on_message_complete()

    def _may_answer(self) -> bool:
        """Whether the request whose head is there may be answered at once, and is the next."""
        return (
            (self.parser.get_method(), self.url) in self._at_once
            and not self._has_answered
            and (self.cycle is None or self.cycle.response_complete)  # type: ignore[redundant-expr]
            and self.parser.get_http_version() == "1.1"
            and not self.parser.should_upgrade()
            and not self.flow.write_paused
            and not self.access_log
            and self.limit_concurrency is None
        )

    def _pass_on(self, pieces: list[bytes]) -> None:
        """Hand a request that was kept to the application, in a task of its own."""
        self._pieces = None
        if self.transport.is_closing():  # what followed was no HTTP
            return
        super().on_headers_complete()
        for piece in pieces:
            super().on_body(piece)

    def _answer(self, body: bytes) -> Answer | None:
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["path"] = self.url.decode("ascii")
        self.scope["raw_path"], self.scope["query_string"] = self.url, b""
        return self.app.answer(self.scope, body)  # type: ignore[no-any-return]

    def _write(self, answer: Answer) -> None:
        parts = [STATUS_LINE[answer.status]]
        for name, value in (*self.server_state.default_headers, *answer.head()):
            parts += (name, b": ", value, b"\r\n")
        stays = self.parser.should_keep_alive()
        parts += (b"\r\n" if stays else b"connection: close\r\n\r\n", answer.body)
        self.transport.write_now(b"".join(parts))  # type: ignore[attr-defined]
        if not stays:
            self.transport.close()
