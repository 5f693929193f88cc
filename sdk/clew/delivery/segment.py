"""
One file of the spool: a header that says what is delivered, then records.

The header is ``magic (8 bytes) | acked u64 | crc32 u32``: every record before the offset `acked` is
settled (delivered or given up). It is rewritten in place by one `pwrite` of 20 bytes; a header that
does not verify means that nothing is known to be settled, so records may come twice, never less.

The magic is ``clewsp`` and the two digits of a version; every version begins its files so. Records
prove themselves, so a file whose header is damaged is read all the same. One that names another
version is left alone, for its records may mean something else, unless the checksum says that this
one was written and is damaged.

A file has one owner at a time: whoever holds its exclusive `flock`. The kernel lets go of it when
the owner dies, however it dies, and that is how the living are told from the dead. A lock on a file
that has been unlinked meanwhile is worth nothing.
"""

import fcntl
import logging
import os
import re
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import NamedTuple, Self
from zlib import crc32

from clew.delivery.frames import Parsed, encode, parse
from clew.once import Once

__all__ = ["Extent", "Segment"]

_MAGIC = b"clewsp01"
_ANY_MAGIC = re.compile(rb"clewsp\d\d")
_STATE = Struct("<8sQ")
_CHECK = Struct("<I")
_HEADER_BYTES = _STATE.size + _CHECK.size

_log = logging.getLogger("clew")
_once = Once()


class Extent(NamedTuple):
    """A stretch of records in a segment, from the byte `start` up to `end`."""

    segment: "Segment"
    start: int
    end: int


class Segment:
    """
    A file of records that this process owns.

    Not safe for threads by itself: the outbox calls it under its lock.
    """

    def __init__(self, path: Path, fd: int, *, acked: int, size: int) -> None:
        self.path = path
        #: Up to where every record is settled.
        self.acked = acked
        #: Where the next record goes.
        self.size = size
        self._fd = fd
        self._synced = 0
        # Settled stretches beyond `acked`, by their start: batches may be given up out of order.
        self._ahead: dict[int, int] = {}

    @classmethod
    def create(cls, path: Path) -> Self | None:
        """
        Make a new file (mode 0600) and own it.

        None if there is one of that name, or if another process was quicker to take the empty file
        for a dead one's.

        Raises:
            OSError: the disk refuses.
        """
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return None
        try:
            if _own(fd):
                segment = cls(path, fd, acked=_HEADER_BYTES, size=_HEADER_BYTES)
                segment.write_ack()
                return segment
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        os.close(fd)
        return None

    @classmethod
    def claim(cls, path: Path) -> Self | None:
        """
        Own a file whose owner is dead.

        None if its owner lives, if it is gone, or if another version wrote it: that is logged.
        """
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        with suppress(OSError):
            if _own(fd):
                header = os.pread(fd, _HEADER_BYTES, 0)
                if not _is_of_another_version(header):
                    size = max(os.fstat(fd).st_size, _HEADER_BYTES)
                    return cls(path, fd, acked=min(_acked(header), size), size=size)
                if _once.is_news("version", str(path)):
                    _log.warning(
                        "%s was written by another version of clew (format %s), which has to"
                        " deliver what is in it: start that on this spool once more",
                        path,
                        header[len(_MAGIC) - 2 : len(_MAGIC)].decode(),
                    )
        os.close(fd)
        return None

    @classmethod
    def look(cls, path: Path) -> Self | None:
        """
        Open a file to read alone, whoever owns it; None if it is gone.

        Raises:
            OSError: this user may not read it.
        """
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        acked = _acked(os.pread(fd, _HEADER_BYTES, 0))
        return cls(path, fd, acked=acked, size=max(acked, os.fstat(fd).st_size))

    @property
    def is_settled(self) -> bool:
        """Whether every record is delivered or given up."""
        return self.acked == self.size

    @property
    def unsettled(self) -> Extent:
        """From the first record that is not settled to the end."""
        return Extent(self, self.acked, self.size)

    @property
    def is_deleted(self) -> bool:
        """Whether somebody has deleted the file, so that it ends with this process."""
        return os.fstat(self._fd).st_nlink == 0

    def append(self, payload: bytes, at: float) -> None:
        """
        Write a record up to `size` by one system call; it then survives the death of this process.

        Raises:
            OSError: the disk refuses; what was written of the record is taken back.
        """
        frame = encode(payload, at)
        start = self.size
        written = os.pwrite(self._fd, frame, start)
        if written != len(frame):
            with suppress(OSError):
                os.ftruncate(self._fd, start)
            raise OSError(
                f"{self.path}: {written} of {len(frame)} bytes written: is the disk full?"
            )
        self.size = start + written

    def read(self, start: int, end: int, limit: int) -> Parsed:
        """
        Read records from `start`, about `limit` bytes of them and at least one if there is one.

        Offsets in the answer are those of the file; `consumed` is where to read on.

        Raises:
            OSError: the disk refuses.
        """
        parsed = self._parse(start, min(end, start + limit), whole=start + limit >= end)
        if parsed.consumed == start < end:
            parsed = self._parse(start, end, whole=True)
        return parsed

    def _parse(self, start: int, end: int, *, whole: bool) -> Parsed:
        found = parse(os.pread(self._fd, end - start, start), whole=whole)
        frames = [f._replace(start=f.start + start, end=f.end + start) for f in found.frames]
        return Parsed(frames, end if whole else found.consumed + start, found.damaged)

    def settle(self, start: int, end: int) -> None:
        """Note in memory that the records from `start` to `end` are delivered or given up."""
        self._ahead[start] = end
        while (reached := self._ahead.pop(self.acked, None)) is not None:
            self.acked = reached

    def write_ack(self) -> None:
        """
        Write down how far everything is settled.

        Raises:
            OSError: the disk refuses.
        """
        state = _STATE.pack(_MAGIC, self.acked)
        os.pwrite(self._fd, state + _CHECK.pack(crc32(state)), 0)

    def sync(self, end: int) -> None:
        """
        Have every record up to `end` on the disk itself, safe from a loss of power.

        Free when another call has covered it (group commit), or when the file is closed.

        Raises:
            OSError: the disk refuses.
        """
        if self._fd != -1 and self._synced < end:
            size = self.size
            os.fdatasync(self._fd)
            # A signal handler may have synced more meanwhile.
            self._synced = max(self._synced, size)

    def close(self) -> None:
        """Let go of the file and its lock, leaving it for whoever comes next."""
        fd, self._fd = self._fd, -1
        if fd != -1:
            os.close(fd)

    def discard(self) -> None:
        """Delete the file, then let go of it: never the other way round, or it might be claimed."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        self.close()


def _own(fd: int) -> bool:
    """Take the lock of an open file; false if another holds it or the file is deleted already."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return os.fstat(fd).st_nlink > 0


def _is_of_another_version(header: bytes) -> bool:
    """Whether a header names another version, and not because one of this version is damaged."""
    return (
        _ANY_MAGIC.match(header) is not None
        and not header.startswith(_MAGIC)
        and not _is_sound(header)
    )


def _is_sound(header: bytes) -> bool:
    """Whether a header has the checksum of one of this version, whatever its magic."""
    if len(header) < _HEADER_BYTES:
        return False
    state = _MAGIC + header[len(_MAGIC) : _STATE.size]
    return bool(_CHECK.unpack_from(header, _STATE.size)[0] == crc32(state))


def _acked(header: bytes) -> int:
    """Up to where a header says that records are settled; their beginning if it is not sound."""
    if not _is_sound(header):
        return _HEADER_BYTES
    return max(int(_STATE.unpack_from(header)[1]), _HEADER_BYTES)
