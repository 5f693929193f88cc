"""`/readyz` knows whether facts can be stored: with a server process, a full disk and a lock."""

import resource
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from clew.backends.embedded import Embedded
from clew.backends.memory import MemoryStore
from clew_edge.service import probing
from clew_edge.service.probing import Probe
from edge.service.asking import Asked, consent, signal
from edge.service.clients import Insisting
from edge.service.serving import KEY, PATIENCE_SECONDS, Served

#: Less than one frame of SQLite's log, so that nothing more is written.
FULL_BYTES = 1_024


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server process that has stored something."""
    with Served(tmp_path) as server:
        with Insisting(server.port, KEY) as client:
            client.append(consent())
        yield server


def ready(server: Served) -> httpx.Response:
    """What the server says of itself."""
    url = f"http://127.0.0.1:{server.port}/readyz"
    return httpx.get(url, timeout=PATIENCE_SECONDS, trust_env=False)


def until(server: Served, status: int) -> httpx.Response:
    """Ask until that is the status."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (answer := ready(server)).status_code != status:
        assert time.monotonic() < end, answer.text
        time.sleep(0.05)
    return answer


def is_not_ready(answer: httpx.Response) -> bool:
    """Whether it is a refusal for writing, as a document."""
    return (
        answer.headers["content-type"] == "application/problem+json"
        and answer.headers["retry-after"] == "1"
        and answer.json()["type"] == "urn:clew:problem:unavailable"
        and "cannot be written" in answer.json()["detail"]
    )


def test_a_full_disk_is_not_ready(served: Served) -> None:
    """While the disk takes nothing more it is not ready; once there is room it is again."""
    assert ready(served).status_code == 200
    assert served.process is not None
    unbound = resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (FULL_BYTES, unbound[1]))
    assert is_not_ready(until(served, 503))
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, unbound)
    until(served, 200)
    with Insisting(served.port, KEY) as client:
        assert client.append(signal("s-1")) == "applied"


def test_a_lock_that_another_process_holds_is_not_ready(served: Served) -> None:
    """It says so, however long the store waits for the lock, and each time; then it is ready."""
    assert ready(served).status_code == 200
    with closing(sqlite3.connect(served.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert is_not_ready(until(served, 503))
        assert is_not_ready(ready(served))
        other.execute("ROLLBACK")
        until(served, 200)


def test_looking_leaves_one_row(here: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is asked, a store has one setting more, and no fact."""
    monkeypatch.setattr(probing, "HOLDS_SECONDS", 0.0)
    backend = here.tenant.backend
    assert isinstance(backend, Embedded)
    seen = []
    for _ in range(3):
        assert here.ask("GET", "/readyz").status == 200
        with backend.store.read() as read:
            seen.append(read.settings("", ""))
    assert [list(each) for each in seen] == [["probe"]] * 3
    assert len({each["probe"] for each in seen}) == 3
    assert set(backend.store.status()["facts"].values()) == {0}


def test_it_is_found_out_once_a_second(here: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is told again for a second, and nothing is written for it."""
    monkeypatch.setattr(probing, "HOLDS_SECONDS", PATIENCE_SECONDS)  # a second, on a slow machine
    backend = here.tenant.backend
    assert isinstance(backend, Embedded)
    here.ask("GET", "/readyz")
    before = backend.store.changes()
    for _ in range(20):
        assert here.ask("GET", "/readyz").status == 200
    assert backend.store.changes() == before


def test_who_stores_is_not_probed(here: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a fact was stored just now that is known; a duplicate stores none and tells nothing."""
    monkeypatch.setattr(probing, "HOLDS_SECONDS", PATIENCE_SECONDS)
    backend, probed = here.tenant.backend, []
    assert isinstance(backend, Embedded)
    here.tenant.probe._store = Watched(backend.store, lambda: probed.append(1))
    here.append(consent())
    here.ask("GET", "/readyz")
    assert probed == []
    here.tenant.probe._began_at = float("-inf")
    here.append(consent())
    here.ask("GET", "/readyz")
    assert probed == [1]


class Watched:
    """A store, and what happens before it is written."""

    def __init__(self, store: Any, before: Callable[[], object]) -> None:
        self.store = store
        self.before = before

    @contextmanager
    def write(self) -> Iterator[Any]:
        """As `Store.write`."""
        self.before()
        with self.store.write() as write:
            yield write


def test_while_a_write_hangs_no_other_begins(here: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that hangs has one thread of ours, however often it is asked; the rest goes on."""
    monkeypatch.setattr(probing, "WRITE_SECONDS", 0.2)
    goes, begun = threading.Event(), []

    def hang() -> None:
        begun.append(1)
        assert goes.wait(PATIENCE_SECONDS)

    here.tenant.probe._store = Watched(MemoryStore(), hang)
    try:
        for _ in range(5):
            assert here.ask("GET", "/readyz").status == 503
        assert begun == [1]
        assert here.ask("GET", "/healthz").status == 200
    finally:
        goes.set()
    end = time.monotonic() + PATIENCE_SECONDS
    while here.ask("GET", "/readyz").status != 200:
        assert time.monotonic() < end


def test_a_backend_without_a_store_is_left_out(here: Asked) -> None:
    """What lies elsewhere is written elsewhere: nothing is asked of it here."""
    here.run(Probe(object(), "shop").check())
