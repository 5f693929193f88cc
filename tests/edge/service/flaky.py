"""A way to a server that fails as ways do: it is overloaded, or loses the answer."""

import http.client
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

from edge.http.wire import GUARD_SECONDS

__all__ = ["Fault", "Way", "flaky"]

#: `overload`: answered with 503 before the server has seen it; `lost`: the server has it and
#: answers, and the answer never arrives.
Fault = Literal["overload", "lost"]


class Way:
    """What happens to what is posted on its way, in order; after that all goes well."""

    def __init__(self, port: int, faults: Iterable[Fault]) -> None:
        self.upstream = port
        self.counted: Counter[str] = Counter()
        self._faults = deque(faults)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def fail(self, *faults: Fault) -> None:
        """Let these happen to the next requests."""
        self._faults.extend(faults)

    def fate(self) -> str:
        """What happens to the next request."""
        fate = self._faults.popleft() if self._faults else "fine"
        self.counted[fate] += 1
        return fate

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def flaky(port: int, *faults: Fault) -> Iterator[Way]:
    """Stand before a server."""
    way = Way(port, faults)
    try:
        yield way
    finally:
        way.close()


def _handler(way: Way) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self._pass_on(body, way.fate())

        def do_GET(self) -> None:
            self._pass_on(None, "fine")

        def _pass_on(self, body: bytes | None, fate: str) -> None:
            if fate == "overload":
                self._answer(503, b'{"code": "overload", "message": "later"}', retry_after="1")
                return
            server = http.client.HTTPConnection("127.0.0.1", way.upstream, timeout=GUARD_SECONDS)
            server.request(self.command, self.path, body, dict(self.headers))
            answer = server.getresponse()
            content = answer.read()
            server.close()
            if fate == "lost":
                self.close_connection = True
                return
            self._answer(answer.status, content)

        def _answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
