"""Bodies are bounded as they are sent, as they are unpacked, in time and all together (T24)."""

import asyncio
import gzip
import zlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from clew_edge.service import bodies
from clew_edge.service.asgi import WHOLE
from clew_edge.service.bodies import (
    CLAIMED,
    PIECE_BYTES,
    DisconnectedError,
    discard,
    read_body,
)
from clew_edge.service.limits import Limits, Room
from clew_edge.service.problems import RefusedError

LIMITS = Limits(body_bytes=1_000, document_bytes=2_000)


def read(
    chunks: Sequence[bytes | None],
    limits: Limits = LIMITS,
    scope: dict[str, Any] | None = None,
    **headers: str,
) -> bytes:
    """Read a body that arrives in chunks; None is where the client stops sending."""
    scope = {} if scope is None else scope
    scope |= {
        "method": "POST",
        "headers": [(n.replace("_", "-").encode(), v.encode()) for n, v in headers.items()],
    }
    return asyncio.run(read_body(scope, receiver(chunks), limits))


def receiver(chunks: Sequence[bytes | None]) -> Any:
    """What a server gives an application."""
    left = list(chunks)

    async def receive() -> Any:
        chunk = left.pop(0) if left else b""
        if chunk is None:
            await asyncio.Event().wait()
        if chunk == b"gone":
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    return receive


def refusal(*args: Any, **more: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    with pytest.raises(RefusedError) as refused:
        read(*args, **more)
    return refused.value.status, refused.value.code


def test_a_body_in_pieces() -> None:
    """The pieces of a body are put together."""
    assert read([b"a" * 500, b"", b"b" * 500]) == b"a" * 500 + b"b" * 500


@pytest.mark.parametrize("told", [{}, {WHOLE: True}], ids=["by any server", "by ours"])
def test_a_server_that_takes_its_time_with_what_it_has(told: dict[str, Any]) -> None:
    """A piece that was taken is not lost while the server, or a middleware, awaits more."""

    async def slowly() -> Any:
        message = await receive()
        await asyncio.sleep(0)
        return message

    receive = receiver([b"a", b"b"])
    scope = {"method": "POST", "headers": [], **told}
    assert asyncio.run(read_body(scope, slowly, LIMITS)) == b"ab"


def test_a_body_over_the_bound() -> None:
    """A body is refused before it is read where it says its length, and else at the bound."""
    assert refusal([None], content_length="1001") == (413, "too_large")
    assert refusal([b"a" * 600, b"a" * 600, None]) == (413, "too_large")


def test_a_compressed_body_over_the_bound() -> None:
    """A gzip bomb is not unpacked beyond the bound."""
    bomb = gzip.compress(b"\0" * 100_000)
    assert len(bomb) < LIMITS.body_bytes
    assert refusal([bomb], content_encoding="gzip") == (413, "too_large")


def test_members_of_a_bomb_count_together() -> None:
    """Several members of gzip share the bound."""
    assert refusal([gzip.compress(b"\0" * 1_500) * 2], content_encoding="gzip") == (
        413,
        "too_large",
    )


@pytest.mark.parametrize("size", [1, 7, PIECE_BYTES])
def test_members_and_pieces_end_anywhere(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """What is unpacked piece by piece is the same, wherever its members begin and end."""
    monkeypatch.setattr(bodies, "PIECE_BYTES", size)
    texts = [b"", b"a", b"", b"b" * 900, b"c" * 100]
    packed = b"".join(gzip.compress(text) for text in texts)
    assert read([packed], content_encoding="gzip") == b"".join(texts)


def test_many_members_cost_what_their_length_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many members there are, what follows is not copied for each of them."""
    given = []

    class Counted:
        def __init__(self, *bits: int) -> None:
            self._member = zlib.decompressobj(*bits)

        def decompress(self, data: bytes, limit: int) -> bytes:
            given.append(len(data))
            return self._member.decompress(data, limit)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._member, name)

    empty = gzip.compress(b"")
    packed = empty * (3 * PIECE_BYTES // len(empty))
    monkeypatch.setattr(bodies, "zlib", SimpleNamespace(decompressobj=Counted, error=zlib.error))
    assert read([packed], Limits(), content_encoding="gzip") == b""
    assert max(given) <= PIECE_BYTES


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"plain", id="plain"),
        pytest.param(gzip.compress(b"x" * 100)[:-9], id="cut-short"),
        pytest.param(gzip.compress(b"x") + b"more", id="more-behind-it"),
        pytest.param(gzip.compress(b"x") + gzip.compress(b"y")[:5], id="the-second-cut-short"),
        pytest.param(zlib.compress(b"x"), id="zlib"),
    ],
)
def test_what_is_no_gzip(body: bytes) -> None:
    """A body that is not what its encoding says is refused."""
    assert refusal([body], content_encoding="gzip") == (400, "encoding")


def test_an_encoding_that_is_not_read() -> None:
    """Another encoding is refused unread, and the answer says which are (RFC 9110, 12.5.3)."""
    assert refusal([None], content_encoding="br") == (415, "encoding")


def test_a_body_that_takes_too_long() -> None:
    """A body that does not arrive in time is given up."""
    slow = Limits(read_seconds=0.001)
    assert refusal([b"a", None], slow) == (408, "timeout")


def test_a_client_that_goes() -> None:
    """When the client has gone, nobody is answered."""
    with pytest.raises(DisconnectedError):
        read([b"a", b"gone"])


def test_all_bodies_together() -> None:
    """Bodies claim of one room, unpacked ones twice, and beyond it are refused for a moment."""
    limits = Limits(room=Room(100))
    scope: dict[str, Any] = {}
    read([b"a" * 60], limits, scope)
    assert scope[CLAIMED] == 60
    assert refusal([b"a" * 60], limits) == (503, "overload")
    limits.room.give_back(scope[CLAIMED])
    limits.room.give_back(0)
    packed = gzip.compress(b"a" * 90)
    assert refusal([packed], limits, content_encoding="gzip") == (503, "overload")


def test_the_rest_of_a_refused_body() -> None:
    """A refused body is read to its end if it is not long, so that the answer arrives."""

    def rest(chunks: Sequence[bytes | None], headers: Any = ()) -> bool:
        scope = {"method": "POST", "headers": headers}
        return asyncio.run(discard(scope, receiver(chunks), LIMITS))

    assert rest([b"a" * 500] * 3)
    assert not rest([b"a" * 500] * 10)
    assert not rest([b"a"], [(b"expect", b"100-continue")])
