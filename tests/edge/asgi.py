"""Applications that send exactly what a test says, and a server that keeps what it is sent."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from attrs import frozen

__all__ = ["Answer", "answering", "ask", "eventually", "html", "page", "start"]

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
Message = dict[str, Any]


@frozen
class Answer:
    """What came out of an application for one request."""

    messages: list[Message]

    @property
    def status(self) -> int:
        return next(m["status"] for m in self.messages if m["type"] == "http.response.start")

    @property
    def headers(self) -> dict[str, str]:
        """By name; of several of one name, the last."""
        found = next(m["headers"] for m in self.messages if m["type"] == "http.response.start")
        return {name.decode(): value.decode() for name, value in found}

    @property
    def cookies(self) -> list[str]:
        found = next(m["headers"] for m in self.messages if m["type"] == "http.response.start")
        return [value.decode() for name, value in found if name == b"set-cookie"]

    @property
    def body(self) -> bytes:
        return b"".join(
            m.get("body", b"") for m in self.messages if m["type"] == "http.response.body"
        )

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def shown(self) -> str:
        """The page without what is handed over at its end."""
        return self.text.partition('<script type="application/json" id="clew-state"')[0]


def start(status: int = 200, **headers: str) -> Message:
    """A start message; `content_type` is the header `content-type`."""
    return {
        "type": "http.response.start",
        "status": status,
        "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()],
    }


def html(**headers: str) -> Message:
    """The start of a page."""
    return start(200, **{"content_type": "text/html; charset=utf-8"} | headers)


def page(*chunks: bytes) -> list[Message]:
    """The body of a response, in pieces."""
    last = len(chunks) - 1
    return [
        {"type": "http.response.body", "body": chunk, "more_body": at < last}
        for at, chunk in enumerate(chunks)
    ]


def answering(*messages: Message) -> App:
    """An application that sends these very objects."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return app


async def ask(
    app: App,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (("accept", "text/html"),),
    body: bytes = b"",
    **scope: Any,
) -> Answer:
    """One request."""
    messages: list[Message] = []
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    whole = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(n.lower().encode(), v.encode()) for n, v in headers],
        "client": ("127.0.0.1", 1),
        "server": ("shop.test", 80),
        "extensions": {},
        **scope,
    }
    await app(whole, receive, send)
    return Answer(messages)


async def eventually(happened: Callable[[], Any]) -> None:
    """Wait for what another thread does."""
    while not happened():  # noqa: ASYNC110 - a thread tells no event of this loop
        await asyncio.sleep(0.001)
