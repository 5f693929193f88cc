"""The other side of a server: HTTP/1.1 read strictly and piece by piece, over one connection."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE, Popen, TimeoutExpired
from typing import Any

import h11
from attrs import define, field, frozen

__all__ = ["Got", "Wire", "connected", "listening"]

#: What a test waits for comes within this, or the test fails.
GUARD_SECONDS = 60.0


@frozen
class Got:
    """A whole answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    trailers: list[Any]

    @property
    def shown(self) -> bytes:
        """The page without what is handed over at its end."""
        return self.body.partition(b'<script type="application/json" id="clew-state"')[0]


@define
class Wire:
    """One connection; whatever breaks HTTP's framing raises `h11.RemoteProtocolError`."""

    _socket: socket.socket
    _state: h11.Connection = field(factory=lambda: h11.Connection(h11.CLIENT))

    def ask(self, path: str, *, method: str = "GET", version: str = "1.1", **headers: str) -> None:
        """Send a request; a header's name has `_` for `-`."""
        if self._state.our_state is h11.DONE:
            self._state.start_next_cycle()
        named = {"host": "shop.test", "accept": "text/html", **headers}
        told = [(name.replace("_", "-"), value) for name, value in named.items()]
        request = h11.Request(method=method, target=path, headers=told)
        sent = b"".join(self._state.send(event) or b"" for event in (request, h11.EndOfMessage()))
        self._socket.sendall(sent.replace(b"HTTP/1.1", f"HTTP/{version}".encode(), 1))

    def head(self) -> h11.Response:
        """Wait for the status and the headers."""
        event = self._next()
        assert isinstance(event, h11.Response), event
        return event

    def piece(self) -> bytes:
        """Wait for bytes of the body; none says that it has ended."""
        event = self._next()
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    def until(self, part: bytes) -> bytes:
        """Wait for a part of the body, and give all that came."""
        got = b""
        while part not in got:
            piece = self.piece()
            assert piece, f"the body ended with {got!r}"
            got += piece
        return got

    def get(self, path: str, **asked: str) -> Got:
        """Ask, and wait for the whole answer."""
        self.ask(path, **asked)
        return self.rest(self.head())

    def rest(self, head: h11.Response) -> Got:
        """Wait for the rest of an answer."""
        body = b""
        while isinstance(event := self._next(), h11.Data):
            body += event.data
        assert isinstance(event, h11.EndOfMessage), event
        named = {name.decode(): value.decode() for name, value in head.headers}
        return Got(head.status_code, named, body, list(event.headers))

    def hang_up(self) -> None:
        """Go away in the middle."""
        self._socket.close()

    def _next(self) -> Any:
        while (event := self._state.next_event()) is h11.NEED_DATA:
            self._state.receive_data(self._socket.recv(65_536))
        return event


@contextmanager
def connected(port: int) -> Iterator[Wire]:
    """Open a connection."""
    with socket.create_connection(("127.0.0.1", port), GUARD_SECONDS) as opened:
        yield Wire(opened)


@contextmanager
def listening(*command: str, **environment: str) -> Iterator[int]:
    """Run a server that says its port and ends with its standard input; give the port."""
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            try:
                process.wait(GUARD_SECONDS)
            except TimeoutExpired:
                process.kill()
                raise
