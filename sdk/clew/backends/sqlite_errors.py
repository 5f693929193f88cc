"""
What an error of SQLite means: whose fault it is, whether to try again, and what to do.

A damaged file is no fault of what is being stored: it may be taken once somebody has mended the
file, so until then it is kept.
"""

import sqlite3
from collections.abc import Mapping
from pathlib import Path

from clew.errors import (
    BackendRejectedError,
    BackendUnavailableError,
    ClewError,
    ConfigurationError,
)

__all__ = ["failure", "is_busy", "is_no_database"]

_BUSY = "other processes kept it locked: try again, and give it fewer writers if this persists"
_DAMAGED = (
    "stop all that have it open, then restore a backup, or save what can be read with"
    " `sqlite3 FILE .recover`"
)

#: By primary result code. Source: SQLite, Result and Error Codes, section 3.
_MEANINGS: Mapping[int, tuple[type[ClewError], str]] = {
    sqlite3.SQLITE_BUSY: (BackendUnavailableError, _BUSY),
    sqlite3.SQLITE_LOCKED: (BackendUnavailableError, _BUSY),
    sqlite3.SQLITE_FULL: (BackendUnavailableError, "make room on the disk, then try again"),
    sqlite3.SQLITE_IOERR: (
        BackendUnavailableError,
        "the disk failed: see the system's log, then try again",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        BackendUnavailableError,
        "let this user read and write the file and its folder, and see that few files are open",
    ),
    sqlite3.SQLITE_NOMEM: (BackendUnavailableError, "free some memory, then try again"),
    sqlite3.SQLITE_PROTOCOL: (BackendUnavailableError, "try again"),
    sqlite3.SQLITE_INTERRUPT: (BackendUnavailableError, "try again"),
    sqlite3.SQLITE_CORRUPT: (BackendUnavailableError, _DAMAGED),
    sqlite3.SQLITE_NOTADB: (BackendUnavailableError, _DAMAGED),
    sqlite3.SQLITE_READONLY: (
        ConfigurationError,
        "let this user write the file and its folder, which holds the -wal and -shm files",
    ),
}


def failure(error: sqlite3.Error, path: Path) -> ClewError:
    """Say what an error means for whoever asked, naming the file and what to do."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    blame, advice = _MEANINGS.get(code & 0xFF, (BackendRejectedError, ""))
    return blame(f"{path}: {error}" + (f"; {advice}" if advice else ""))


def is_busy(error: ClewError) -> bool:
    """Whether a `failure` is of a lock that others hold."""
    return _code(error) == sqlite3.SQLITE_BUSY


def is_no_database(error: ClewError) -> bool:
    """Whether a `failure` is of a file that has no header of SQLite's."""
    return _code(error) == sqlite3.SQLITE_NOTADB


def _code(error: ClewError) -> int:
    """The primary result code that a `failure` is of."""
    return int(getattr(error.__cause__, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF
