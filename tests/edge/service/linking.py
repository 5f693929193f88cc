"""An application on the server that the service has, and a connection whose bytes are ours."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import uvicorn
import uvloop

from clew_edge.service import protocol
from edge.service.serving import PATIENCE_SECONDS

__all__ = ["Link", "is_left", "linked", "run"]


class Link:
    """A client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, place: tuple[str, int]) -> Self:
        """A connection to a server."""
        return cls(*await asyncio.open_connection(*place))

    async def send(self, data: bytes) -> None:
        """Send, as fast as it is taken."""
        self.writer.write(data)
        await self.writer.drain()

    async def repeat(self, piece: bytes, size: int) -> None:
        """Send a piece again and again, up to so many bytes."""
        for _ in range(size // len(piece)):
            await self.send(piece)

    async def until(self, end: bytes) -> bytes:
        """What came back, up to some bytes."""
        return await asyncio.wait_for(self.reader.readuntil(end), PATIENCE_SECONDS)

    async def rest(self) -> bytes:
        """What came back until the server closed the connection."""
        try:
            return await asyncio.wait_for(self.reader.read(), PATIENCE_SECONDS)
        except ConnectionError:
            return b""


@asynccontextmanager
async def linked(app: Any, **options: Any) -> AsyncIterator[tuple[Link, uvicorn.Server]]:
    """A server of an application, with options of uvicorn's, and a connection to it."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=protocol.Protocol,
        lifespan="off",
        log_config=None,
        proxy_headers=False,
        **{"access_log": False, "ws": "none", **options},
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    link = await Link.to(listener.getsockname())
    try:
        yield link, server
    finally:
        link.writer.transport.abort()
        server.should_exit = True
        await serving


async def is_left(server: uvicorn.Server) -> bool:
    """Whether the server lets go of all connections, for which it has a while."""
    for _ in range(10_000):
        if not server.server_state.connections:
            return True
        await asyncio.sleep(0.005)
    return False


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run on the loop that the service has."""

    async def awaited() -> None:
        await main()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(awaited())
