"""
A transport that sends what is written in one turn of the loop together.

The head of an answer and its body are written one after the other. Sent one by one they cost two
calls of the system, and two packets that wake the client twice.
"""

import asyncio
from typing import Any

__all__ = ["JoiningTransport"]


class JoiningTransport:
    """
    A transport as its protocol sees it; what is written leaves at the end of the turn.

    Args:
        transport: the one beneath, which does all else.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write soon, after what was written before."""
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        """Write what is held, and close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.write(b"".join(held))
