"""
Bodies of requests, bounded in bytes and time before anything is done with them.

A body is bounded as it is sent and again as it is decompressed, and never decompressed further than
the bound: 48 KB of gzip can be 50 MB of zeros. Its bytes stay claimed of the service's room until
the request is answered.
"""

import asyncio
import zlib

from clew_edge.service.asgi import WHOLE, Message, Receive, Scope, header
from clew_edge.service.limits import Limits
from clew_edge.service.problems import RefusedError

__all__ = ["CLAIMED", "DisconnectedError", "discard", "read_body"]

#: Where a scope keeps how many bytes its request has claimed.
CLAIMED = "clew.claimed"

#: Whether a scope's body has been read to its end.
_READ = "clew.read"
#: How long the rest of a refused body may take, in seconds.
_DISCARD_SECONDS = 1.0

_GZIP = 31  # zlib's window bits for gzip, RFC 1952
#: How much is unpacked at once, in bytes: behind each member zlib copies what is left of it.
PIECE_BYTES = 4_096


class DisconnectedError(Exception):
    """The client has gone; nobody waits for an answer."""


async def read_body(scope: Scope, receive: Receive, limits: Limits) -> bytes:
    """
    Read a body, decompressed.

    Raises:
        RefusedError: it is too large, too slow, not gzip, or there is no room for it.
        DisconnectedError: the client has gone.
    """
    encoding = (header(scope, b"content-encoding") or b"identity").strip().lower()
    if encoding not in {b"identity", b"gzip", b""}:
        raise RefusedError(
            415,
            "this content-encoding is not read; send gzip or none",
            "encoding",
            {"accept-encoding": "gzip"},
        )
    declared = header(scope, b"content-length")
    if declared is not None and declared.isdigit() and int(declared) > limits.body_bytes:
        raise _too_large(limits.body_bytes)
    try:
        if WHOLE in scope:  # as most: to set a deadline costs what it costs to parse a request
            body = await _received(scope, receive, limits)
        else:
            async with asyncio.timeout(limits.read_seconds):
                body = await _received(scope, receive, limits)
    except TimeoutError:
        raise RefusedError(
            408,
            f"the body took over {limits.read_seconds:g} s to arrive; send it faster or in parts",
            "timeout",
        ) from None
    if encoding != b"gzip":
        return body
    return _decompressed(scope, body, limits)


async def discard(scope: Scope, receive: Receive, limits: Limits) -> bool:
    """
    Read on to the end of a body that is refused, as far as it is not long; whether it was.

    A connection that is closed while the client still sends may lose it the answer (RFC 9112,
    section 9.6), and one that is kept with a body unread has no deadline any more.

    Raises:
        DisconnectedError: the client has gone.
    """
    if _READ in scope:
        return True
    if header(scope, b"expect") is not None:  # it waits to be told whether to send
        return False
    left = limits.document_bytes
    try:
        async with asyncio.timeout(_DISCARD_SECONDS):
            while left > 0:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise DisconnectedError
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return True
    except TimeoutError:
        pass
    return False


async def _received(scope: Scope, receive: Receive, limits: Limits) -> bytes:
    """Take a body as it comes."""
    message = await receive()
    body = _piece(message, scope, limits)
    if message.get("more_body", False):
        chunks = [body]
        while message.get("more_body", False):
            message = await receive()
            chunks.append(_piece(message, scope, limits))
        body = b"".join(chunks)
    scope[_READ] = True
    return body


def _piece(message: Message, scope: Scope, limits: Limits) -> bytes:
    """Take a piece of a body, and claim room for it."""
    if message["type"] == "http.disconnect":
        raise DisconnectedError
    piece: bytes = message.get("body", b"")
    if scope.get(CLAIMED, 0) + len(piece) > limits.body_bytes:
        raise _too_large(limits.body_bytes)
    _claim(scope, limits, len(piece))
    return piece


def _decompressed(scope: Scope, body: bytes, limits: Limits) -> bytes:
    """Unpack gzip of one member or several (RFC 1952, section 2.2)."""
    parts: list[bytes] = []
    left = limits.document_bytes
    member = zlib.decompressobj(_GZIP)
    try:
        for start in range(0, len(body), PIECE_BYTES):
            piece = body[start : start + PIECE_BYTES]
            while piece:
                if member.eof:
                    member = zlib.decompressobj(_GZIP)
                part = member.decompress(piece, left + 1)
                left -= len(part)
                if left < 0:
                    raise _too_large(limits.document_bytes, "unpacked ")
                _claim(scope, limits, len(part))
                parts.append(part)
                piece = member.unused_data
    except zlib.error as error:
        raise _no_gzip(str(error)) from None
    if body and not member.eof:
        raise _no_gzip("it ends early")
    return b"".join(parts)


def _claim(scope: Scope, limits: Limits, count: int) -> None:
    limits.room.take(count)
    scope[CLAIMED] = scope.get(CLAIMED, 0) + count


def _too_large(limit: int, how: str = "") -> RefusedError:
    return RefusedError(
        413,
        f"the {how}body is over {limit} bytes; send less at once",
        "too_large",
    )


def _no_gzip(why: str) -> RefusedError:
    return RefusedError(
        400, f"the body is not the gzip that its content-encoding says: {why}", "encoding"
    )
