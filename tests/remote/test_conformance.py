"""The same promises on every backend of ours: in memory, in a file, and at a real server."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clew.backends import open_backend
from clew.backends.base import Backend
from clew.testing.conformance import BackendConformance
from clew.testing.conformance_backend import BUNDLE, KEYS, POLICY
from remote.serving import Serving, serving


class TestMemory(BackendConformance):
    """In memory."""

    @pytest.fixture
    def backend(self) -> Iterator[Backend]:
        """A store of its own."""
        with closing(open_backend("memory://", policy=BUNDLE, keys=KEYS)) as backend:
            yield backend


class TestSqlite(BackendConformance):
    """In an SQLite file."""

    @pytest.fixture
    def backend(self, tmp_path: Path) -> Iterator[Backend]:
        """A file of its own."""
        url = f"sqlite:///{tmp_path}/shop.db"
        with closing(open_backend(url, policy=BUNDLE, keys=KEYS)) as backend:
            yield backend


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One `clew serve` for all tests of this file."""
    with serving(tmp_path_factory.mktemp("served"), POLICY) as server:
        yield server


class TestHttp(BackendConformance):
    """At a server in another process."""

    @pytest.fixture
    def backend(self, server: Serving) -> Iterator[Backend]:
        """A connection of its own."""
        with closing(open_backend(server.url, keys=KEYS)) as backend:
            yield backend
