"""
The bell beside an SQLite file: everybody rings it after a commit, and to hear it costs no call.

Asking SQLite whether somebody has committed takes its locks, about ten microseconds, and is done
before every decision. So there is a companion of eight bytes, `shop.db-changes`, in the memory of
every process that has the file open. It holds a number that each commit replaces by another, drawn
by chance: two who ring at once leave one that is new to everybody, whoever is last.

It is a hint, and nothing is lost with it: who commits rings afterwards, so who hears it finds the
commit; a ring that never came is made up for by looking at the file (`SqliteStore.changes`).
"""

import mmap
import os
import secrets
from pathlib import Path

from clew.errors import ConfigurationError

__all__ = ["Bell"]

_BYTES = 8


class Bell:
    """
    The bell of one file, made if there is none.

    Args:
        database: the path of the file.

    Raises:
        ConfigurationError: this user may not write it, so others would not be told.
    """

    def __init__(self, database: Path) -> None:
        #: Whether other processes hear it; not so where files cannot be mapped.
        self.is_shared = True
        # A link to the database is the same database.
        self._path = database.resolve().with_name(f"{database.resolve().name}-changes")
        self._file: tuple[int, int] = (0, 0)
        self._map()

    @property
    def number(self) -> int:
        """What was rung last."""
        return self._cell[0]

    def was_replaced(self) -> bool:
        """Whether the file is another than that which was mapped; if so, that one is, now."""
        try:
            found = self._path.stat()
            if (found.st_dev, found.st_ino) == self._file:
                return False
        except FileNotFoundError:
            pass
        self._map()
        return True

    def draw(self) -> int:
        """Give a number to ring, which nobody has heard yet."""
        return secrets.randbits(8 * _BYTES)

    def ring(self, number: int) -> None:
        """Tell everybody that something was committed."""
        self._cell[0] = number

    def _map(self) -> None:
        try:
            memory = self._mapped()
        except (PermissionError, IsADirectoryError) as error:
            raise ConfigurationError(
                f"{self._path}: {error.strerror}: by this file processes tell each other that "
                "something was stored; let this user write it, or remove it"
            ) from error
        except OSError:
            self.is_shared = False
            memory = mmap.mmap(-1, _BYTES)
        # One aligned word: it is read and replaced as a whole.
        self._cell = memoryview(memory).cast("Q")

    def _mapped(self) -> mmap.mmap:
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            found = os.fstat(fd)
            if found.st_size < _BYTES:
                os.ftruncate(fd, _BYTES)
            self._file = (found.st_dev, found.st_ino)
            return mmap.mmap(fd, _BYTES)
        finally:
            os.close(fd)
