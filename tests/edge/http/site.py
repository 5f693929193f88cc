"""An application with a page of every kind; what it waits for, another request lets happen."""

import asyncio
import gc
import gzip
import logging
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from clew import Client
from clew.backends.memory import MemoryStore
from clew_edge import ClewMiddleware

__all__ = ["PAGE", "ZIPPED", "StuckStore", "create_app"]

PAGE = b'<!doctype html><p>before</p><clew-slot name="hero">default</clew-slot><p>after</p>'
BEFORE, SLOT, AFTER = PAGE.partition(b'<clew-slot name="hero">default</clew-slot>')
ZIPPED = gzip.compress(PAGE, mtime=0)

#: What would let caches answer for us, were it to stay.
CACHEABLE = {"cache-control": "public, max-age=600", "etag": '"1"'}


class StuckStore(MemoryStore):
    """A store whose reads hang while it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.goes = threading.Event()
        self.goes.set()

    def changes(self):
        assert self.goes.wait(120)
        return super().changes()


class Log(logging.Handler):
    """Keeps what was worth a warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.name}: {record.getMessage()}")

    def taken(self) -> list[str]:
        """What was said since this was last asked, with what only the collector finds out."""
        gc.collect()
        lines, self.lines = self.lines, []
        return lines


class Streamed(StreamingResponse):
    """A page in pieces that says when it is over, however it ended."""

    def __init__(self, body: AsyncIterator[bytes], done: Callable[[], None]) -> None:
        super().__init__(body, media_type="text/html")
        self._done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._done()


class Site:
    """
    The pages, and the gates at which they wait.

    `GET /gate/x` answers when the gate x is open, and `POST /gate/x` opens it; a page waits at the
    gate that `?gate=` names, and tells by `?done=` which one it opens at its end.
    """

    def __init__(self, store: StuckStore, file: Path) -> None:
        self._store = store
        self._file = file
        self._gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._log = Log()
        logging.getLogger().addHandler(self._log)

    def routes(self) -> list[Route | WebSocketRoute]:
        """Every path with what answers it."""
        pages = {
            "/page": lambda r: HTMLResponse(PAGE, headers=CACHEABLE),
            "/plain": lambda r: HTMLResponse(BEFORE + AFTER, headers=CACHEABLE),
            "/json": lambda r: JSONResponse({"a": 1}, headers=CACHEABLE),
            "/missing": lambda r: HTMLResponse(PAGE, 404),
            "/nothing": lambda r: Response(status_code=204, headers=CACHEABLE),
            "/unchanged": lambda r: Response(
                status_code=304, media_type="text/html", headers=CACHEABLE
            ),
            "/part": lambda r: HTMLResponse(
                PAGE[:40], 206, headers={"content-range": f"bytes 0-39/{len(PAGE)}"}
            ),
            "/gzip": lambda r: HTMLResponse(ZIPPED, headers={"content-encoding": "gzip"}),
            "/no-transform": lambda r: HTMLResponse(
                PAGE, headers={"cache-control": "no-transform"}
            ),
            "/file": lambda r: FileResponse(self._file),
            "/events": self._events,
            "/background": self._background,
            "/pieces": lambda r: self._streamed(r, [PAGE[:70], PAGE[70:]]),
            "/broken": lambda r: self._streamed(r, [BEFORE + SLOT[:30]], fails=True),
            "/endless": lambda r: self._streamed(r, [PAGE + bytes(65_536)] * 1_000),
            "/gate/{name}": self._gate,
            "/stuck/{word}": self._stick,
            "/log": lambda r: JSONResponse(self._log.taken()),
            "/tasks": lambda r: JSONResponse(sorted(map(_name, asyncio.all_tasks()))),
        }
        return [
            WebSocketRoute("/echo", _echo),
            *(Route(path, _awaited(view), methods=["GET", "POST"]) for path, view in pages.items()),
        ]

    async def _passed(self, request: Request) -> None:
        await self._gates[request.query_params["gate"]].wait()

    def _done(self, request: Request) -> None:
        self._gates[request.query_params["done"]].set()

    async def _gate(self, request: Request) -> Response:
        gate = self._gates[request.path_params["name"]]
        if request.method == "POST":
            gate.set()
        await gate.wait()
        return PlainTextResponse("open")

    async def _stick(self, request: Request) -> Response:
        (self._store.goes.clear if request.path_params["word"] == "on" else self._store.goes.set)()
        return PlainTextResponse("done")

    async def _events(self, request: Request) -> Response:
        async def events() -> AsyncIterator[bytes]:
            yield b"data: 1\n\n"
            await self._passed(request)
            yield b'data: <clew-slot name="hero"></clew-slot>\n\n'

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _background(self, request: Request) -> Response:
        async def work() -> None:
            await self._passed(request)
            self._done(request)

        return HTMLResponse(PAGE, background=BackgroundTask(work))

    async def _streamed(
        self, request: Request, pieces: list[bytes], *, fails: bool = False
    ) -> Response:
        """Send the first piece, wait at the gate, send the others; then fail, if told so."""

        async def body() -> AsyncIterator[bytes]:
            yield pieces[0]
            await self._passed(request)
            for piece in pieces[1:]:
                yield piece
            if fails:
                raise ZeroDivisionError

        return Streamed(body(), lambda: self._done(request))


def create_app(client: Client, store: StuckStore, file: Path) -> ASGIApp:
    """
    Wrap the site twice: under `/hasty` a decision has little time, else as long as it likes.

    The cookie `who` names the visitor; the header `x-mood` is what the policy reads.
    """
    site = Starlette(routes=Site(store, file).routes())
    options = {
        "client": client,
        "subject": lambda request: request.cookies.get("who"),
        "context": lambda request: {"mood": request.headers.get("x-mood", "calm")},
        "traffic": lambda request: "human",
    }
    hasty = ClewMiddleware(site, **options)
    patient = ClewMiddleware(site, deadline_ms=120_000, **options)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/hasty/"):
            await hasty({**scope, "path": scope["path"].removeprefix("/hasty")}, receive, send)
        else:
            await patient(scope, receive, send)

    return app


def _awaited(view):
    """Starlette runs plain views in threads; ours are quick, and belong on the loop."""

    async def awaited(request: Request) -> Response:
        answer = view(request)
        return answer if isinstance(answer, Response) else await answer

    return awaited


def _name(task: asyncio.Task[object]) -> str:
    return task.get_coro().__qualname__


async def _echo(socket: WebSocket) -> None:
    await socket.accept()
    async for text in socket.iter_text():
        await socket.send_text(text)
