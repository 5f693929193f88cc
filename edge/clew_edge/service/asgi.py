"""The few words of ASGI that the service speaks: types, headers, whole answers."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

import orjson
from attrs import Factory, frozen

__all__ = [
    "WHOLE",
    "Answer",
    "Message",
    "Receive",
    "Scope",
    "Send",
    "header",
    "respond",
    "respond_json",
]

#: A scope has this once all of its request has arrived, where the server tells so.
WHOLE = "clew.whole"

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


@frozen
class Answer:
    """A whole answer; no cache on the way may keep it."""

    status: int
    body: bytes
    media_type: bytes = b"application/json"
    headers: Mapping[str, str] = Factory(dict)

    def head(self) -> list[tuple[bytes, bytes]]:
        """Its header fields, as ASGI has them."""
        return [
            (b"content-type", self.media_type),
            (b"content-length", b"%d" % len(self.body)),
            (b"cache-control", b"no-store"),
            *[
                (name.encode("latin-1"), text.encode("latin-1"))
                for name, text in self.headers.items()
            ],
        ]


def header(scope: Scope, name: bytes) -> bytes | None:
    """Give the first header of a name, which is written in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return value  # type: ignore[no-any-return]
    return None


async def respond(send: Send, answer: Answer) -> None:
    """Send an answer."""
    start = {"type": "http.response.start", "status": answer.status, "headers": answer.head()}
    await send(start)
    await send({"type": "http.response.body", "body": answer.body})


async def respond_json(
    send: Send, document: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    """Answer with a JSON document."""
    await respond(send, Answer(status, orjson.dumps(document), headers=headers or {}))
