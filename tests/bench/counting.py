"""
A server that counts signals and does nothing else, in a process of its own.

It takes the batches of clew, Segment and PostHog, and says how many items it has had in all. Python
would be the bottleneck if it read the JSON: it counts the ids in the bytes, and gives clew its own
back, which it goes by.
"""

import gzip
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from subprocess import PIPE, Popen
from typing import Any
from urllib.request import urlopen

import orjson

__all__ = ["Counting", "counting"]

#: What each item of a batch has once, by the path it is sent to.
_MARKS = {"/clew/v1/append": b'"signal":', "/v1/batch": b'"messageId"', "/batch/": b'"distinct_id"'}


#: How an item of clew begins.
_ID = re.compile(rb'\{"signal":\{"id":"([0-9a-f]+)"')


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    count = 0
    lock = threading.Lock()

    def do_GET(self) -> None:
        if self.path == "/count":
            self._answer({"count": _Handler.count})
        else:  # it counts, and has no policy
            absent = {"type": "urn:clew:problem:absent", "detail": "there is none"}
            self._answer(absent, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        path = self.path.partition("?")[0]
        found = body.count(_MARKS.get(path, b"\0"))
        with self.lock:
            _Handler.count += found
        names = _ID.findall(body) if path.startswith("/clew") else []
        results = [{"id": name.decode(), "status": "applied"} for name in names]
        self._answer({"success": True, "status": 1, "results": results})

    def _answer(self, document: dict[str, Any], status: int = 200) -> None:
        body = orjson.dumps(document)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Counting:
    """The server as its clients see it."""

    def __init__(self, port: int) -> None:
        self.host = f"http://127.0.0.1:{port}"
        self.url = f"http://key@127.0.0.1:{port}"

    def count(self) -> int:
        """How many items it has had."""
        with urlopen(f"{self.host}/count") as answer:  # noqa: S310 - our own server
            return int(orjson.loads(answer.read())["count"])


@contextmanager
def counting() -> Iterator[Counting]:
    """Run the server for as long as the block lasts."""
    with Popen([sys.executable, "-m", "bench.counting"], stdout=PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield Counting(int(server.stdout.readline()))
        finally:
            server.kill()


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as listening:
        listening.daemon_threads = True
        print(listening.server_address[1], flush=True)
        listening.serve_forever()
