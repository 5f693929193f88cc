"""A database that is removed or replaced under a running process is told of, and loses nothing."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from time import sleep

import pytest

from clew import Client
from clew.backends import sqlite, sqlite_connection
from clew.backends.sqlite import SqliteStore
from clew.backends.sqlite_connection import DatabaseFile
from clew.errors import BackendUnavailableError, ClosedError
from client.worlds import policy

POLICY = policy()
PROCESSES = Path(__file__).with_name("processes.py")


@pytest.fixture
def path(tmp_path):
    """Where there is no file yet."""
    return tmp_path / "shop.db"


@pytest.fixture
def clock(monkeypatch):
    """What the store takes for the time; moved by hand, so that it looks when a test says so."""
    now = [1_000.0]
    for module in (sqlite, sqlite_connection):
        monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def put(store, name="a"):
    """Write something in a transaction of its own."""
    with store.write() as writing:
        writing.put_setting("default", name, b"1")


def look(store):
    """Read in a snapshot of its own."""
    with store.read() as reading:
        return reading.setting("default", "a")


def remove(path):
    """Remove a database and what lies beside it, as somebody who begins anew does."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def replace(path):
    """Put another database in the place of one."""
    SqliteStore(path.with_name("backup.db")).close()
    path.with_name("backup.db").replace(path)


GONE = {remove: r"shop\.db: the file was removed.*anew", replace: r"shop\.db: .*replaced.*anew"}
LOSSES = pytest.mark.parametrize("lose", [remove, replace])
USES = pytest.mark.parametrize("use", [put, look, SqliteStore.changes, SqliteStore.status])


@LOSSES
@USES
def test_a_file_that_is_not_the_one_it_was_is_not_used(path, clock, lose, use):
    """What the path names no more is soon neither read nor written, and no bell is made anew."""
    with closing(SqliteStore(path)) as store:
        put(store)
        look(store)
        store.changes()
        lose(path)
        bells = list(path.parent.glob("shop.db-changes"))
        clock[0] += sqlite.LOOK_SECONDS
        for _ in range(3):
            with pytest.raises(BackendUnavailableError, match=GONE[lose]) as caught:
                use(store)
            assert caught.value.retryable
        assert list(path.parent.glob("shop.db-changes")) == bells


@LOSSES
def test_no_transaction_is_acknowledged_once_the_file_is_gone(path, clock, lose):
    """A transaction looks for itself, at its beginning and before it ends: what it says is true."""
    with closing(SqliteStore(path)) as store:
        put(store)
        with pytest.raises(BackendUnavailableError, match=GONE[lose]), store.write():
            lose(path)
        with pytest.raises(BackendUnavailableError, match=GONE[lose]), store.write():
            pytest.fail("the transaction began")


def test_between_two_looks_no_read_costs_a_call(path, clock, monkeypatch):
    """The file is looked at now and then, not for each question: a question costs a microsecond."""
    with closing(SqliteStore(path)) as store:
        put(store)
        look(store)
        looks = []
        monkeypatch.setattr(DatabaseFile, "look", lambda _: looks.append(1))
        for _ in range(10):
            store.changes()
            look(store)
        assert looks == []


def test_a_thread_that_comes_later_is_given_no_other_file(path, clock):
    """Its connection would be to the new file, while others still have the old one."""
    with closing(SqliteStore(path)) as store, ThreadPoolExecutor(1) as thread:
        put(store)
        store.changes()
        replace(path)
        for use in (look, SqliteStore.changes, look):
            with pytest.raises(BackendUnavailableError, match="replaced"):
                thread.submit(use, store).result()
            clock[0] += sqlite.LOOK_SECONDS


@LOSSES
def test_a_connection_is_to_the_file_that_was_opened(path, clock, monkeypatch, lose):
    """It is told what became of the file, though that be in the moment before it is opened."""
    connect = sqlite3.connect

    def late(*arguments, **options):
        monkeypatch.setattr(sqlite3, "connect", connect)
        replace(path)
        return connect(*arguments, **options)

    with closing(SqliteStore(path)) as store, ThreadPoolExecutor(1) as thread:
        store.changes()
        if lose is replace:
            monkeypatch.setattr(sqlite3, "connect", late)
        else:
            lose(path)
        with pytest.raises(BackendUnavailableError, match=GONE[lose]):
            thread.submit(look, store).result()


def test_a_file_that_is_gone_is_told_of_once(path, clock, caplog):
    """However many threads find it, and that it is in its place again is told as well."""
    elsewhere = path.with_name("elsewhere.db")
    with closing(SqliteStore(path)) as store, ThreadPoolExecutor(4) as threads:
        put(store)
        for _ in range(2):
            path.rename(elsewhere)
            clock[0] += sqlite.LOOK_SECONDS
            for found in [threads.submit(use, store) for use in (put, look) * 10]:
                assert isinstance(found.exception(), BackendUnavailableError)
            elsewhere.rename(path)
            assert look(store) == b"1"
            put(store)
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"] * 2
    assert "in its place again" in caplog.messages[-1]


def test_a_link_that_leads_elsewhere_is_another_file(path, clock):
    """A link is followed: what counts is the file that it leads to."""
    SqliteStore(path).close()
    SqliteStore(path.with_name("other.db")).close()
    link = path.with_name("link.db")
    link.symlink_to(path)
    with closing(SqliteStore(link)) as store:
        put(store)
        link.unlink()
        link.symlink_to(path.with_name("other.db"))
        with pytest.raises(BackendUnavailableError, match=r"link\.db: .*replaced"):
            put(store)


def test_a_file_that_is_rewritten_in_place_is_the_same(path, clock):
    """VACUUM leaves the file where it was, and the store goes on."""
    with closing(SqliteStore(path)) as store:
        put(store)
        with closing(sqlite3.connect(path)) as database:
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        clock[0] += sqlite.LOOK_SECONDS
        store.changes()
        put(store, "b")
        assert look(store) == b"1"


def test_a_file_that_is_gone_is_so_after_a_fork(path):
    """Parent and child, which open it anew, take no other file for it."""
    task = [sys.executable, PROCESSES, "fork_without_the_file", path]
    assert subprocess.run(task, timeout=120, check=False).returncode == 0


def test_a_store_whose_file_is_gone_closes(path, clock):
    """Closing leaves the files of whoever has begun anew, and says that it is closed."""
    with closing(SqliteStore(path)) as store:
        put(store)
        remove(path)
        with closing(SqliteStore(path)) as other:
            put(other)
            store.close()
            assert look(other) == b"1"
            clock[0] += sqlite.LOOK_SECONDS
            for use in (put, look):
                with pytest.raises(ClosedError):
                    use(store)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_client_keeps_its_facts_while_the_file_is_gone(path, tmp_path):
    """What was told after the file was removed is in the store that the next start makes."""
    asked = Client(f"sqlite:///{path}", spool=tmp_path / "spool", policy=POLICY)
    asked.consent("ada", grant=["personalise"])
    remove(path)
    sleep(2 * sqlite.LOOK_SECONDS)
    assert asked.decide("hero", subject="ada").reason == "error"
    asked.emit("product_viewed", subject="ada", id="kept")
    assert asked.close(0.5) == 1
    with (
        closing(SqliteStore(path)),
        closing(Client(f"sqlite:///{path}", spool=tmp_path / "spool", policy=POLICY)) as anew,
    ):
        assert anew.flush(60) == 0
        assert anew.losses["dead_letter"] == 0
