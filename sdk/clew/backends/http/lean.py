"""
The transport where no proxy lies between: kept-alive connections of the standard library.

httpx costs its caller several times the CPU of the request itself, which counts where a page waits
for it. It also takes longer to import than a process may take to end, so that one which lives for a
moment would deliver nothing at its end. There are no proxies, redirects or cookies here; whoever
needs a proxy gets httpx.
"""

import encodings.idna  # noqa: F401 - else the first look-up of a name loads it, and a fork may come
import select
import socket
import ssl
import threading
from collections.abc import Mapping
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader, RawIOBase
from time import monotonic
from typing import Any

from clew.backends.http.address import Address
from clew.backends.http.transport import (
    BODY_MAX,
    TOO_LARGE,
    TOO_LATE,
    Response,
    UnreachableError,
    unanswered,
)
from clew.errors import BackendUnavailableError

__all__ = ["LeanTransport"]

#: Connections that are kept open while nobody uses them.
IDLE_MAX = 16


class LeanTransport:
    """Carries requests over `http.client`; as `Transport`."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._headers = address.headers
        self._idle: list[HTTPConnection] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float,
    ) -> Response:
        """As `Transport.request`."""
        try:
            connection = self._connection(seconds)
        except (OSError, HTTPException, ValueError) as error:
            raise UnreachableError(unanswered(self._address.base, error)) from error
        try:
            connection.request(
                method,
                f"{self._address.prefix}{path}",
                body=body,
                headers={**self._headers, **(headers or {})},
            )
            with connection.getresponse() as answer:
                response = Response(
                    answer.status,
                    _body_of(answer),
                    {name.lower(): value for name, value in answer.getheaders()},
                )
        except (OSError, HTTPException, ValueError) as error:  # a number that is none
            connection.close()
            raise BackendUnavailableError(unanswered(self._address.base, error)) from error
        except BaseException:
            connection.close()
            raise
        self._keep(connection, is_reusable=not answer.will_close)
        return response

    def close(self) -> None:
        """As `Transport.close`."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _connection(self, seconds: float) -> HTTPConnection:
        """Give a connection that is open still, or a new one."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._new(seconds)
            if connection.sock is not None and not _has_ended(connection):
                connection.sock.settimeout(seconds)
                return connection
            connection.close()

    def _new(self, seconds: float) -> HTTPConnection:
        host, port = self._address.host, self._address.port
        connection: HTTPConnection
        if self._address.scheme == "http":
            connection = _AtOnce(host, port, timeout=seconds)
        else:
            connection = _SafeAtOnce(host, port, timeout=seconds, context=_context())
        try:
            connection.connect()
        except BaseException:
            connection.close()  # TLS may have failed on a connection that is open
            raise
        return connection

    def _keep(self, connection: HTTPConnection, *, is_reusable: bool) -> None:
        with self._lock:
            if is_reusable and not self._is_closed and len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()


def _body_of(answer: HTTPResponse) -> bytes:
    """Read a body, but not one that is too large; a length that is told is believed to be kept."""
    if (answer.length or 0) <= BODY_MAX:
        body = answer.read(BODY_MAX + 1) if answer.length is None else answer.read()
        if len(body) <= BODY_MAX:
            return body
    raise HTTPException(TOO_LARGE)


class _Timely(RawIOBase):
    """
    Reads from a connection by one deadline, however small the pieces in which an answer comes.

    It ends as long from now as the connection may be silent.
    """

    def __init__(self, sock: socket.socket, raw: RawIOBase) -> None:
        self._sock = sock
        self._raw = raw
        self._until = monotonic() + (sock.gettimeout() or 0.0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - monotonic()
        if left <= 0:
            raise TimeoutError(TOO_LATE)
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    """An answer that is complete in time, or none."""

    def __init__(self, sock: socket.socket, *args: Any, **words: Any) -> None:
        super().__init__(sock, *args, **words)
        self.fp = BufferedReader(_Timely(sock, self.fp.detach()))


class _AtOnce(HTTPConnection):
    """
    Sends the head and the body of a request together: one call of the system, often one packet.

    With each call this thread gives the interpreter away, and then waits to have it back.
    """

    response_class = _Answer
    _parts: list[bytes] | None = None

    def request(self, *args: Any, **words: Any) -> None:
        parts: list[bytes] = []
        self._parts = parts
        try:
            super().request(*args, **words)
        finally:
            self._parts = None
        self.send(b"".join(parts))

    def send(self, data: Any) -> None:
        if self._parts is None:
            super().send(data)
        else:
            self._parts.append(data)


class _SafeAtOnce(_AtOnce, HTTPSConnection):
    """The same over TLS."""


@cache
def _context() -> ssl.SSLContext:
    """Whom to trust, as the system says; read once, for it takes tens of milliseconds."""
    return ssl.create_default_context()


def _has_ended(connection: HTTPConnection) -> bool:
    """
    Whether the server has closed a connection while it was idle, which servers do at any time.

    An idle connection has nothing to read but its end. Asked before each use, a request is never
    sent twice for a connection that was gone already.
    """
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))
