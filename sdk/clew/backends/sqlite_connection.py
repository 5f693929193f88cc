"""
One connection to an SQLite file: its settings, its transactions, and its errors as clew's.

A file that is removed or replaced stays what its connections read and write, until the last of them
is closed and all of it is gone. So the path is looked at, whether it still names that file.
"""

import logging
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any, TypeAlias

from attrs import define, field

from clew.backends.checks import no_text
from clew.backends.sqlite_errors import failure
from clew.errors import BackendUnavailableError, ClewError, ClosedError

__all__ = ["Connection", "DatabaseFile", "Parameters"]

logger = logging.getLogger("clew")

Parameter: TypeAlias = str | bytes | float | None
Parameters: TypeAlias = tuple[Parameter, ...]

#: How long it may go unseen, in seconds, where nothing is written.
_LOOK_SECONDS = 0.1

#: Enough to keep every statement of a store prepared.
_STATEMENTS = 64

#: In WAL mode NORMAL may lose the last commits when power fails, but nothing when the process dies,
#: and never corrupts (SQLite, PRAGMA synchronous). What is erased is overwritten, not merely
#: unlinked. A checkpoint each 16,000 pages (64 MB) makes ingesting 1.5 times as fast as one each
#: 1,000, the default.
_SETTINGS = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA secure_delete = ON",
    "PRAGMA wal_autocheckpoint = 16000",
)


@define
class DatabaseFile:
    """A file that exists, and how to connect to it."""

    #: Absolute.
    path: Path
    #: How long to wait for the locks of others, in seconds.
    patience: float
    is_closed: bool = False
    #: Device and number of the file that the path named when it was opened.
    _identity: tuple[int, int] | None = field(default=None, init=False)
    #: What became of it, for people; None while the path names it.
    _loss: str | None = field(default=None, init=False)
    #: When to look again, by the monotonic clock.
    _look_at: float = field(default=0.0, init=False)
    #: Held for a moment, so that one thread alone tells of a loss. Nobody forks meanwhile: who
    #: takes it is inside of the store.
    _telling: Lock = field(factory=Lock, init=False, repr=False, eq=False)

    def connect(self) -> "Connection":
        """
        Open another connection.

        Raises:
            ClosedError: the store was closed.
            BackendUnavailableError: the file cannot be opened now, or is not the one it was.
        """
        if self.is_closed:
            raise ClosedError(f"{self.path}: the store was closed: open another one")
        self.look()  # a file that is gone is told as such, and not as one that cannot be opened
        try:
            database = sqlite3.connect(
                f"{self.path.as_uri()}?mode=rw",
                uri=True,
                timeout=self.patience,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=_STATEMENTS,
            )
        except sqlite3.Error as error:
            raise failure(error, self.path) from error
        connection = Connection(self.path, database)
        for setting in _SETTINGS:
            connection.run(setting)
        self.look()  # it may be another one since just now
        return connection

    def remember(self) -> None:
        """
        Take the file that the path names now for the one that it must name from now on.

        Raises:
            BackendUnavailableError: it names none.
        """
        try:
            self._identity = self._found()
        except OSError as error:
            raise BackendUnavailableError(
                f"{self.path}: {error.strerror}: the file was removed while it was being opened:"
                " try again"
            ) from error

    def check(self) -> None:
        """As `look`, but only now and then: for what must not cost a call each time."""
        if self._loss is not None or monotonic() >= self._look_at:
            self.look()

    def look(self) -> None:
        """
        See whether the path still names the file that was opened.

        A file system is taken to keep the number of a file for as long as it is open, as SQLite
        itself takes it to (SQLITE_FCNTL_HAS_MOVED). Where one does not, the store falls silent, and
        nothing is lost. What is overwritten in place, by `cp`, has its number still and is not
        found here. A file that is put back may be used again.

        Raises:
            BackendUnavailableError: it names another, or none; told in the log when it is new.
        """
        if self._identity is None or self.is_closed:
            return
        loss = self._what_became()
        self._look_at = monotonic() + _LOOK_SECONDS
        if loss is None and self._loss is None:
            return
        with self._telling:
            before, self._loss = self._loss, loss
        if loss is None:
            if before is not None:
                logger.warning("%s: the file is in its place again, and is used again", self.path)
            return
        if before is None:
            logger.error("%s", loss)
        raise BackendUnavailableError(loss)

    def _what_became(self) -> str | None:
        try:
            if self._found() == self._identity:
                return None
        except (FileNotFoundError, NotADirectoryError):
            return (
                f"{self.path}: the file was removed while it was open, and what is written to it"
                " now would be lost, so nothing is: put it back, or start this process anew, and"
                " all others that have it open"
            )
        except OSError as error:
            return (
                f"{self.path}: {error.strerror}: whether this is still the file that was opened"
                " cannot be seen: let this user reach it"
            )
        name = self.path.name
        return (
            f"{self.path}: the file was replaced by another while it was open, and what is written"
            " to the old one now would be lost, so nothing is: start this process anew, and all"
            f" others that have it open; before that, remove {name}-wal and {name}-shm if they are"
            " of the old file, or they are taken for the new one's"
        )

    def _found(self) -> tuple[int, int]:
        found = os.stat(self.path)  # noqa: PTH116 - half of what it costs is Path's
        return found.st_dev, found.st_ino


class Connection:
    """
    A connection for one thread at a time, in autocommit mode between transactions.

    Every method raises `BackendUnavailableError` when the same call may work later,
    `BackendRejectedError` when it never will, and `ConfigurationError` when the file or its
    permissions are wrong.
    """

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self.path = path
        self._database = database
        self._is_closed = False

    def run(self, statement: str, parameters: Sequence[Parameter] = ()) -> list[Any]:
        """Execute a statement and give its rows."""
        try:
            return self._database.execute(statement, parameters).fetchall()
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise self._failure(error) from error

    def run_each(self, statement: str, rows: Iterable[Parameters]) -> None:
        """Execute a statement for each row of parameters."""
        try:
            self._database.executemany(statement, rows)
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise self._failure(error) from error

    def data_version(self) -> int:
        """
        Give a number that differs from its last value when others have committed meanwhile.

        Others are all other connections, in this process or elsewhere (SQLite, PRAGMA
        data_version). It costs the locks of a read, about ten microseconds.
        """
        [(version,)] = self.run("PRAGMA data_version")
        return int(version)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Be the only writer; what was written is committed, or undone if an exception passes."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite has undone it by itself after some errors
                self._database.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        self._is_closed = True
        self._database.close()

    def __del__(self) -> None:
        self._database.close()

    def _failure(self, error: sqlite3.Error | UnicodeEncodeError) -> ClewError:
        if isinstance(error, UnicodeEncodeError):
            return no_text(error)
        if self._is_closed:
            return BackendUnavailableError(
                f"{self.path}: the store was closed or the process forked inside of a transaction"
                " or snapshot, which ended with that: repeat it as a whole"
            )
        return failure(error, self.path)
