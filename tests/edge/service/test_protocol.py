"""A connection is kept as long as its client keeps to the times and sizes, and no longer (T24)."""

import asyncio
import logging
from typing import Any

import pytest

from clew_edge.service import protocol
from edge.service.linking import is_left, linked, run

#: A deadline that passes at once, in seconds, but not before what is sent already is read.
SOON = 0.2
GET = b"GET / HTTP/1.1\r\nhost: x\r\n"
CHUNKED = GET + b"transfer-encoding: chunked\r\n\r\n"
#: More than a system keeps of what nobody reads, in bytes.
MUCH = 16 * 1_048_576


async def answering(_scope: Any, _receive: Any, send: Any) -> None:
    """An application that reads nothing."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


async def waiting(_scope: Any, receive: Any, _send: Any) -> None:
    """One that reads to the end, and does not answer."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def counting(_scope: Any, receive: Any, send: Any) -> None:
    """One that says how many bytes the body has."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    said = b"%d bytes" % size
    head = [(b"content-length", b"%d" % len(said))]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": said})


def telling(headers: list[tuple[bytes, bytes]]) -> Any:
    """One that says much."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        length = (b"content-length", b"%d" % MUCH)
        await send({"type": "http.response.start", "status": 200, "headers": [length, *headers]})
        await send({"type": "http.response.body", "body": bytes(MUCH)})

    return app


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nx-slow: ", id="a-piece"),
        pytest.param(GET + b"\r\nG", id="a-piece-of-the-second"),
    ],
)
def test_a_head_that_never_comes(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """A connection is given up when the head of a request is late, the first or a later one."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", SOON)

    async def main() -> None:
        async with linked(answering) as (link, _):
            await link.send(sent)
            assert (await link.rest()).count(b" 204 ") == sent.count(GET)

    run(main)


def test_an_empty_line_after_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Line breaks do not keep a connection that nothing is asked on."""
    monkeypatch.setattr(protocol, "HEAD_SECONDS", SOON)

    async def main() -> None:
        async with linked(answering) as (link, _):
            await link.send(GET + b"\r\n")
            await link.until(b"\r\n\r\n")
            await link.send(b"\r\n")
            assert await link.rest() == b""

    run(main)


UNFINISHED = [
    pytest.param(CHUNKED + b"ff\r\na", id="a-chunk"),
    pytest.param(GET + b"content-length: 9\r\n\r\na", id="a-length"),
    pytest.param(CHUNKED + b"0\r\n", id="trailers"),
    pytest.param(CHUNKED + b"5;a=", id="a-word-of-a-chunk"),
]


@pytest.mark.parametrize("sent", UNFINISHED)
def test_a_rest_that_nobody_reads(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """A request that is not at its end when it is answered has little time to get there."""
    monkeypatch.setattr(protocol, "REST_SECONDS", SOON)

    async def main() -> None:
        async with linked(answering) as (link, _):
            await link.send(sent)
            assert b" 204 " in await link.until(b"\r\n\r\n")
            await link.send(b"a")
            assert await link.rest() == b""

    run(main)


@pytest.mark.parametrize("sent", UNFINISHED)
def test_a_rest_that_never_comes(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """A request has a deadline to its end, whatever the application waits for."""
    monkeypatch.setattr(protocol, "BODY_SECONDS", SOON)

    async def main() -> None:
        async with linked(waiting) as (link, _):
            await link.send(sent)
            assert await link.rest() == b""

    run(main)


@pytest.mark.parametrize(
    ("begin", "piece"),
    [
        pytest.param(CHUNKED + b"0\r\n", b"x: y\r\n" * 1_000, id="trailers"),
        pytest.param(CHUNKED + b"0\r\nx", b"x" * 6_000, id="the-name-of-a-trailer"),
        pytest.param(CHUNKED + b"0\r\nx: ", b"x" * 6_000, id="a-trailer"),
        pytest.param(CHUNKED + b"5;a=", b"x" * 6_000, id="a-word-of-a-chunk"),
        pytest.param(GET + b"\r\n", b"\r\n" * 3_000, id="empty-lines"),
    ],
)
def test_what_is_no_body_is_bounded(begin: bytes, piece: bytes) -> None:
    """What no application counts may not go on without end, were it sent ever so fast."""

    async def main() -> None:
        async with linked(waiting) as (link, _):
            await link.send(begin)
            with pytest.raises(ConnectionError):
                await link.repeat(piece, MUCH)

    run(main)


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        pytest.param([], GET + b"\r\n", id="kept"),
        pytest.param([(b"connection", b"close")], GET + b"\r\n", id="closed"),
        pytest.param([], (GET + b"\r\n") * 3, id="several-at-once"),
    ],
)
def test_an_answer_that_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    headers: list[tuple[bytes, bytes]],
    asked: bytes,
) -> None:
    """A client that does not read is left, and that is no fault of the server."""
    monkeypatch.setattr(protocol, "WRITE_SECONDS", SOON)
    caplog.set_level(logging.WARNING)

    async def main() -> None:
        async with linked(telling(headers)) as (link, server):
            await link.send(asked)
            await link.until(b"\r\n\r\n")
            assert await is_left(server)

    run(main)
    assert not caplog.records


def test_a_rest_that_comes_is_waited_for() -> None:
    """A connection is kept when the body that nobody reads comes behind the answer."""

    async def main() -> None:
        async with linked(answering) as (link, _):
            await link.send(GET + b"content-length: 5\r\n\r\n")
            await link.until(b"\r\n\r\n")
            await link.send(b"hello" + GET + b"\r\n")
            await link.until(b"\r\n\r\n")

    run(main)


async def later(_scope: Any, receive: Any, send: Any) -> None:
    """One that takes a moment to answer."""
    await receive()
    await asyncio.sleep(0.01)
    await answering(_scope, receive, send)


@pytest.mark.parametrize("app", [answering, counting, later], ids=["at-once", "read", "later"])
@pytest.mark.parametrize("requests", [1, 3], ids=["one", "three"])
def test_a_client_that_sends_no_more_is_answered(app: Any, requests: int) -> None:
    """One that ends its side behind its requests has an answer to each, and then the end."""
    sent = GET + b"content-length: 5\r\n\r\nhello"

    async def main() -> None:
        for _ in range(3):
            async with linked(app) as (link, _server):
                link.writer.write(sent * requests)
                link.writer.write_eof()
                answers = await link.rest()
                assert answers.count(b"HTTP/1.1 20") == requests

    run(main)


def test_a_client_that_ends_in_the_middle_is_let_go() -> None:
    """What is cut short by the client's end is not waited for."""

    async def main() -> None:
        async with linked(waiting) as (link, _):
            link.writer.write(GET + b"content-length: 5\r\n\r\nhe")
            link.writer.write_eof()
            assert await link.rest() == b""

    run(main)


def test_whoever_writes_much_is_told_to_wait() -> None:
    """An application that writes piece by piece does not fill memory for a client that is slow."""
    written = 0

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        nonlocal written
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(400):
            await send({"type": "http.response.body", "body": bytes(1_048_576), "more_body": True})
            written += 1

    async def main() -> None:
        async with linked(app) as (link, _):
            link.writer.transport.pause_reading()
            await link.send(GET + b"\r\n")
            count = -1
            while count < written or not written:
                count = written
                await asyncio.sleep(0.1)
            assert written < 100

    run(main)


def test_several_requests_on_one_connection() -> None:
    """Bodies in the smallest chunks, in many pieces and behind each other are all answered."""
    body = b"transfer-encoding: chunked\r\n\r\n" + b"1;x=y\r\na\r\n" * 20_000 + b"0\r\nx: y\r\n\r\n"
    sent = (b"POST / HTTP/1.1\r\nhost: x\r\n" + body) * 2 + GET + b"\r\n"
    assert len(body) > 2 * protocol.HEAD_BYTES_MAX

    async def main() -> None:
        async with linked(counting) as (link, _):
            for first in range(0, len(sent), 5_000):
                await link.send(sent[first : first + 5_000])
            said = [await link.until(b" bytes") for _ in range(3)]
            assert [one.rpartition(b"\r\n")[2] for one in said] == [
                b"20000 bytes",
                b"20000 bytes",
                b"0 bytes",
            ]

    run(main)
