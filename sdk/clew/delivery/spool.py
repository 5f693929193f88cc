"""
A folder of segments: records that outlive the process which put them.

- One writer per file: each process opens its own, named ``<pid>-<random>-<sequence>.seg``, when it
  first appends, and after a fork the child opens another.
- A file that is full is sealed; sealed and settled, it is deleted.
- A dead process's files are claimed, one by one, by whoever takes their lock first.
- A disk that refuses never raises to the caller: `append` answers None, the outage is logged once,
  and the disk is tried again a second later.
- A file that somebody has deleted is noticed within a second, and another one goes on.
"""

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

from clew.delivery.frames import FRAME_BYTES
from clew.delivery.segment import Extent, Segment

__all__ = ["Durability", "Spool", "left_behind"]

#: What a record survives once it is put: the death of the process, or also a loss of power.
Durability = Literal["process", "disk"]

_RETRY_SECONDS = 1.0
#: How often it is looked whether the current file is there still, at most.
_LOOK_SECONDS = 1.0
_log = logging.getLogger("clew")


class Spool:
    """
    The records of this process on disk, and those of dead ones that it has adopted.

    Not safe for threads by itself, but for `sync`: the outbox calls it under its lock.

    Args:
        directory: made with mode 0700 when first needed; its files have mode 0600.
        durability: "process" costs one `pwrite` per record; "disk" also one `fdatasync` per group.
        segment_bytes: the size from which a file is sealed; a quarter of `max_bytes` at most.
        max_bytes: bound on what is not settled, per process. Files take up to two segments more,
            because a file goes as a whole.
        now: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        durability: Durability = "process",
        segment_bytes: int = 8 * 1024 * 1024,
        max_bytes: int = 256 * 1024 * 1024,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.directory = Path(directory)
        self.durability = durability
        self.max_bytes = max_bytes
        #: Bytes of records, with their frames, that are not settled.
        self.pending_bytes = 0
        self._segment_bytes = min(segment_bytes, max_bytes // 4)
        self._now = now
        self._segments: set[Segment] = set()
        self._current: Segment | None = None
        self._name_anew()
        self._down_until: float | None = None
        # Both in seconds since the epoch, as the records have it: a clock that is set back must not
        # put off the next look.
        self._looked_at = self._look_at = 0.0
        # Held for a group commit. Re-entrant, because a signal handler may put where it has
        # interrupted one; so nobody waits for it who holds the lock that the handler needs.
        self._sync_lock = threading.RLock()
        self._is_syncing = False
        #: How to let go of files that are done with: not while one is synced, or its number might
        #: pass to another.
        self._dropped: deque[Callable[[], None]] = deque()

    def append(self, payload: bytes, at: float) -> Segment | None:
        """
        Write a record that was put at `at` (seconds since the epoch).

        The answer is the file that has it, up to its `size`; None if the disk refuses.
        """
        try:
            if not self._looked_at <= at < self._look_at:
                self._look(at)
            segment = self._current
            if segment is None or segment.size >= self._segment_bytes:
                segment = self._rotate()
                if segment is None:
                    return None
            segment.append(payload, at)
        except OSError as error:
            self._fail(error)
            return None
        if self._down_until is not None:
            self._down_until = None
            _log.warning("%s: records are written to disk again", self.directory)
        self.pending_bytes += FRAME_BYTES + len(payload)
        return segment

    def settle(self, extents: Iterable[Extent]) -> None:
        """Note that records are delivered or given up, and delete the files that are done with."""
        touched: set[Segment] = set()
        for segment, start, end in extents:
            if segment in self._segments:
                segment.settle(start, end)
                self.pending_bytes -= end - start
                touched.add(segment)
        for segment in touched:
            if segment.is_settled and segment is not self._current:
                self._drop(segment, segment.discard)
            else:
                with suppress(OSError):  # what is not written down is delivered twice, no worse
                    segment.write_ack()

    def sync(self) -> None:
        """
        Have what was appended on the disk itself; threads that come together share one `fdatasync`.

        The caller holds no lock, for this takes milliseconds. (A file is synced when it is sealed,
        so the current one is all there is to do.)
        """
        segment = self._current
        if segment is None:
            return
        end = segment.size  # another's sync may have covered it before it is this one's turn
        with self._sync_lock:
            before, self._is_syncing = self._is_syncing, True
            try:
                self._sync(segment, end)
            finally:
                self._is_syncing = before
        self._release()

    def orphans(self) -> list[Path]:
        """Files that may be a dead process's, in the order in which each process wrote them."""
        ours = f"{os.getpid()}-{self._token}-"
        try:
            paths = sorted(self.directory.iterdir())
        except OSError:
            return []
        return [p for p in paths if p.suffix == ".seg" and not p.name.startswith(ours)]

    def adopt(self, path: Path) -> Extent | None:
        """
        Claim a dead process's file; the answer is what of it is not settled.

        None if it is not to be had: among processes that try at once, one gets it.
        """
        segment = Segment.claim(path)
        if segment is None:
            return None
        if segment.is_settled:
            segment.discard()
            return None
        self._segments.add(segment)
        self.pending_bytes += segment.size - segment.acked
        return segment.unsettled

    def close(self) -> None:
        """
        Let go of every file: what is settled is deleted, the rest is left to be adopted.

        The spool may be used again; it then opens a new file.
        """
        self._seal()  # what is put from here on goes to another file
        for segment in tuple(self._segments):
            self._drop(segment, segment.discard if segment.is_settled else segment.close)
        self.pending_bytes = 0

    def forget(self) -> None:
        """In a forked child, let go of the parent's files: the parent goes on to own them."""
        self._sync_lock, self._is_syncing = threading.RLock(), False
        for segment in tuple(self._segments):
            self._drop(segment, segment.close)
        self._current = None
        self.pending_bytes = 0
        self._name_anew()

    def _name_anew(self) -> None:
        """Begin with names that no other process had: a number like its own may be used again."""
        self._token = os.urandom(4).hex()
        self._sequence = 0

    def _drop(self, segment: Segment, release: Callable[[], None]) -> None:
        self._segments.discard(segment)
        self._dropped.append(release)
        self._release()

    def _release(self) -> None:
        """Let go of files, unless one is being synced: then whoever does that lets go of them."""
        while self._dropped and self._sync_lock.acquire(blocking=False):
            try:
                if self._is_syncing:  # by what this signal handler has interrupted
                    return
                with suppress(IndexError):
                    self._dropped.popleft()()
            finally:
                self._sync_lock.release()

    def _sync(self, segment: Segment, end: int) -> None:
        try:
            segment.sync(end)
        except OSError as error:
            _log.warning("%s: records may not survive a loss of power: %s", self.directory, error)

    def _look(self, at: float) -> None:
        """Go on in another file if the current one was deleted; what it has can still be read."""
        self._looked_at, self._look_at = at, at + _LOOK_SECONDS
        segment = self._current
        if segment is not None and segment.is_deleted:
            _log.warning(
                "%s was deleted; what waits in it is delivered if this process lives, and what "
                "comes goes to another file: leave the spool to clew",
                segment.path,
            )
            self._seal()

    def _rotate(self) -> Segment | None:
        """
        Seal the current file and open the next; None while the disk is left alone after a fault.

        Raises:
            OSError: the disk refuses.
        """
        if self._down_until is not None and self._now() < self._down_until:
            return None
        self._seal()
        self._current = segment = self._create()
        self._segments.add(segment)
        return segment

    def _create(self) -> Segment:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        segment = None
        while segment is None:
            self._sequence += 1
            name = f"{os.getpid()}-{self._token}-{self._sequence:06d}.seg"
            segment = Segment.create(self.directory / name)
        if self.durability == "disk":
            _sync_directory(self.directory)
        return segment

    def _seal(self) -> None:
        segment = self._current
        if segment is not None and self.durability == "disk" and not segment.is_settled:
            # Before it is left: whoever has written to it looks here for what to sync.
            self._sync(segment, segment.size)
        # First of the rest: a signal handler that raises here must not leave a file that is closed.
        self._current = None
        if segment is not None and segment.is_settled:
            self._drop(segment, segment.discard)

    def _fail(self, error: OSError) -> None:
        if self._down_until is None:
            _log.warning(
                "%s: records are kept in memory alone until the disk takes them again: %s",
                self.directory,
                error,
            )
        self._down_until = self._now() + _RETRY_SECONDS
        self._seal()


def left_behind(folders: Iterable[Path]) -> list[Path]:
    """Give those of some folders of spools in which a dead process's records wait for somebody."""
    return [folder for folder in folders if any(map(_waits, folder.glob("*/*.seg")))]


def _waits(path: Path) -> bool:
    segment = Segment.claim(path)
    if segment is None:  # its owner lives
        return False
    segment.close()
    return not segment.is_settled


def _sync_directory(directory: Path) -> None:
    """Have the name of a new file survive a loss of power, too."""
    fd = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
