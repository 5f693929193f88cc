"""The few words of ASGI that the service speaks: types, headers, whole answers."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

import orjson

__all__ = ["WHOLE", "Message", "Receive", "Scope", "Send", "header", "respond", "respond_json"]

#: A scope has this once all of its request has arrived, where the server tells so.
WHOLE = "clew.whole"

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


def header(scope: Scope, name: bytes) -> bytes | None:
    """Give the first header of a name, which is written in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return value  # type: ignore[no-any-return]
    return None


async def respond(
    send: Send,
    status: int,
    body: bytes,
    media_type: bytes,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Answer with a whole body; no cache on the way may keep it."""
    more = (
        [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        if headers
        else []
    )
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", media_type),
                (b"content-length", b"%d" % len(body)),
                (b"cache-control", b"no-store"),
                *more,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def respond_json(
    send: Send, document: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> None:
    """Answer with a JSON document."""
    await respond(send, status, orjson.dumps(document), b"application/json", headers)
