"""
Whether a store takes what is written, found out by writing to it.

A store that answers every question may still store nothing: its disk is full, or another process
holds the lock. A transaction that writes nothing tells neither apart from health, so a probe
changes one setting and commits it. It is one row, the same for everybody, with another value each
time, as what is replaced by itself may never reach the disk. Like every commit it has other
processes look at the store again, so it is made once a second at most, and not where facts were
stored just now.
"""

import asyncio
import secrets
from concurrent.futures import Future
from functools import partial
from time import monotonic
from typing import Any

from clew.threads import Pool

__all__ = ["Probe"]

#: How long what was found is taken to hold, in seconds.
HOLDS_SECONDS = 1.0
#: How long a write may take, in seconds.
WRITE_SECONDS = 1.0

#: A store that hangs keeps a thread of these, and none of those that serve.
_threads = Pool(8)


class Probe:
    """
    What is known of whether a backend's data can be written.

    Args:
        backend: one without a `store` has nothing here that could be written.
        name: whose data it is.
    """

    def __init__(self, backend: Any, name: str) -> None:
        self._store = getattr(backend, "store", None)
        self._name = name
        #: The latest write, and when it began by the monotonic clock.
        self._latest: Future[None] | None = None
        self._began_at = float("-inf")

    def note_stored(self) -> None:
        """Take note that something was stored just now, which says as much as a probe."""
        if self._latest is None or self._latest.done():
            self._latest, self._began_at = Future(), monotonic()
            self._latest.set_result(None)

    def ask(self) -> None:
        """
        Read something, which says nothing of whether it can be written.

        Raises:
            ClewError: what the store said.
        """
        if self._store is not None:
            with self._store.read() as read:
                read.setting("", "probe")

    async def check(self) -> None:
        """
        Find out; what was found a moment ago is not asked again, nor while a write hangs.

        Raises:
            TimeoutError: the write has not come back.
            Exception: what the store said.
        """
        if self._store is None:
            return
        now = monotonic()
        latest = self._latest
        if latest is None or (latest.done() and now - self._began_at >= HOLDS_SECONDS):
            latest = self._latest = _threads.submit(partial(_write, self._store))
            self._began_at = now
        if latest.done():
            latest.result()
        else:
            await self._wait(latest, self._began_at + WRITE_SECONDS - now)

    async def _wait(self, writing: "Future[None]", seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                # Who has waited long enough gives up alone: others wait for the same write.
                await asyncio.shield(asyncio.wrap_future(writing))
        except TimeoutError as error:
            raise TimeoutError(
                f"a write to the store of tenant {self._name} has not come back for "
                f"{monotonic() - self._began_at:.1f} s: see what holds its lock or its disk"
            ) from error


def _write(store: Any) -> None:
    with store.write() as write:
        write.put_setting("", "probe", secrets.token_hex(8).encode())
