"""
What one thread has of an SQLite store: a connection to read with, and a lock.

The thread holds its lock while it is inside of the store, in a snapshot, a transaction or a
question. Who holds the locks of all threads is alone with the file, and may close connections that
are not its own; they are opened anew when they are needed.
"""

from threading import RLock
from types import TracebackType

from clew.backends.sqlite_connection import Connection, DatabaseFile
from clew.backends.sqlite_rows import SqliteReading

__all__ = ["Session"]


class Session:
    """A snapshot when entered; entered again inside of itself, it is the same snapshot."""

    def __init__(self, file: DatabaseFile) -> None:
        #: Held by the thread while it is inside of the store.
        self.guard = RLock()
        #: The number that `Store.changes` last gave to this thread.
        self.told = 0
        self._file = file
        self._connection: Connection | None = None
        self._reading: SqliteReading
        #: Whether a snapshot is open.
        self.is_reading = False
        self._depth = 0
        self._data_version = 0

    def __enter__(self) -> SqliteReading:
        self.guard.acquire()
        try:
            if not self._depth:
                self._file.check()
                self._connected().run("BEGIN")
        except BaseException:
            self.guard.release()
            raise
        self._depth += 1
        self.is_reading = True
        return self._reading

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._depth -= 1
        self.is_reading = self._depth > 0
        try:
            if not self._depth and self._connection:
                self._connection.run("COMMIT")
        finally:
            self.guard.release()

    def has_changed(self) -> bool:
        """
        Whether anyone may have committed since this was last asked.

        Anyone is also this process: its transactions run on a connection of their own.
        """
        version = self._connected().data_version()
        if version == self._data_version:
            return False
        self._data_version = version
        return True

    def disconnect(self) -> None:
        """Close the connection; the caller holds the guard."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._file.connect()
            self._reading = SqliteReading(self._connection)
            self._data_version = 0  # versions of another connection say nothing; they begin at 1
        return self._connection
