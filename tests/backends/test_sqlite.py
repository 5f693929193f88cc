"""What a store in a file owes beyond the promises of every store: files, processes and faults."""

import os
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from clew.backends import sqlite
from clew.backends.sqlite import SqliteStore, store_from_url
from clew.backends.sqlite_connection import DatabaseFile
from clew.backends.sqlite_ddl import MIGRATIONS, migrate
from clew.errors import (
    BackendRejectedError,
    BackendUnavailableError,
    ClosedError,
    ConfigurationError,
)

HERE = (7, "default")
PROCESSES = Path(__file__).with_name("processes.py")
NOBODY = 65534


@pytest.fixture
def path(tmp_path):
    """Where there is no file yet."""
    return tmp_path / "shop.db"


def start(task, *arguments, **options):
    """Start a task of `processes.py`."""
    return subprocess.Popen([sys.executable, PROCESSES, task, *arguments], **options)


def totals(path):
    """Read the sums, and count the facts of each kind."""
    with closing(SqliteStore(path)) as store, store.read() as reading:
        return reading.sums("default", "arms"), store.status()["facts"]


def integrity(path):
    """Ask SQLite whether the file is sound."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute("PRAGMA integrity_check").fetchall()


# Processes


def test_processes_lose_nothing_on_one_file(path):
    """Four processes that make the file at once and add to it count exactly, each fact once."""
    writers = [start("write", path, f"w{each}", "500") for each in range(4)]
    assert [writer.wait(120) for writer in writers] == [0] * 4
    sums, facts = totals(path)
    assert sums == {f"w{each}": 500.0 for each in range(4)} | {"all": 2000.0, "shared": 500.0}
    assert (facts["signal"], facts["outcome"]) == (2000, 500)
    assert integrity(path) == [("ok",)]


def test_processes_may_make_the_file_at_once(tmp_path):
    """Of processes that open a new file at the same moment none fails."""
    assert start("open_at_once", tmp_path).wait(120) == 0
    assert {integrity(each)[0] for each in tmp_path.glob("*.db")} == {("ok",)}


def test_a_killed_process_leaves_what_it_committed(path):
    """After SIGKILL amid writes every committed transaction is there, whole, and no half one."""
    with start("write_until_killed", path, stdout=subprocess.PIPE) as writer:
        told = [int(writer.stdout.readline()) for _ in range(50)][-1]
        writer.send_signal(signal.SIGKILL)
        told = [told, *map(int, writer.stdout.read().splitlines())][-1]
    assert writer.returncode == -signal.SIGKILL
    sums, facts = totals(path)
    assert facts["signal"] in {told + 1, told + 2}
    assert sums == {"all": facts["signal"], "k": facts["signal"]}
    assert integrity(path) == [("ok",)]


def test_a_child_outlives_its_parents_store(path):
    """What a forked child commits after its parent closed the file is not lost."""
    assert start("outlive_the_parents_store", path).wait(120) == 0
    assert totals(path)[0] == {"all": 4.0, "parent": 2.0, "child": 2.0}


def test_forks_amid_reads_and_writes_of_threads(path):
    """Forking while other threads read and write neither hangs nor loses anything."""
    assert start("fork_among_threads", path).wait(120) == 0
    sums, _ = totals(path)
    assert sums.pop("all") == 240.0
    assert set(sums.values()) == {40.0}


def test_a_fork_inside_of_a_transaction_undoes_it(path):
    """Whoever forks inside of a block is told to repeat it, in the parent and in the child."""
    assert start("fork_inside", path).wait(120) == 0
    assert totals(path)[0] == {"all": 4.0, "parent": 2.0, "child": 2.0}
    with closing(SqliteStore(path)) as store, store.read() as reading:
        assert reading.person(HERE, "u") is None


def test_a_fork_waits_for_nobody_who_waits(path):
    """While another program holds the lock a process forks at once, and its threads wait on."""
    with start("fork_while_others_write", path, stdout=subprocess.PIPE) as forking:
        ready, _, _ = select.select([forking.stdout], [], [], 20)
        if not ready:
            forking.kill()
        assert forking.stdout.read() == b"forked\n"
    assert forking.returncode == 0
    assert totals(path)[0] == {"all": 2.0, "thread0": 1.0, "thread1": 1.0}


# The bell


def insert(path, name="a"):
    """Commit something as a program would that knows nothing of clew."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO settings VALUES (0, 'default', ?, x'31')", (name,))


def test_a_commit_that_nobody_rang_for_is_seen_a_little_later(path, monkeypatch):
    """A process that dies before it rings, and any other program, is found by looking."""
    now = 1_000.0
    monkeypatch.setattr(sqlite, "monotonic", lambda: now)
    with closing(SqliteStore(path)) as store:
        before = store.changes()
        insert(path)
        assert store.changes() == before
        now += sqlite.LOOK_SECONDS
        after = store.changes()
        assert after != before
        now += sqlite.LOOK_SECONDS
        assert store.changes() == after


def test_a_transaction_knows_of_a_commit_that_nobody_rang_for(path):
    """It follows no number then, so what was known before it is looked at again."""
    with closing(SqliteStore(path)) as store:

        def follows():
            with store.write() as writing:
                writing.put_setting("default", "b", b"")
            return writing.follows

        follows()  # the first on a connection knows nothing of others
        assert follows() is not None
        insert(path)
        assert follows() is None
        assert follows() is not None


def test_a_commit_is_seen_though_others_ring(path, monkeypatch):
    """A ring does not explain away the commit of somebody else, who died before theirs."""
    now = 1_000.0
    monkeypatch.setattr(sqlite, "monotonic", lambda: now)
    with closing(SqliteStore(path)) as store, closing(SqliteStore(path)) as other:
        store.changes()
        now += sqlite.LOOK_SECONDS
        with other.write() as writing:
            writing.put_setting("default", "b", b"")
        insert(path)
        known = store.changes()  # the ring is heard, and the file was looked at after both
        now += sqlite.LOOK_SECONDS
        assert store.changes() == known
        with other.write() as writing:
            writing.put_setting("default", "c", b"")
        rung = store.changes()
        insert(path, "d")
        now += sqlite.LOOK_SECONDS
        assert store.changes() not in {known, rung}


def test_a_transaction_that_is_undone_explains_nothing_away(path):
    """Whom it met is met again by the next one, which follows no number then."""
    with closing(SqliteStore(path)) as store:
        for _ in range(2):
            with store.write() as writing:
                writing.put_setting("default", "b", b"")
        assert writing.follows is not None
        insert(path)
        with pytest.raises(RuntimeError), store.write():
            raise RuntimeError
        with store.write() as writing:
            writing.put_setting("default", "b", b"1")
        assert writing.follows is None


@pytest.mark.parametrize("how", ["by a link", "the bell was removed", "removed while busy"])
def test_there_is_one_bell_for_one_file(path, monkeypatch, how):
    """Whichever way a database was opened, and whatever became of the bell: others are heard."""
    now = 1_000.0
    monkeypatch.setattr(sqlite, "monotonic", lambda: now)
    with closing(SqliteStore(path)) as store:
        store.changes()
        place = path
        if how == "by a link":
            place = path.with_name("link.db")
            place.symlink_to(path)
        else:
            path.with_name("shop.db-changes").unlink()
        with closing(SqliteStore(place)) as other:
            if how == "removed while busy":
                insert(path)
            now += sqlite.LOOK_SECONDS if how != "by a link" else 0.0
            before = store.changes()
            with other.write() as writing:
                writing.put_setting("default", "a", b"")
            assert store.changes() != before


def test_a_bell_that_may_not_be_rung_is_told(path):
    """Who could not tell others of what is stored does not open the file, and says what to do."""
    path.with_name("shop.db-changes").mkdir()
    with pytest.raises(ConfigurationError, match="let this user write it, or remove it"):
        SqliteStore(path)


def test_without_a_bell_every_question_is_a_look(path):
    """Where the companion cannot be mapped, others' commits are seen at once none the less."""
    os.mkfifo(path.with_name("shop.db-changes"))
    with closing(SqliteStore(path)) as store, closing(SqliteStore(path)) as other:
        before = store.changes()
        with other.write() as writing:
            writing.put_setting("default", "a", b"")
        assert store.changes() != before


def test_the_bell_is_heard_after_a_fork(path):
    """A child rings for its parent, and the parent for the child, with numbers of their own."""
    assert start("ring", path).wait(120) == 0


# Threads


def test_connections_go_with_their_threads(path):
    """Threads that ended leave no files open, but for a few that SQLite keeps to use again."""
    descriptors = Path("/dev/fd")
    with closing(SqliteStore(path)) as store:
        store.changes()
        before = len(list(descriptors.iterdir()))
        for _ in range(10):
            with ThreadPoolExecutor(3) as threads:
                list(threads.map(lambda _: store.changes(), range(6)))
        assert len(list(descriptors.iterdir())) <= before + 3


def test_an_open_snapshot_is_not_told_of_changes(path):
    """Inside of a snapshot `changes` gives its number, not that of what other threads see."""
    with closing(SqliteStore(path)) as store, ThreadPoolExecutor(1) as thread:
        before = store.changes()
        with store.read() as reading:
            assert reading.version(HERE, "u") == 0
            with store.write() as writing:
                writing.put_people([(HERE, "u", b"")])
            assert thread.submit(store.changes).result() != before
            assert store.changes() == before
        assert store.changes() != before


def test_a_snapshot_within_a_snapshot_is_the_same(path):
    """A thread that reads inside of its snapshot reads the same state, until it leaves both."""
    with closing(SqliteStore(path)) as store:
        with store.read() as outer:
            assert outer.version(HERE, "u") == 0
            with store.write() as writing:
                writing.put_people([(HERE, "u", b"")])
            with store.read() as inner:
                assert inner.version(HERE, "u") == 0
            assert outer.version(HERE, "u") == 0
        with store.read() as reading:
            assert reading.version(HERE, "u") > 0


# The schema


def test_an_older_file_is_brought_up_to_date(path):
    """Opening runs the migrations that a file has not seen, and only those."""
    one, two = ("CREATE TABLE a (x)", "INSERT INTO a VALUES (1)"), ("INSERT INTO a VALUES (2)",)
    path.touch()
    with closing(DatabaseFile(path, 5.0).connect()) as connection:
        for migrations in [(one,), (one, two), (one, two)]:
            migrate(connection, migrations)
            assert connection.run("PRAGMA user_version") == [(len(migrations),)]
        assert connection.run("SELECT x FROM a") == [(1,), (2,)]


def test_a_migration_that_fails_leaves_the_file_as_it_was(path):
    """A migration is undone as a whole, its tables and its version."""
    one = ("CREATE TABLE a (x)",)
    path.touch()
    with closing(DatabaseFile(path, 5.0).connect()) as connection:
        migrate(connection, (one,))
        with pytest.raises(BackendRejectedError, match="no such table: b"):
            migrate(connection, (one, ("CREATE TABLE c (x)",), ("INSERT INTO b VALUES (1)",)))
        assert connection.run("PRAGMA user_version") == [(1,)]
        assert connection.run("SELECT name FROM sqlite_master") == [("a",)]


def test_a_newer_file_is_refused(path):
    """A file that a newer clew wrote is not touched, and the error says to upgrade."""
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="upgrade clew"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_a_database_of_another_application_is_refused(path):
    """A database with tables that are not clew's is left alone."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE orders (id)")
    with pytest.raises(ConfigurationError, match=r"shop\.db.*another application"):
        SqliteStore(path)


# Files and faults


def test_only_the_user_reads_the_file(path):
    """The file and what is laid beside it have mode 0600, whatever the umask allows."""
    umask = os.umask(0)
    try:
        with closing(SqliteStore(path)) as store:
            store.changes()
            modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    finally:
        os.umask(umask)
    names = ["shop.db", "shop.db-changes", "shop.db-shm", "shop.db-wal"]
    assert modes == dict.fromkeys(names, 0o600)


def test_a_file_that_is_no_database_is_refused(path):
    """Other content is neither read nor overwritten."""
    path.write_text("order_id,total\n" * 100)
    with pytest.raises(ConfigurationError, match=r"shop\.db.*not a database.*another file"):
        SqliteStore(path)
    assert path.read_text() == "order_id,total\n" * 100


def test_a_missing_folder_is_not_made(tmp_path):
    """The error names the folder and says that it is not made on its own."""
    with pytest.raises(ConfigurationError, match=r"none: No such file.*make this folder.*not made"):
        SqliteStore(tmp_path / "none" / "shop.db")
    assert not (tmp_path / "none").exists()


def test_a_folder_is_no_file(tmp_path):
    """A path that is a folder cannot be opened, and the error names it."""
    with pytest.raises(
        BackendUnavailableError, match="unable to open database file; let this user"
    ):
        SqliteStore(tmp_path)


@contextmanager
def unprivileged():
    """Go on as a user whom file modes bind, in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid():
            yield Path(folder)
            return
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


def test_a_file_that_may_not_be_written_is_refused():
    """Opening a read-only file says what to allow."""
    with unprivileged() as folder:
        path = folder / "shop.db"
        SqliteStore(path).close()
        path.chmod(0o400)
        with (
            pytest.raises(ConfigurationError, match=r"readonly.*let this user write"),
            closing(SqliteStore(path)) as store,
            store.write() as writing,
        ):
            writing.put_people([(HERE, "u", b"")])


def test_a_file_that_may_not_be_made_is_refused():
    """A folder where the user makes no files is named."""
    with unprivileged() as folder:
        folder.chmod(0o500)
        with pytest.raises(ConfigurationError, match=r"shop\.db: Permission denied.*make files"):
            SqliteStore(folder / "shop.db")
        folder.chmod(0o700)


def test_a_locked_file_is_unavailable_for_now(path):
    """Whoever cannot get the write lock in time may try again; readers go on."""
    with closing(SqliteStore(path, patience=0.01)) as store, closing(SqliteStore(path)) as other:
        with other.write(), pytest.raises(BackendUnavailableError, match="locked") as caught:
            store.write().__enter__()
        assert caught.value.retryable
        with other.write(), store.read() as reading:
            assert reading.version(HERE, "u") == 0
        with store.write() as writing:
            assert writing.put_people([(HERE, "u", b"")])[0] > 0


def test_closing_waits_for_nobody_who_waits(path):
    """While another program holds the lock a store is closed at once, and its threads are told."""
    with (
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        store = SqliteStore(path, patience=60)
        other.execute("BEGIN IMMEDIATE")
        waiting = threads.submit(store.write().__enter__)
        while store._writer is None:  # which is connected when it begins
            time.sleep(0.001)
        closing_it = threads.submit(store.close)
        done, _ = wait([closing_it, waiting], timeout=20)
        other.execute("ROLLBACK")
        assert done == {closing_it, waiting}
        assert closing_it.exception() is None
        assert isinstance(waiting.exception(), ClosedError)


def test_a_full_disk_undoes_the_transaction(path):
    """When there is no room, nothing of the transaction is kept and the error says to make room."""
    with closing(SqliteStore(path)) as store:
        with store.write() as writing:
            version = writing.put_people([(HERE, "u", b"1")])[0]
            [(pages,)] = writing._run("PRAGMA page_count")
            writing._run(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(BackendUnavailableError, match="full; make room"), store.write() as it:
            it.put_people([(HERE, "u", bytes(100_000))])
        with store.read() as reading:
            assert reading.person(HERE, "u") == (version, b"1")
        with store.write() as writing:
            assert writing.put_people([(HERE, "u", b"2")])[0] == version + 1


def fill(path):
    """Write many facts, until the file has pages enough to be damaged."""
    with closing(SqliteStore(path)) as store, store.write() as writing:
        for each in range(500):
            writing.add_fact(HERE, "signal", f"{each}", bytes(300), subject="u", at=1.0)


def damage(path, start):
    """Overwrite a file in its place, from one byte on; gives what it was."""
    whole = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * (len(whole) - start))
    return whole


@pytest.mark.parametrize(
    ("start", "said"),
    [
        pytest.param(8192, "malformed", id="its pages"),
        pytest.param(0, "not a database", id="its header"),
    ],
)
def test_a_file_that_is_damaged_meanwhile_is_unavailable(path, start, said):
    """What is to be stored is not at fault: it is kept until there is a sound file again."""
    fill(path)
    with closing(SqliteStore(path)) as store:
        whole = damage(path, start)
        advice = rf"shop\.db: .*{said}; stop all.*restore a backup, or .* \.recover"
        with pytest.raises(BackendUnavailableError, match=advice) as caught:
            list(store.facts_of("default", "signal"))
        assert caught.value.retryable
        with pytest.raises(BackendUnavailableError, match=advice), store.write() as writing:
            writing.add_fact(HERE, "signal", "new", b"", subject="u", at=1.0)
        path.write_bytes(whole)
        with store.vacated():
            pass  # as whoever restores a backup ends all that have the file open
        with store.write() as writing:
            assert writing.add_fact(HERE, "signal", "new", b"", subject="u", at=1.0)


def test_a_damaged_file_is_unavailable_to_who_opens_it(path):
    """A start on damaged pages says so too, and does not take the file for another's."""
    fill(path)
    damage(path, 4096)
    with (
        pytest.raises(BackendUnavailableError, match=r"malformed; .*restore a backup"),
        closing(SqliteStore(path)) as store,
    ):
        store.status()


def test_a_fact_that_no_file_takes_is_refused(path):
    """Only damage of the file makes facts wait; one at fault itself would wait for ever."""
    with closing(SqliteStore(path)) as store:
        with store.write() as writing:
            writing.put_setting("default", "a", b"")
        store._writer._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000)
        with pytest.raises(BackendRejectedError, match="too big"), store.write() as writing:
            writing.put_setting("default", "a", bytes(2_000))


def test_a_folder_that_cannot_be_looked_into_is_told():
    """Whether the file is the same cannot be seen then, so it is not used until it can."""
    with unprivileged() as folder, closing(SqliteStore(folder / "shop.db")) as store:
        store.changes()
        folder.chmod(0o000)
        with pytest.raises(BackendUnavailableError, match=r"Permission denied.*cannot be seen"):
            store.write().__enter__()
        folder.chmod(0o700)
        with store.write() as writing:
            writing.put_setting("default", "a", b"")


# URLs


def test_a_url_names_a_file(tmp_path, monkeypatch):
    """Three slashes lead to a file in the working folder, four to one anywhere."""
    monkeypatch.chdir(tmp_path)
    for url in ["sqlite:///a%20shop.db", f"sqlite:///{tmp_path}/a%20shop.db"]:
        with closing(store_from_url(url)) as store:
            assert store.status()["location"] == str(tmp_path / "a shop.db")


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///", "sqlite://shop.db", "sqlite:///a.db?mode=ro", "sqlite:///a#b"],
)
def test_a_url_that_names_no_file_is_refused(url):
    """The error shows the forms of a URL."""
    with pytest.raises(ConfigurationError, match=r"sqlite:///shop\.db"):
        store_from_url(url)


def test_the_working_folder_may_change(tmp_path, monkeypatch):
    """A relative path is that of the moment of opening, in every thread that comes later."""
    monkeypatch.chdir(tmp_path)
    with closing(SqliteStore("shop.db")) as store:
        monkeypatch.chdir("/")
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(store.changes).result() == 1
