"""One connection to an SQLite file: its settings, its transactions, and its errors as clew's."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from attrs import define

from clew.backends.checks import no_text
from clew.backends.sqlite_errors import failure
from clew.errors import BackendUnavailableError, ClewError, ClosedError

__all__ = ["Connection", "DatabaseFile", "Parameters"]

Parameter: TypeAlias = str | bytes | float | None
Parameters: TypeAlias = tuple[Parameter, ...]

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

    def connect(self) -> "Connection":
        """
        Open another connection.

        Raises:
            ClosedError: the store was closed.
            BackendUnavailableError: the file cannot be opened now.
            ConfigurationError: it is no database.
        """
        if self.is_closed:
            raise ClosedError(f"{self.path}: the store was closed: open another one")
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
        return connection


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
