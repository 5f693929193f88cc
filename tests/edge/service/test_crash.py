"""Killed in the middle of it all and started again, the server has every acknowledged fact once."""

import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TypeAlias

import orjson
import pytest

from clew.backends.base import Kind, Store, Trial
from clew.backends.embedded import Embedded
from clew.backends.memory import MemoryStore
from clew.backends.sqlite import SqliteStore
from clew.clock import instant
from client.worlds import bundle, policy
from edge.service.serving import KEY, PATIENCE_SECONDS, Served

CLIENTS = 4

#: Half of the visitors are held out.
SHOP = policy(holdouts=[{"id": "all", "salt": "s", "share": 0.5}])

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
    with Served(tmp_path, SHOP) as served:
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
    # Of four visits one ends with nothing, two with an order and two with a report of a success.
    followed = sum((n % 4 in {1, 2}) + (n % 4 in {2, 3}) for n in range(outcomes))
    assert len(ids) == CLIENTS * (signals + outcomes + followed)
    # Every answer that a client has used is a decision of the log, and there is none beside it.
    assert {one["decision"] for one in stored["outcome"]} == {
        one["id"] for one in stored["decision"]
    }
    counted = sums(served.database)
    # Each arm that was drawn has learned, and who earned what is as the rules say.
    drawn = {one["id"]: one["creative"] for one in stored["decision"] if one["reason"] == "bandit"}
    arms = {key.split(":")[2] for key, _ in counted if key.startswith("arm:")}
    assert arms == set(drawn.values())
    assert counted["objective:orders", "attributed"] == len(drawn.keys() & earners(stored))
    # A store of another kind, told in another order, adds up the very same.
    with closing(SqliteStore(served.database)) as store:
        measured = trials(store)
    for seed in range(3):
        replayed = replay(stored, random.Random(seed))
        assert all_sums(replayed) == pytest.approx(counted, rel=1e-9, abs=1e-9)
        assert trials(replayed) == measured


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
    with closing(SqliteStore(database)) as store:
        return {kind: list(map(orjson.loads, store.facts_of("shop", kind))) for kind in KINDS}


def sums(database: Path) -> dict[tuple[str, str], float]:
    """All that was added up, by key and name."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT key, name, value FROM sums WHERE tenant = 'shop'")
        return {(key, name): value for key, name, value in rows}


def earners(stored: Log) -> set[str]:
    """The decisions that a success was told of, or that an order came after as the last seen."""
    of = {made["id"]: made["subject"] for made in stored["decision"]}
    seen = sorted(
        (of[one["decision"]], instant(one["occurred_at"]), one["decision"])
        for one in stored["outcome"]
        if one["type"] == "displayed"
    )
    earned = {one["decision"] for one in stored["outcome"] if one["type"] == "converted"}
    for order in stored["signal"]:
        if order["type"] == "order_completed":
            who, at = order["subject"], instant(order["occurred_at"])
            earned.add([name for whose, when, name in seen if whose == who and when <= at][-1])
    return earned


def all_sums(store: MemoryStore) -> dict[tuple[str, str], float]:
    """As `sums`, of a store in memory."""
    tables = store._latest.tables
    return {
        (key, name): value
        for (_, key), found in tables.sums.items()
        for name, value in (found or {}).items()
    }


def trials(store: Store) -> dict[str, Trial]:
    """Everybody's part in the holdout, by subject."""
    with store.read() as read:
        found = {trial.subject: trial for trial in read.trials("shop", "all")}
    assert {trial.arm for trial in found.values()} == {"holdout", "treated"}
    return found


def replay(stored: Log, chance: random.Random) -> MemoryStore:
    """An empty store that has added up the same log, told in any order but for the consents."""
    store = MemoryStore()
    backend = Embedded(store, tenant="shop", policy=bundle(SHOP))
    facts = [(kind, fact) for kind, found in stored.items() for fact in found if kind != "consent"]
    chance.shuffle(facts)
    consents = [("consent", fact) for fact in stored["consent"]]
    items = [orjson.dumps({kind: fact}) for kind, fact in (*consents, *facts)]
    while items:
        batch = [items.pop(0) for _ in range(min(chance.randint(1, 500), len(items)))]
        assert {result.status for result in backend.append(batch)} == {"applied"}
    return store
