"""
What was given up, kept for people to look at and to send again.

A file of lines in the spool's folder, one JSON object each: ``{"at", "reason", "item"}``, or
``"bytes"`` (base64) in place of `item` for what is no JSON. Several processes add to it: a line is
one write, under the file's lock. Emptying moves them to another file first, so that what is refused
again does not come back at once, and deletes that last, so that breaking off loses nothing.
"""

import fcntl
import logging
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson
from attrs import frozen

from clew.clock import Clock, SystemClock, instant, to_text
from clew.errors import BackendUnavailableError

__all__ = ["DeadLetter", "DeadLetters"]

#: Beyond this size nothing more is kept, in bytes.
MAX_BYTES = 16 * 1024 * 1024

_NAME = "dead-letters.ndjson"
_REPLAYED = "dead-letters.replayed.ndjson"
_log = logging.getLogger("clew")


@frozen
class DeadLetter:
    """A record that was given up."""

    #: When, in seconds since the epoch.
    at: float
    #: Why, in words.
    reason: str
    payload: bytes


class DeadLetters:
    """
    The dead letters of one folder.

    Args:
        folder: a spool's; made when first needed.
        max_bytes: bound on the file; what is beyond it is logged alone.
        clock: what tells the time.
    """

    def __init__(
        self, folder: Path, *, max_bytes: int = MAX_BYTES, clock: Clock | None = None
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._now = (clock or SystemClock()).now

    def add(self, payload: bytes, reason: str) -> None:
        """Keep a record. It never raises: a disk that refuses, or is full of them, is logged."""
        line = orjson.dumps(
            {"at": to_text(self._now()), "reason": reason, **_packed(payload)},
            option=orjson.OPT_APPEND_NEWLINE,
        )
        try:
            with _locked(self._folder / _NAME) as fd:
                _append(fd, line, self._max_bytes)
        except OSError as error:
            _log.warning("a record was given up (%s), and is not kept: %s", reason, error)

    def read(self) -> list[DeadLetter]:
        """
        Give all of them, oldest first.

        Raises:
            OSError: the disk refuses.
        """
        return [*_letters(self._folder / _REPLAYED), *_letters(self._folder / _NAME)]

    @contextmanager
    def emptying(self) -> Iterator[list[DeadLetter]]:
        """
        Give all of them, and forget them when the block ends; not when it raises.

        Raises:
            BackendUnavailableError: another process is about it.
            OSError: the disk refuses.
        """
        taken, current = self._folder / _REPLAYED, self._folder / _NAME
        if not (taken.exists() or current.exists()):
            yield []
            return
        with _locked(taken, wait=False) as replayed:
            if current.exists():
                with _locked(current):
                    os.write(replayed, current.read_bytes())
                    current.unlink()
            yield _letters(taken)
            taken.unlink()


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[int]:
    """Open a file to add to, and hold its lock; it is still the one of that name."""
    while True:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if os.fstat(fd).st_nlink:
                yield fd
                return
        except BlockingIOError as error:
            raise BackendUnavailableError(f"{path} is being emptied by another process") from error
        finally:
            # Closing alone would leave the lock to a child that was forked meanwhile.
            fcntl.flock(fd, fcntl.LOCK_UN)
            os.close(fd)


def _append(fd: int, line: bytes, max_bytes: int) -> None:
    """Write all of a line, or raise and write nothing."""
    size = os.fstat(fd).st_size
    if size + len(line) > max_bytes:
        raise OSError(f"{max_bytes} bytes of dead letters are kept already")
    if os.write(fd, line) != len(line):
        os.ftruncate(fd, size)
        raise OSError("no room on the disk")


def _letters(path: Path) -> list[DeadLetter]:
    """Read a file; a line that was cut short by the death of its writer is passed over."""
    found = []
    with suppress(FileNotFoundError):
        for line in path.read_bytes().splitlines():
            with suppress(orjson.JSONDecodeError):
                letter = orjson.loads(line)
                found.append(DeadLetter(instant(letter["at"]), letter["reason"], _unpacked(letter)))
    return found


def _packed(payload: bytes) -> dict[str, Any]:
    try:
        return {"item": orjson.loads(payload)}
    except orjson.JSONDecodeError:
        return {"bytes": b64encode(payload).decode()}


def _unpacked(letter: dict[str, Any]) -> bytes:
    return orjson.dumps(letter["item"]) if "item" in letter else b64decode(letter["bytes"])
