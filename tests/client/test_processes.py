"""A client outlives what happens to its process: being killed, being forked."""

import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

import pytest

from clew import Client
from clew.backends.sqlite import SqliteStore
from client.processes import NAMES, POLICY, opened
from client.worlds import embedded, sums_of

HERE = Path(__file__).parent


def start(task: str, *arguments: object) -> "subprocess.Popen[str]":
    """Run a task of `processes.py` in another process."""
    command = [sys.executable, str(HERE / "processes.py"), task, *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(HERE.parent), "PATH": ""},
    )


def views(client: Client) -> list[int]:
    """How many pages each of the ten has viewed."""
    return [client.profile(name).computed["views"] for name in NAMES]


def stored(client: Client, kind: str) -> int:
    """How many facts of a kind are in the store."""
    return sum(1 for _ in embedded(client).store.facts_of("default", kind))


def test_nothing_is_lost_by_being_killed(tmp_path):
    """500 signals of a process that was killed before it stored one are all there, once (F4)."""
    with start("emit_and_wait", tmp_path, 500) as process:
        decision = process.stdout.readline().strip()
        assert decision
        process.send_signal(signal.SIGKILL)
    url = f"sqlite:///{tmp_path}/shop.db"
    for _ in range(2):
        with Client(url, policy=POLICY) as client:
            assert client.flush() == 0
            assert views(client) == [50] * 10
            assert (stored(client, "signal"), stored(client, "outcome")) == (500, 1)
            made = embedded(client).decision(decision)
            assert sums_of(client, made.creative)


def test_the_first_decision_knows_what_was_left_behind(tmp_path):
    """What a dead process left is adopted before the first decision (F4)."""
    with start("emit_and_wait", tmp_path, 40) as process:
        assert process.stdout.readline()
        process.kill()
    with Client(f"sqlite:///{tmp_path}/shop.db", policy=POLICY) as client:
        assert views(client) == [4] * 10


def test_closing_waits_for_no_other_program(tmp_path, monkeypatch):
    """
    While another program writes to the file closing keeps its time; what remains is there after the
    next start, once.
    """
    monkeypatch.setitem(SqliteStore.__init__.__kwdefaults__, "patience", 60.0)
    path = tmp_path / "shop.db"
    client = opened(str(tmp_path))
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        ThreadPoolExecutor(1) as threads,
    ):
        other.execute("BEGIN IMMEDIATE")
        for name in NAMES:
            client.emit("product_viewed", subject=name)
        assert client.flush(0.2) == len(NAMES)
        closed = threads.submit(client.close, 0.2)
        wait([closed], timeout=20)
        is_in_time = closed.done()
        other.execute("ROLLBACK")
        assert (is_in_time, closed.result()) == (True, len(NAMES))
    with Client(f"sqlite:///{path}", policy=POLICY) as client:
        assert client.flush() == 0
        assert views(client) == [1] * len(NAMES)


def test_children_use_the_client_they_inherit(tmp_path):
    """Each child of a fork emits, decides and reports, and everything arrives once."""
    children = 3
    with start("fork", tmp_path, children) as process:
        assert process.wait() == 0
    with Client(f"sqlite:///{tmp_path}/shop.db", policy=POLICY) as client:
        assert client.flush() == 0
        workers = children + 1
        assert views(client) == [workers + 1] + [workers] * 9
        assert stored(client, "decision") == 10 * workers + 1
        assert stored(client, "outcome") == 10 * workers
        arms = [sums_of(client, name) for name in ("plain", "fresh", "usual")]
        assert sum(arm.get("p:1", 0.0) for arm in arms) > 0.0


def test_children_draw_by_chances_of_their_own(tmp_path):
    """No two of parent and children mint the same id or draw the same numbers (L3)."""
    children = 3
    with start("fork", tmp_path, children) as process:
        assert process.wait() == 0
    lines = [path.read_text().splitlines() for path in tmp_path.glob("drawn-*")]
    drawn = [line.split() for one in lines for line in one]
    assert len(drawn) == 10 * (children + 1)
    assert len({name for name, _ in drawn}) == len(drawn)
    assert len({uniform for _, uniform in drawn}) == len(drawn)


@pytest.mark.parametrize("durability", ["process", "disk", "none"])
def test_closing_stores_everything(tmp_path, durability):
    """Whatever the durability, a client that is closed has stored what it took."""
    url = f"sqlite:///{tmp_path}/shop.db"
    with Client(url, policy=POLICY, durability=durability) as client:
        client.consent("u-0", grant=["personalise"])
        client.emit("product_viewed", subject="u-0")
    with Client(url) as client:
        assert client.profile("u-0").computed["views"] == 1


def test_a_given_backend_brings_no_folder(tmp_path, monkeypatch):
    """A client over a backend that was opened already leaves nothing in the working directory."""
    from clew.backends import open_backend

    monkeypatch.chdir(tmp_path)
    with Client(backend=open_backend("memory://")) as client:
        client.emit("product_viewed", subject="u-0")
    assert list(tmp_path.iterdir()) == []
