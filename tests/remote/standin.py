"""
A server of the wire in the test's own process, which can be told to fail in every way.

Behind it is an embedded backend, so what it answers is what `clew serve` answers.
"""

import gzip
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson
from attrs import Factory, define

from clew.backends.embedded import Embedded
from clew.backends.http.transport import Response
from clew.codec import from_json, to_json
from clew.errors import ConfigurationError
from clew.model.request import DecisionRequest

__all__ = ["KEY", "PATIENCE_SECONDS", "Server"]

KEY = "clew_test-key"

#: Long enough for the slowest machine; whoever waits in vain fails by it.
PATIENCE_SECONDS = 60


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A client that has gone is no fault of the server's."""


@define(eq=False)
class Server:
    """
    Answers the native routes of one tenant.

    Args:
        backend: what is asked; a test may look into it.
    """

    backend: Embedded
    #: By path, what is answered instead; or None for nobody's fault.
    answer: Callable[[str], Response | None] = lambda _: None
    #: Paths whose requests are carried out, and then the connection is cut.
    cutting: set[str] = Factory(set)
    #: Every request that arrived, as (method, path, decoded body).
    requests: list[tuple[str, str, Any]] = Factory(list)
    #: Set once a request has arrived that waits.
    reached: threading.Event = Factory(threading.Event)
    _free: threading.Event = Factory(threading.Event)
    _listener: _Listener | None = None
    _port: int = 0
    _lock: threading.Lock = Factory(threading.Lock)

    @property
    def url(self) -> str:
        """Where it is, with the key to it."""
        return f"http://{KEY}@127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen; again on the same port after `stop`."""
        self._free.set()
        handler = type("Handler", (_Handler,), {"server_of_test": self})
        self._listener = _Listener(("127.0.0.1", self._port), handler)
        self._port = self._listener.server_port
        threading.Thread(target=self._listener.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Listen no longer: connections are refused, and those that are open end."""
        if self._listener is not None:
            self._listener.shutdown()
            self._listener.server_close()
            self._listener = None
        self.go_on()

    @property
    def is_up(self) -> bool:
        """Whether it listens."""
        return self._listener is not None

    def hang(self) -> None:
        """From now on nothing is answered."""
        self.reached.clear()
        self._free.clear()

    def go_on(self) -> None:
        """Answer everything that waits, and go on."""
        self._free.set()

    def asked(self, path: str) -> list[Any]:
        """The bodies of all requests to a path."""
        return [body for _, each, body in list(self.requests) if each == path]

    def respond(self, method: str, target: str, headers: Any, body: bytes) -> Response:
        """Answer one request."""
        parts = urlsplit(target)
        document = orjson.loads(body) if body else None
        self.requests.append((method, parts.path, document))
        if headers["Authorization"] != f"Bearer {KEY}":
            return _problem(401, "this key is not known here")
        if not self._free.is_set():
            self.reached.set()
            self._free.wait(PATIENCE_SECONDS)
        told = self.answer(parts.path)
        if told is not None:
            return told
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            return self._route(parts.path, query, document, headers)

    def _route(self, path: str, query: dict[str, str], document: Any, headers: Any) -> Response:
        match path.split("/")[3:]:
            case ["append"]:
                results = self.backend.append([orjson.dumps(each) for each in document["items"]])
                return _json({"results": [to_json(each) for each in results]})
            case ["decide"]:
                return _json({"decisions": self._decide(document)})
            case ["policy"]:
                return self._policy(headers["If-None-Match"])
            case ["measure"]:
                return self._measure(query)
            case steps:
                return self._by_name([unquote(step) for step in steps], query)

    def _policy(self, known: str | None) -> Response:
        compiled = self.backend.compiled()
        if compiled is None:
            return _problem(404, "there is no live policy")
        etag = f'"{compiled.policy.version}"'
        if known == etag:
            return Response(304, headers={"ETag": etag})
        return Response(200, orjson.dumps(to_json(compiled.policy)), {"ETag": etag})

    def _measure(self, query: dict[str, str]) -> Response:
        try:
            found = self.backend.measure(
                query.get("objective"),
                holdout=query.get("holdout"),
                looks=int(query.get("looks", 0)),
            )
        except ConfigurationError as error:
            return _problem(422, str(error))
        return _json({"measurements": [to_json(each) for each in found]})

    def _by_name(self, steps: list[str], query: dict[str, str]) -> Response:
        match steps:
            case ["subjects", name]:
                return _json(to_json(self.backend.subject(name)))
            case ["subjects", name, "decisions"]:
                seconds = float(query["within_seconds"])
                found = self.backend.decisions(name, within_seconds=seconds)
                return _json({"decisions": [to_json(each) for each in found]})
            case ["decisions", name]:
                made = self.backend.decision(name)
                return _problem(404, "no such decision") if made is None else _json(to_json(made))
        return _problem(404, "there is nothing here")

    def _decide(self, document: dict[str, Any]) -> list[Any]:
        signals = document.get("signals", ())
        if signals:
            self.backend.append([orjson.dumps({"signal": each}) for each in signals])
        request = from_json(DecisionRequest, {**document, "signals": []})
        made, records = self.backend.decide(request)
        self.backend.append(records)
        return [to_json(each) for each in made.values()]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server_of_test: Server

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        zipped = self.headers["Content-Encoding"] == "gzip"
        self._answer(gzip.decompress(body) if zipped else body)

    def log_message(self, *_: Any) -> None:
        """The tests say what they saw."""

    def _answer(self, body: bytes) -> None:
        server = self.server_of_test
        response = server.respond(self.command, self.path, self.headers, body)
        if not server.is_up or urlsplit(self.path).path in server.cutting:
            self.close_connection = True
            return
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)
        self.wfile.flush()


def _json(document: Any) -> Response:
    return Response(200, orjson.dumps(document), {"Content-Type": "application/json"})


_NOT_FOUND = 404


def _problem(status: int, detail: str, **headers: str) -> Response:
    kind = "urn:clew:problem:absent" if status == _NOT_FOUND else "urn:clew:problem:refused"
    body = orjson.dumps({"type": kind, "title": "refused", "status": status, "detail": detail})
    return Response(status, body, {"Content-Type": "application/problem+json", **headers})
