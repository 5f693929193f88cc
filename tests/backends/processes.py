"""What other processes do to an SQLite store: the tests run `python processes.py TASK FILE …`."""

import os
import sqlite3
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import count
from multiprocessing import get_context
from pathlib import Path

from clew.backends.sqlite import SqliteStore
from clew.errors import BackendUnavailableError

HERE = (7, "default")


def add(store: SqliteStore, name: str, number: int = 0) -> None:
    """Add a fact, and 1 to two sums, in one transaction."""
    with store.write() as writing:
        writing.add_fact(HERE, "signal", f"{name}-{number}", b"", subject="u", at=1.0)
        writing.add_sums("default", "arms", {"all": 1.0, name: 1.0})


def fork(work: Callable[[], None]) -> int:
    """Do the work in a child, which then ends by `os._exit` with 0 if it went well."""
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return child


def wait(child: int) -> None:
    """Wait for a child that must end well."""
    _, status = os.waitpid(child, 0)
    assert status == 0, status


def write(path: str, name: str, number: str) -> None:
    """Add so many facts, and as many which every writer adds."""
    with closing(SqliteStore(path, patience=60)) as store:
        for each in range(int(number)):
            add(store, name, each)
            with store.write() as writing:
                if writing.add_fact(HERE, "outcome", f"{each}", b"", subject="u", at=1.0):
                    writing.add_sums("default", "arms", {"shared": 1.0})


def write_until_killed(path: str) -> None:
    """Add facts without end, telling the number of each once it is committed."""
    store = SqliteStore(path)
    for each in count():
        add(store, "k", each)
        sys.stdout.write(f"{each}\n")
        sys.stdout.flush()


def open_at_once(folder: str) -> None:
    """Four children make the same files, each of them at the same moment."""
    barrier = get_context("fork").Barrier(4)

    def work() -> None:
        for each in range(100):
            barrier.wait(60)
            SqliteStore(f"{folder}/{each}.db").close()

    for child in [fork(work) for _ in range(4)]:
        wait(child)


def outlive_the_parents_store(path: str) -> None:
    """The child goes on writing after its parent, which had the file open, has closed it."""
    store = SqliteStore(path)
    add(store, "parent", 1)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(store.changes).result()
    child_waits, parent_tells = os.pipe()
    parent_waits, child_tells = os.pipe()

    def work() -> None:
        add(store, "child", 1)
        os.write(child_tells, b".")
        os.read(child_waits, 1)
        add(store, "child", 2)

    child = fork(work)
    add(store, "parent", 2)
    os.read(parent_waits, 1)
    store.close()
    os.write(parent_tells, b".")
    wait(child)


def fork_among_threads(path: str) -> None:
    """Children are forked, and add, while two threads of the parent read and write."""
    with closing(SqliteStore(path, patience=60)) as store:

        def work(name: str) -> None:
            for each in range(40):
                add(store, name, each)
                with store.read() as reading:
                    reading.sums("default", "arms")
                store.changes()

        with ThreadPoolExecutor(2) as threads:
            busy = [threads.submit(work, f"thread{each}") for each in range(2)]
            children = [fork(lambda name=f"child{each}": work(name)) for each in range(4)]
            for child in children:
                wait(child)
            for each in busy:
                each.result()


def ring(path: str) -> None:
    """Parent and children commit in turns, and each time the parent is told a new number."""
    with closing(SqliteStore(path)) as store:
        told = [store.changes()]
        for each in range(3):
            wait(fork(lambda number=each: add(store, "child", number)))
            told.append(store.changes())
            add(store, "parent", each)
            told.append(store.changes())
        assert len(set(told)) == len(told), told


def fork_inside(path: str) -> None:
    """A fork inside of a transaction and of a snapshot ends them; what comes next works."""
    with closing(SqliteStore(path)) as store:
        for number, block in enumerate([store.write, store.read]):
            child = -1
            with suppress(BackendUnavailableError), block() as opened:
                if number == 0:
                    opened.put_people([(HERE, "u", b"undone")])
                child = os.fork()
                opened.person(HERE, "u")
                raise AssertionError("the block went on after the fork")
            add(store, "parent" if child else "child", number)
            if not child:
                os._exit(0)
            wait(child)


def fork_while_others_write(path: str) -> None:
    """A fork waits for no thread that waits for others; that one goes on, and so does the next."""
    with (
        closing(SqliteStore(path, patience=60)) as store,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        other.execute("BEGIN IMMEDIATE")
        waiting = [threads.submit(add, store, f"thread{each}") for each in range(2)]
        while store._writer is None:  # which is connected when one of them begins
            time.sleep(0.001)
        wait(fork(lambda: None))
        sys.stdout.write("forked\n")
        sys.stdout.flush()
        other.execute("ROLLBACK")
        for each in waiting:
            each.result()


def fork_without_the_file(path: str) -> None:
    """The file is replaced after the fork: neither side writes to whichever it finds."""
    with closing(SqliteStore(path)) as store:
        add(store, "parent")
        go, tell = os.pipe()

        def work() -> None:
            os.read(go, 1)
            refused()

        def refused() -> None:
            with suppress(BackendUnavailableError):
                add(store, "lost")
                raise AssertionError("it was written to a file that is not the one it was")

        child = fork(work)
        SqliteStore(f"{path}.new").close()
        Path(f"{path}.new").replace(path)
        os.write(tell, b".")
        wait(child)
        refused()


if __name__ == "__main__":
    task, *arguments = sys.argv[1:]
    globals()[task](*arguments)
