"""
Decisions over HTTP from one worker of `clew serve`, beside an echo on the same server.

The echo is bare ASGI that reads a body and sends one of a decision's size: what the HTTP server
costs at least. Both run in a process of their own, and are asked by the same few connections.

A decision is answered once its record is on disk, and stored a little later. So there are two
rates: of answers in one round, and with the time until all of its records are stored.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import orjson

from bench.harness import FAR
from bench.worlds import CONTEXT
from client.worlds import creative, policy, slot
from edge.service.asking import consent
from edge.service.clients import Insisting
from edge.service.serving import KEY, Served

__all__ = ["echo", "main"]

#: Connections that each have one request under way.
CONNECTIONS = 16
#: Who is decided for, in turns: people come back after a while, not in the next millisecond.
PEOPLE = 1_600
#: How long one round of one contender lasts, in seconds, and how many there are.
ROUND_SECONDS = 1.0
ROUNDS = 5
#: Decisions a second, for one worker (DESIGN 10).
BUDGET = 2_500.0

_ANSWER = b"x" * 1_300
#: What `/metrics` says when every record is stored.
_IDLE = re.compile(r"^clew_pending\{.*\} 0$", re.MULTILINE)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Read a body and send one."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    length = str(len(_ANSWER)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": _ANSWER})


class Connection:
    """One keep-alive connection, whose client does as little as it can."""

    def __init__(self, port: int, path: str, bodies: Sequence[bytes]) -> None:
        self._requests = cycle(
            b"POST %s HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\n"
            b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            % (path.encode(), KEY.encode(), len(body), body)
            for body in bodies
        )
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30.0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self) -> None:
        """Send the request."""
        self._socket.sendall(next(self._requests))

    def hear(self) -> None:
        """Read the answer."""
        answer = self._socket.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 200"), answer
        head, _, body = answer.partition(b"\r\n\r\n")
        left = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]) - len(body)
        while left > 0:
            left -= len(self._socket.recv(left))

    def close(self) -> None:
        """Let go."""
        self._socket.close()


def rate(connections: Sequence[Connection]) -> float:
    """How many requests a second are answered in one round."""
    began, count = time.perf_counter(), 0
    for one in connections:
        one.ask()
    while time.perf_counter() - began < ROUND_SECONDS:
        for one in connections:
            one.hear()
            one.ask()
        count += len(connections)
    taken = time.perf_counter() - began
    for one in connections:
        one.hear()
    return count / taken


@contextmanager
def echoing() -> Iterator[int]:
    """Serve the echo as `clew serve` is served; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.set_inheritable(True)
    words = ["--fd", str(listener.fileno()), "--loop", "uvloop", "--http", "httptools"]
    words += ["--lifespan", "off", "--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "bench.bench_serve:echo", *words],
        pass_fds=[listener.fileno()],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    try:
        yield listener.getsockname()[1]
    finally:
        process.terminate()
        process.wait()
        listener.close()


def wait_until_stored(port: int) -> float:
    """Wait until no record is on its way; gives how many seconds that took."""
    began = time.perf_counter()
    while not _IDLE.search(httpx.get(f"http://127.0.0.1:{port}/metrics").text):
        time.sleep(0.005)
    return time.perf_counter() - began


def main() -> None:
    """Compare decisions with the echo, in turns; the best round of each counts."""
    arms = [creative("plain"), *(creative(f"arm-{number}") for number in range(4))]
    document = policy(slots=[slot()], creatives=arms)
    asked = [
        {
            "id": f"{number:032x}",  # as a client's has
            "slots": ["hero"],
            "subject": f"u-{number}",
            "context": CONTEXT,
        }
        for number in range(PEOPLE)
    ]
    bodies = [orjson.dumps(one) for one in asked]
    with (
        tempfile.TemporaryDirectory() as folder,
        Served(Path(folder), document) as served,
        echoing() as port,
    ):
        with Insisting(served.port, KEY) as client:
            for one in asked:
                client.append(consent(one["subject"]))
                client.post("/clew/v1/decide", one)
        contenders = {
            "bare echo": [Connection(port, "/", bodies) for _ in range(CONNECTIONS)],
            "decide": [
                Connection(served.port, "/clew/v1/decide", bodies[first::CONNECTIONS])
                for first in range(CONNECTIONS)
            ],
        }
        rates = dict.fromkeys([*contenders, "until stored"], 0.0)
        wait_until_stored(served.port)
        for _ in range(ROUNDS):
            for name, connections in contenders.items():
                found = rate(connections)
                rates[name] = max(rates[name], found)
            longer = ROUND_SECONDS + wait_until_stored(served.port)
            rates["until stored"] = max(rates["until stored"], found * ROUND_SECONDS / longer)
        for connections in contenders.values():
            for one in connections:
                one.close()
    print(f"{'serve: one worker':<20}  {'req/s':>8}  {'× floor':>8}")
    for name, found in rates.items():
        print(f"{name:<20}  {found:>8,.0f}  {rates['bare echo'] / found:>8.2f}")
    if "--check" in sys.argv[1:] and rates["decide"] < BUDGET / FAR:
        raise SystemExit(f"decide: {rates['decide']:,.0f} req/s; the budget is {BUDGET:,.0f}")


if __name__ == "__main__":
    main()
