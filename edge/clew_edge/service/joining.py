"""
A transport that sends what is written in one turn of the loop together.

The head of an answer and its body are written one after the other. Sent one by one they cost two
calls of the system, and two packets that wake the client twice. What is long goes at once, so that
whoever writes much is told to wait.
"""

import asyncio
from typing import Any

__all__ = ["HELD_MAX", "JoiningTransport"]

#: How much is held, in bytes: as much as a transport takes by default before it says to wait.
HELD_MAX = 65_536


class JoiningTransport:
    """
    A transport as its protocol sees it; what is written leaves at the end of the turn.

    Args:
        transport: the one beneath, which does all else.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        #: As of the transport beneath; asked several times for each answer.
        self.is_closing = transport.is_closing
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write soon, after what was written before."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > HELD_MAX:
            self.flush()

    def write_now(self, data: bytes) -> None:
        """Write after what is held, and let all of it leave."""
        self._held.append(data)
        self.flush()

    def close(self) -> None:
        """Write what is held, and close."""
        self.flush()
        self._transport.close()

    def flush(self) -> None:
        """Write what is held, if anybody is there still."""
        held, self._held, self._size = self._held, [], 0
        if held and not self.is_closing():
            self._transport.write(b"".join(held))
