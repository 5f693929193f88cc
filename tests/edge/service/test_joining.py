"""What is written in one turn of the loop leaves together, in order, and nothing is left behind."""

import asyncio
from typing import Any

import pytest

from clew_edge.service.joining import HELD_MAX, JoiningTransport


class Beneath:
    """A transport that notes what is asked of it."""

    def __init__(self) -> None:
        self.done: list[Any] = []
        self.is_ended = False

    def write(self, data: bytes) -> None:
        self.done.append(data)

    def close(self) -> None:
        self.done.append("close")
        self.is_ended = True

    def abort(self) -> None:
        self.done.append("abort")
        self.is_ended = True

    def is_closing(self) -> bool:
        return self.is_ended

    def get_extra_info(self, name: str) -> str:
        return f"the {name}"


async def turn() -> None:
    """Let the loop come round."""
    await asyncio.sleep(0)


@pytest.fixture
def beneath() -> Beneath:
    """The transport beneath."""
    return Beneath()


def joining(beneath: Beneath) -> JoiningTransport:
    """One above it, in the running loop."""
    transport: Any = beneath
    return JoiningTransport(transport, asyncio.get_running_loop())


def test_a_turns_writes_leave_together(beneath: Beneath) -> None:
    """Two in one turn are one, and what comes in the next turn is another."""

    async def main() -> None:
        transport = joining(beneath)
        transport.write(b"head ")
        transport.write(b"body")
        assert beneath.done == []
        await turn()
        transport.write(b"more")
        await turn()
        await turn()

    asyncio.run(main())
    assert beneath.done == [b"head body", b"more"]


def test_what_is_held_is_written_before_the_end(beneath: Beneath) -> None:
    """Closing in the same turn loses nothing, and writes nothing twice."""

    async def main() -> None:
        transport = joining(beneath)
        transport.write(b"answer")
        transport.close()
        await turn()

    asyncio.run(main())
    assert beneath.done == [b"answer", "close"]


def test_what_is_long_is_not_held(beneath: Beneath) -> None:
    """More than the bound goes at once, with what was held before it, and nothing twice."""
    long = bytes(HELD_MAX + 1)

    async def main() -> None:
        transport = joining(beneath)
        transport.write(b"head ")
        transport.write(long)
        assert beneath.done == [b"head " + long]
        transport.write(b"end")
        await turn()

    asyncio.run(main())
    assert beneath.done == [b"head " + long, b"end"]


def test_what_is_whole_need_not_wait(beneath: Beneath) -> None:
    """What is written now goes behind what was held, in one piece with it."""

    async def main() -> None:
        transport = joining(beneath)
        transport.write(b"first ")
        transport.write_now(b"second")
        assert beneath.done == [b"first second"]
        transport.write_now(b"third")
        await turn()

    asyncio.run(main())
    assert beneath.done == [b"first second", b"third"]


def test_nothing_is_written_to_what_has_ended(beneath: Beneath) -> None:
    """A connection that ended in between takes nothing any more."""

    async def main() -> None:
        transport = joining(beneath)
        transport.write(b"answer")
        transport.abort()
        await turn()

    asyncio.run(main())
    assert beneath.done == ["abort"]


def test_all_else_is_the_transports_own(beneath: Beneath) -> None:
    """Whatever else is asked is answered beneath."""

    async def main() -> None:
        transport = joining(beneath)
        assert transport.get_extra_info("peername") == "the peername"
        assert not transport.is_closing()

    asyncio.run(main())
