"""A server that can be told to fail, and clients of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clew.backends.embedded import Embedded
from clew.backends.memory import MemoryStore
from client.worlds import bundle
from remote.standin import Server
from remote.worlds import DOCUMENT, Remote


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    """A server over an empty store, and no client yet."""
    server = Server(Embedded(MemoryStore(), policy=bundle(DOCUMENT)))
    remote = Remote(server, tmp_path)
    server.start()
    try:
        yield remote
    finally:
        server.stop()
        remote.close()
