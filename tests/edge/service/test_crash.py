"""Killed in the middle of it all and started again, the server has every acknowledged fact once."""

import os
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import orjson
import pytest

from clew.backends.base import Kind
from clew.backends.embedded import Embedded
from clew.backends.memory import MemoryStore
from clew.backends.sqlite import SqliteStore
from client.worlds import bundle, policy
from edge.service.serving import KEY, PATIENCE_SECONDS, Served

CLIENTS = 4
Log: TypeAlias = dict[Kind, list[dict[str, str]]]
KINDS: tuple[Kind, ...] = ("consent", "signal", "decision", "outcome")


class Acknowledged:
    """The ids that clients have seen acknowledged."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._grown = threading.Condition()

    def read(self, client: "subprocess.Popen[str]") -> None:
        """Take what a client prints, to its end."""
        assert client.stdout is not None
        with client.stdout as lines:
            for line in lines:
                with self._grown:
                    self.ids.append(line.strip())
                    self._grown.notify_all()

    def wait_for(self, count: int) -> None:
        """Wait until so many are acknowledged."""
        with self._grown:
            assert self._grown.wait_for(lambda: len(self.ids) >= count, PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("signals", "outcomes"),
    [
        pytest.param(100, 10, id="400-and-40"),
        pytest.param(1_250, 125, id="5000-and-500", marks=pytest.mark.slow),
    ],
)
def test_every_acknowledged_fact_is_there_once(tmp_path: Path, signals: int, outcomes: int) -> None:
    """After SIGKILL among four clients nothing acknowledged is lost or counted twice (F4, L2)."""
    acknowledged = Acknowledged()
    with Served(tmp_path) as served:
        clients = [client(served.port, f"u{n}", signals, outcomes) for n in range(CLIENTS)]
        readers = [threading.Thread(target=acknowledged.read, args=(one,)) for one in clients]
        for reader in readers:
            reader.start()
        acknowledged.wait_for(CLIENTS * signals // 2)
        served.kill()
        served.start()
        for reader in readers:
            reader.join(10 * PATIENCE_SECONDS)
        assert [one.wait(PATIENCE_SECONDS) for one in clients] == [0] * CLIENTS
        served.stop()

    stored = facts(served.database)
    ids = Counter(fact["id"] for kind in ("signal", "outcome") for fact in stored[kind])
    assert ids == Counter(acknowledged.ids)
    assert len(ids) == CLIENTS * (signals + outcomes)
    # Every answer that a client has used is a decision of the log, and there is none beside it.
    assert {one["decision"] for one in stored["outcome"]} <= {
        one["id"] for one in stored["decision"]
    }
    learned = sums(served.database)
    assert any(key.startswith("arm:") for key, _ in learned)
    assert replayed(stored, learned) == pytest.approx(learned, rel=1e-9, abs=1e-12)


def client(port: int, name: str, signals: int, outcomes: int) -> "subprocess.Popen[str]":
    """A client in a process of its own."""
    words = [str(port), KEY, name, str(signals), str(outcomes)]
    return subprocess.Popen(
        [sys.executable, "-m", "edge.service.clients", *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


def facts(database: Path) -> Log:
    """The log."""
    store = SqliteStore(database)
    try:
        return {kind: list(map(orjson.loads, store.facts_of("shop", kind))) for kind in KINDS}
    finally:
        store.close()


def sums(database: Path) -> dict[tuple[str, str], float]:
    """All that was added up, by key and name."""
    connection = sqlite3.connect(database)
    try:
        rows = connection.execute("SELECT key, name, value FROM sums WHERE tenant = 'shop'")
        return {(key, name): value for key, name, value in rows}
    finally:
        connection.close()


def in_order(stored: Log) -> Iterator[tuple[Kind, dict[str, str]]]:
    """The log in the order of its telling: an outcome was told after its decision."""
    for kind in ("consent", "signal"):
        yield from ((kind, fact) for fact in stored[kind])
    for made in sorted(stored["decision"], key=lambda one: one["decided_at"]):
        yield "decision", made
        yield from (("outcome", one) for one in stored["outcome"] if one["decision"] == made["id"])


def replayed(stored: Log, learned: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """What an empty store adds up from the same log."""
    store = MemoryStore()
    backend = Embedded(store, tenant="shop", policy=bundle(policy()))
    for kind, fact in in_order(stored):
        backend.append([orjson.dumps({kind: fact})])
    with store.read() as read:
        return {
            (key, name): value
            for key in {key for key, _ in learned}
            for name, value in read.sums("shop", key).items()
        }
