"""A client for asyncio, for tests that know no loop."""

import asyncio
import threading
from inspect import isawaitable

from clew import AsyncClient
from loops import Watch

#: Only ever waited for when something hangs, in seconds.
GUARD = 60.0

#: Whatever holds a loop up for so many seconds waits for a server, which hangs for 10; a machine
#: that is busy with several processes takes less to load what they need.
HANGS_SECONDS = 3.0


class OnLoop:
    """
    An `AsyncClient` with the face of a `Client`: each call is made on a loop, and waited for.

    Whatever holds the loop up meanwhile is a fault.
    """

    def __init__(self, url, **options):
        self._watch = Watch(HANGS_SECONDS)
        self._loop = asyncio.new_event_loop()
        self._watch.watch(self._loop)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._client = self._on_loop(AsyncClient, url, **options)

    def __enter__(self):
        self._watch.__enter__()
        return self

    def __exit__(self, *_):
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(GUARD)
        self._loop.close()
        self._watch.__exit__()

    @property
    def losses(self):
        """As `AsyncClient.losses`."""
        return self._client.losses

    def emit(self, *args, **named):
        """As `AsyncClient.emit`."""
        return self._on_loop(self._client.emit, *args, **named)

    def flush(self, *args):
        """As `AsyncClient.flush`."""
        return self._on_loop(self._client.flush, *args)

    def close(self, *args):
        """As `AsyncClient.close`."""
        return self._on_loop(self._client.close, *args)

    def _on_loop(self, call, *args, **named):
        async def called():
            answer = call(*args, **named)
            return await answer if isawaitable(answer) else answer

        return asyncio.run_coroutine_threadsafe(called(), self._loop).result(2 * GUARD)
