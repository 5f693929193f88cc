"""
The store in an SQLite file: the default, for one machine.

Each thread reads through a connection of its own; one connection writes, under a lock, since SQLite
admits one writer at a time anyhow. The file is in WAL mode, so readers and the writer do not wait
for each other.

No connection is open while the process forks. A child inherits SQLite's memory of the locks that
its parent holds, but not the locks: connections that the child opens then go without, and what they
commit is lost when the parent closes the file (SQLite, How To Corrupt, section 2.6). So before a
fork all threads are waited for and all connections closed; afterwards both sides open their own.

Whoever finds that the path names another file than was opened, or none, refuses to go on
(`DatabaseFile.look`): every transaction looks, and now and then who reads or asks for changes.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from threading import RLock, local
from time import monotonic
from typing import Any, get_args
from urllib.parse import unquote, urlsplit
from weakref import WeakSet

from clew.backends.base import Kind, Writing
from clew.backends.sqlite_bell import Bell
from clew.backends.sqlite_connection import Connection, DatabaseFile
from clew.backends.sqlite_ddl import MIGRATIONS, migrate
from clew.backends.sqlite_errors import is_busy, is_no_database
from clew.backends.sqlite_session import Session
from clew.backends.sqlite_writing import SqliteWriting
from clew.engine.bucketing import STORE_BUCKETS
from clew.errors import BackendUnavailableError, ConfigurationError

__all__ = ["SqliteStore", "store_from_url"]

#: How long a commit that nobody rang for may go unseen, in seconds: with the 50 ms after which
#: facts are delivered it is less than the 250 ms of RULES F4.
LOOK_SECONDS = 0.1

#: How long to wait for the writers of other processes at a time, in milliseconds: as long whoever
#: closes the file or forks may be kept waiting by each thread that is about to write.
STEP_MILLISECONDS = 20

#: What the connection that writes keeps of the file in memory at most. A batch touches pages all
#: over the file, for the bucket leads every key; readers stay with SQLite's own 2,000.
WRITER_KIBIBYTES = 8_000


class SqliteStore:
    """
    A store in a file, which is made (mode 0600) if there is none.

    Args:
        path: of the file; its folder exists, on a local disk.
        patience: how long to wait for the locks of other processes, in seconds.

    Raises:
        ConfigurationError: the file cannot be made, is none of clew's, or is a newer clew's.
        BackendUnavailableError: it is locked, damaged or cannot be opened now.
    """

    def __init__(self, path: str | os.PathLike[str], *, patience: float = 5.0) -> None:
        self._file = DatabaseFile(Path(path).absolute(), patience)
        self._local = local()
        self._sessions: WeakSet[Session] = WeakSet()
        # Held for moments, while the sessions are listed.
        self._listing = RLock()
        # Held for the length of a transaction; re-entrant so that SQLite refuses a nested one.
        self._writing = RLock()
        self._writer: Connection | None = None
        # What the writer's connection last said of others' commits; under `_writing`.
        self._version = 0
        self._counting = RLock()
        # How often others were seen to have committed, whether they rang or not.
        self._unheard = 0
        # When to look again, by the monotonic clock.
        self._look_at = 0.0
        with _forking:
            _prepare(self._file)
            self._bell = Bell(self._file.path)
            _stores.add(self)

    def read(self) -> Session:
        """As `Store.read`; inside of a snapshot it is the same one again."""
        return self._session()

    @contextmanager
    def write(self) -> Iterator[Writing]:
        """As `Store.write`."""
        with ExitStack() as turn:
            number = self._bell.draw()
            try:
                with self._transaction(turn) as writer:
                    self._file.look()
                    version = writer.data_version()
                    follows = self._number() if self._version == version else None
                    writing = SqliteWriting(writer, follows, number + self._unheard)
                    yield writing
                    writing.flush()
                    self._file.look()  # what was written meanwhile is in vain as well
                # Not before: whom a transaction met that was undone, nobody has been told of.
                self._version = version
                self._bell.ring(number)
            except BaseException:
                # It may be stored and not have been rung for: nobody may trust what comes next.
                self._version = 0
                raise

    def changes(self) -> int:
        """
        As `Store.changes`: what the bell says that everybody rings after a commit.

        Now and then somebody looks at the file itself, lest a commit be missed whose process died
        before it rang, or that another program made.
        """
        session = self._session()
        # An open snapshot is of the past: what is read there must not pass for the present.
        if not session.is_reading:
            if monotonic() >= self._look_at:
                self._look(session)
            session.told = self._number()
        return session.told

    def facts_of(self, tenant: str, kind: Kind, /) -> Iterator[bytes]:
        """As `Store.facts_of`, with a snapshot for each bucket."""
        for bucket in range(STORE_BUCKETS):
            with self._session() as reading:
                found = reading.of_kind((bucket, tenant), kind)
            yield from found

    def status(self) -> dict[str, Any]:
        """As `Store.status`."""
        with self._session() as reading:
            counts = reading.counts()
        return {
            "location": str(self._file.path),
            "schema_version": len(MIGRATIONS),
            "facts": {kind: counts.get(kind, 0) for kind in get_args(Kind)},
        }

    def close(self) -> None:
        """Close the file, once all other threads have left their snapshots and transactions."""
        with self.vacated():
            self._file.is_closed = True

    @contextmanager
    def vacated(self) -> Iterator[None]:
        """
        Wait until no other thread is inside, close all connections and let no one in meanwhile.

        A snapshot or transaction of this very thread is cut short: it raises when it is used next.
        """
        with self._listing, ExitStack() as held:
            for session in list(self._sessions):
                held.enter_context(session.guard)
                session.disconnect()
            if self._writer:
                self._writer.close()
                self._writer = None
            yield

    @contextmanager
    def _transaction(self, turn: ExitStack) -> Iterator[Connection]:
        """
        Be the only writer of all processes and, as long as `turn` is held, of all threads.

        While other processes write nothing is held for long, so that nobody who closes the file or
        forks waits for a thread that has not begun.
        """
        session, until = self._session(), monotonic() + self._file.patience
        with ExitStack() as begun:
            while True:
                turn.enter_context(session.guard)
                turn.enter_context(self._writing)
                writer = self._connected()
                try:
                    begun.enter_context(writer.transaction())
                    break
                except BackendUnavailableError as error:
                    if not is_busy(error) or monotonic() >= until:
                        raise
                turn.close()
                # Who is alone with the file comes first. Not without end: inside of a snapshot of
                # this thread it is waited for in turn.
                if self._listing.acquire(timeout=max(0.0, until - monotonic())):
                    self._listing.release()
            yield writer

    def _number(self) -> int:
        return self._bell.number + self._unheard

    def _look(self, session: Session) -> None:
        """See whether others have committed, and whether the bell is still the one they ring."""
        with session.guard:
            self._file.check()  # first: a bell that was removed with its file is not made anew
            if not self._bell.is_shared:
                self._note(changed=session.has_changed())
            elif self._writing.acquire(blocking=False):
                try:
                    # In this order: while others are busy it would never come to the bell. Noted
                    # before anybody writes next, who would think to come right after us.
                    self._note(changed=self._bell.was_replaced() or self._is_behind())
                finally:
                    self._writing.release()
                if self._bell.is_shared:
                    self._look_at = monotonic() + LOOK_SECONDS

    def _note(self, *, changed: bool) -> None:
        if changed:
            with self._counting:
                self._unheard += 1

    def _is_behind(self) -> bool:
        """Whether others have committed since the writer's connection last said; under its lock."""
        writer = self._connected()  # first: one that is opened anew has said nothing yet
        before, self._version = self._version, writer.data_version()
        return self._version != before

    def _connected(self) -> Connection:
        """The connection that writes; under its lock."""
        if self._writer is None:
            self._version = 0  # versions of another connection say nothing; they begin at 1
            self._writer = self._file.connect()
            self._writer.run(f"PRAGMA cache_size = -{WRITER_KIBIBYTES}")
            step = min(STEP_MILLISECONDS, int(self._file.patience * 1000))
            self._writer.run(f"PRAGMA busy_timeout = {step}")
        return self._writer

    def _session(self) -> Session:
        try:
            session: Session = self._local.session
        except AttributeError:
            session = self._local.session = Session(self._file)
            with self._listing:
                self._sessions.add(session)
        return session


def store_from_url(url: str) -> SqliteStore:
    """
    Open the store that a URL names: `sqlite:///relative.db` or `sqlite:////absolute.db`.

    Raises:
        ConfigurationError: the URL names no file, or as `SqliteStore` does.
        BackendUnavailableError: as `SqliteStore` does.
    """
    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    if not path or parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            f"{url!r} names no file: write 'sqlite:///shop.db' for one in the working folder,"
            " 'sqlite:////var/lib/shop.db' for one anywhere, or 'memory://' for none"
        )
    return SqliteStore(path)


def _prepare(file: DatabaseFile) -> None:
    """Make the file or bring it up to date, while no other process does so."""
    with _locked(file.path.parent):
        _create(file.path)
        try:
            with closing(file.connect()) as connection:
                connection.run("PRAGMA journal_mode = WAL")
                migrate(connection)
        except BackendUnavailableError as error:
            if is_no_database(error):  # it never was, as far as is known here
                raise ConfigurationError(
                    f"{file.path}: this is not a database: name another file, or move this one away"
                    " to begin a new one; if it was one, restore a backup"
                ) from error
            raise
        # After it was opened for writing, by which a file of an overlay becomes another.
        file.remember()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """
    Hold the lock of a folder.

    SQLite does not wait for a lock when it goes into WAL mode, so openers take turns by this one.
    """
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise ConfigurationError(
            f"{folder}: {error.strerror}: make this folder and let this user read it; it is not"
            " made on its own, lest a slip of the pen begins an empty store elsewhere"
        ) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _create(path: Path) -> None:
    """Make an empty file which only this user reads; SQLite gives its companions the same mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        # It is not even opened: closing it would drop the locks of connections to it (POSIX fcntl).
        return
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {error.strerror}: let this user make files in that folder, or name another"
        ) from error


#: Held while a store is opened and while the process forks: neither happens inside the other.
_forking = RLock()
_stores: WeakSet[SqliteStore] = WeakSet()
_held = ExitStack()


def _before_fork() -> None:
    _held.enter_context(_forking)
    for store in list(_stores):
        _held.enter_context(store.vacated())


os.register_at_fork(before=_before_fork, after_in_parent=_held.close, after_in_child=_held.close)
