"""What anybody can send without a key does not fill the log."""

from typing import Any

import pytest

from clew_edge.service import quiet
from clew_edge.service.trouble import TELL_SECONDS, Repeats
from edge.service.asking import Hand
from edge.service.linking import Link, linked, run

UPGRADE = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Hand:
    """A clock by which it is told of what is wrong with connections."""
    clock = Hand()
    monkeypatch.setattr(quiet, "repeats", Repeats(clock))
    return clock


async def answering(_scope: Any, _receive: Any, send: Any) -> None:
    """An application that has nothing to say."""
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body"})


@pytest.mark.parametrize("ws", ["none", "auto"])
def test_requests_for_another_protocol_are_served_and_told_of_seldom(
    clock: Hand, caplog: pytest.LogCaptureFixture, ws: str
) -> None:
    """Each is answered as if it had not asked (RFC 9110, 7.8); nobody is to install anything."""

    async def main() -> None:
        async with linked(answering, ws=ws) as (link, _):
            for _ in range(5):
                await link.send(UPGRADE)
                assert (await link.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 204 ")
            clock.now += TELL_SECONDS
            await link.send(UPGRADE)
            await link.until(b"\r\n\r\n")

    run(main)
    assert caplog.messages == [
        "a request asked for another protocol: there is only HTTP/1.1 here",
        "a request asked for another protocol: 5 more times; last: there is only HTTP/1.1 here",
    ]


def test_what_is_no_http_is_refused_and_told_of_seldom(
    clock: Hand, caplog: pytest.LogCaptureFixture
) -> None:
    """Each connection is answered 400 and ended, and the log has a line for many."""

    async def main() -> None:
        async with linked(answering) as (link, _):
            await refused(link)
            place = link.writer.get_extra_info("peername")
            for _ in range(4):
                await refused(await Link.to(place))
            clock.now += TELL_SECONDS
            await refused(await Link.to(place))

    run(main)
    assert caplog.messages == [
        "a connection was ended: what came was no HTTP/1.1",
        "a connection was ended: 5 more times; last: what came was no HTTP/1.1",
    ]


async def refused(link: Link) -> None:
    """Send what is no HTTP on a connection."""
    await link.send(b"\0\r\n\r\n")
    assert (await link.rest()).startswith(b"HTTP/1.1 400 ")
    link.writer.close()
