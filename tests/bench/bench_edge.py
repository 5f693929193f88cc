"""
What clew adds to a page of 100 KB: the scanner alone, a request in this process, and a server's
requests in a second.

CPU time of the whole process, since deciding takes place on a thread.
"""

import asyncio
import os
import re
import sys
from collections.abc import Callable, Mapping
from secrets import token_hex
from time import perf_counter, process_time_ns
from typing import Any

from bench.edge_worlds import ELEMENTS, FILLING, PLAIN, Site, marked, sites
from bench.harness import Timing, over, table, time_in_turns
from clew_edge import rewrite
from edge.http.wire import listening

__all__ = ["main"]

#: Requests on one run of the event loop, whose start costs as much as a small request.
_AT_ONCE = 8
#: Connections of the load client, and requests of each in a round.
_CONNECTIONS, _EACH, _ROUNDS = 8, 40, 3

_TAG = re.compile(rb"""<[a-zA-Z/!](?:[^<>"']|"[^"]*"|'[^']*')*>""")

#: What is asked for: who serves it, and its path.
REQUESTS = {
    "no-op middleware": ("nothing", "/plain"),
    "clew, not HTML": ("clew", "/style.css"),
    "clew, no slots": ("clew", "/plain"),
    "clew, 5 marks": ("clew", "/marks"),
    "clew, 5 elements": ("clew", "/elements"),
}


def scanning() -> list[str]:
    """Compare the scanner with a regular expression that only finds the tags."""

    def scan(page: bytes, *, nonce: str | None = None, markup: bool = True) -> None:
        known = nonce.encode() if nonce else None
        b"".join(rewrite([page], lambda slot: FILLING, nonce=known, markup=markup))

    def scan_marked(*, markup: bool) -> None:
        nonce = token_hex(16)  # each response has its own
        scan(marked(nonce), nonce=nonce, markup=markup)

    floor = "find tags (re)"
    timings = time_in_turns(
        {
            floor: lambda: sum(1 for _ in _TAG.finditer(PLAIN)),
            "no slots": lambda: scan(PLAIN),
            "no slots, a nonce": lambda: scan(PLAIN, nonce=token_hex(16)),
            "5 marks": lambda: scan_marked(markup=False),
            "5 marks, elements too": lambda: scan_marked(markup=True),
            "5 elements": lambda: scan(ELEMENTS),
        },
        timer=process_time_ns,
    )
    print(table(f"scan {len(PLAIN) // 1024} KB", timings, floor))
    return over(timings, floor, {"no slots": 0.1, "5 marks": 0.1, "5 elements": 0.6})


def serving(made: Mapping[str, Site]) -> list[str]:
    """Compare whole requests in this process; what stands beyond the no-op is clew's."""
    floor = "no-op middleware"
    with asyncio.Runner() as runner:
        calls = {name: _asking(runner, made[site], path) for name, (site, path) in REQUESTS.items()}
        timings = {
            name: Timing(taken.minimum / _AT_ONCE, taken.median / _AT_ONCE)
            for name, taken in time_in_turns(calls, timer=process_time_ns).items()
        }
    print(table("a request, CPU", timings, floor))
    return over(timings, floor, {"clew, not HTML": 3.0, "clew, no slots": 50.0})


def _asking(runner: asyncio.Runner, app: Site, path: str) -> Callable[[], None]:
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "root_path": "",
        "headers": [(b"host", b"shop.test"), (b"accept", b"text/html,*/*;q=0.8")],
        "query_string": b"",
        "extensions": {},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        pass

    async def several() -> None:
        for _ in range(_AT_ONCE):
            await app(dict(scope), receive, send)

    return lambda: runner.run(several())


def loading() -> None:
    """Ask a server in another process, on several connections at once."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with listening(sys.executable, "-m", "bench.edge_worlds", **environment) as port:
        best = dict.fromkeys(REQUESTS, 0.0)
        for _ in range(_ROUNDS):
            for name, (site, path) in REQUESTS.items():
                best[name] = max(best[name], asyncio.run(_rate(port, f"/{site}{path}")))
    width = max(map(len, best))
    print(f"{'uvicorn, httptools':<{width}}  {'requests/s':>10}")
    for name, rate in best.items():
        print(f"{name:<{width}}  {rate:>10.0f}")


async def _rate(port: int, path: str) -> float:
    """Requests answered in a second."""
    begin = perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(_ask(port, path))
    return _CONNECTIONS * _EACH / (perf_counter() - begin)


async def _ask(port: int, path: str) -> None:
    """Ask again and again on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    for _ in range(_EACH):
        writer.write(f"GET {path} HTTP/1.1\r\nhost: a\r\naccept: text/html\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200")
        if b"content-length" in head:
            await reader.readexactly(len(PLAIN))
            continue
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
    writer.close()
    await writer.wait_closed()


def main() -> None:
    """Print the three tables; `--check` fails when a limit is far exceeded."""
    broken = scanning()
    with sites() as made:
        broken += serving(made)
    loading()
    if broken and "--check" in sys.argv[1:]:
        raise SystemExit("\n".join(broken))


if __name__ == "__main__":
    main()
