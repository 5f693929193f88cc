"""With durability "disk" whatever was put is on the disk itself when the call returns."""

import os
import socket
import threading
from pathlib import Path

import pytest

from clew import Client
from clew.delivery.outbox import Outbox
from clew.delivery.spool import Spool

#: Only ever waited for when something hangs, in seconds.
GUARD = 20.0

#: Nothing leaves in these tests, so that nothing is settled and deleted before it is looked at.
NEVER = 86_400.0


class Disk:
    """
    Notes up to where files are on the disk itself; stands in for `os.fdatasync`.

    What is written after a call has begun may not be covered by it, so it does not count.
    """

    def __init__(self):
        self.calls = 0
        #: Called while a sync is under way.
        self.meanwhile = lambda: None
        self._synced = {}

    def fdatasync(self, fd):
        """Stand in for `os.fdatasync`."""
        self.calls += 1
        stat = os.fstat(fd)
        self.meanwhile()
        self._synced[stat.st_ino] = max(self._synced.get(stat.st_ino, 0), stat.st_size)

    def has(self, folder, payload):
        """Whether a payload that is in one of the files of a folder would outlive a power cut."""
        for path in Path(folder).rglob("*.seg"):
            before, found, _ = path.read_bytes().partition(payload)
            if found:
                return self._synced.get(path.stat().st_ino, 0) >= len(before) + len(found)
        raise AssertionError("it is in no file at all")


@pytest.fixture
def disk(monkeypatch):
    """A disk that is told when to have what was written."""
    one = Disk()
    monkeypatch.setattr(os, "fdatasync", one.fdatasync)
    return one


@pytest.fixture
def opened():
    """Opens outboxes, and lets go of them after the test."""
    outboxes = []

    def open_outbox(folder, **options):
        spool = Spool(folder, **{"durability": "disk", **options})
        outboxes.append(Outbox(lambda batch: None, spool=spool, linger_seconds=NEVER))
        return outboxes[-1]

    yield open_outbox
    for outbox in outboxes:
        outbox.close(GUARD)


def started(target, *args):
    """Start a thread that does not outlive the tests if it hangs."""
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread


def test_what_was_put_is_on_the_disk_itself(disk, opened, tmp_path):
    """Each record is covered by a sync when its `put` returns."""
    outbox = opened(tmp_path)
    for n in range(20):
        payload = b"record %d." % n
        assert outbox.put(payload)
        assert disk.has(tmp_path, payload)


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_what_was_emitted_is_on_the_disk_itself(disk, tmp_path, durability):
    """So is each signal of a client when `emit` returns; with "process" nobody waits for that."""
    with socket.socket() as deaf:  # nothing is delivered, and deleted, before it is looked at
        deaf.bind(("127.0.0.1", 0))
        url = "http://key@{}:{}".format(*deaf.getsockname())
        client = Client(url, durability=durability, spool=tmp_path)
        for n in range(5):
            client.emit("page_viewed", subject="u-1", id=f"signal-{n}.")
            assert disk.has(tmp_path, b"signal-%d." % n) == (durability == "disk")
        client.close(0.0)
    assert (disk.calls > 0) == (durability == "disk")


@pytest.mark.parametrize(
    "segment_bytes", [1 << 20, 500], ids=["one file", "several files, one after the other"]
)
def test_what_several_threads_put_is_on_the_disk_itself(disk, opened, tmp_path, segment_bytes):
    """Whoever syncs for others, no `put` returns before its own record is covered."""
    outbox = opened(tmp_path, segment_bytes=segment_bytes)
    missing = []

    def put_all(name):
        for n in range(50):
            payload = b"%s %d." % (name, n)
            outbox.put(payload)
            if not disk.has(tmp_path, payload):
                missing.append(payload)

    threads = [started(put_all, name) for name in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.join(GUARD)
        assert not thread.is_alive()
    assert missing == []


def test_threads_that_come_together_share_a_sync(disk, opened, tmp_path):
    """What is put while a sync is under way is covered by the next one, all of it by one."""
    outbox = opened(tmp_path)
    begun, gate = threading.Event(), threading.Event()

    def hold():
        begun.set()
        assert gate.wait(GUARD)

    disk.meanwhile = hold
    threads = [started(outbox.put, b"first")]
    assert begun.wait(GUARD)
    threads += [started(outbox.put, b"later %d." % n) for n in range(3)]
    while outbox.pending < 4:
        assert not gate.wait(0.001)
    assert [thread.is_alive() for thread in threads] == [True] * 4
    gate.set()
    for thread in threads:
        thread.join(GUARD)
    assert all(disk.has(tmp_path, b"later %d." % n) for n in range(3))
    assert disk.calls == 2


def test_a_record_is_on_the_disk_though_its_file_is_full(disk, opened, tmp_path):
    """Whoever puts waits also for the sync that another thread does, who opens the next file."""
    outbox = opened(tmp_path, segment_bytes=1)
    begun, gate = threading.Event(), threading.Event()
    spool = outbox._synced_spool
    sync = spool.sync

    def late_sync():
        """What a thread does that others overtake between writing and syncing."""
        spool.sync = sync
        opener.append(started(outbox.put, b"next"))
        assert begun.wait(GUARD)
        syncer = started(sync)
        syncer.join(0.1)  # it has to wait; if it did not it would be over long since
        returned_early.append(not syncer.is_alive() and not disk.has(tmp_path, b"first"))
        gate.set()
        syncer.join(GUARD)

    def hold():
        begun.set()
        assert gate.wait(GUARD)

    opener, returned_early = [], []
    spool.sync, disk.meanwhile = late_sync, hold
    outbox.put(b"first")
    opener[0].join(GUARD)
    assert returned_early == [False]
    assert disk.has(tmp_path, b"first")
    assert disk.has(tmp_path, b"next")


def test_a_signal_handler_that_puts_in_the_middle_of_a_sync(disk, opened, tmp_path):
    """It waits for nothing, and both records are on the disk itself."""
    outbox = opened(tmp_path)

    def handler():
        disk.meanwhile = lambda: None
        outbox.put(b"from the handler")
        assert disk.has(tmp_path, b"from the handler")

    disk.meanwhile = handler
    thread = started(outbox.put, b"interrupted")
    thread.join(GUARD)
    assert not thread.is_alive()
    assert disk.has(tmp_path, b"interrupted")


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param("a file is full", id="another thread goes on to the next file"),
        pytest.param("a file is done with", id="another thread deletes a file"),
    ],
)
def test_nobody_who_is_needed_waits_for_a_sync(disk, tmp_path, meanwhile):
    """A handler that interrupts a sync gets the lock that others put and settle under (F4)."""
    spool = Spool(tmp_path, segment_bytes=1)
    files = [spool.append(b"%d" % n, 0.0) for n in range(2)]
    spool.durability = "disk"
    lock, done = threading.RLock(), threading.Event()

    def others():
        with lock:
            if meanwhile == "a file is full":
                spool.append(b"more", 0.0)
            else:
                spool.settle([files[0].unsettled])
            done.set()

    def handler():
        disk.meanwhile = lambda: None
        started(others)
        assert done.wait(GUARD)
        with lock:
            spool.append(b"from the handler", 0.0)

    disk.meanwhile = handler
    spool.sync()
    assert files[0].path.exists() is (meanwhile == "a file is full")
    spool.close()


def test_a_file_is_kept_while_it_is_synced(disk, tmp_path):
    """Its number must not pass to another file meanwhile; when the sync is over, it goes."""
    spool = Spool(tmp_path, durability="disk", segment_bytes=1)
    file = spool.append(b"0", 0.0)
    fds = []

    def handler():
        disk.meanwhile = lambda: None
        spool.settle([file.unsettled])
        spool.append(b"from the handler", 0.0)
        fds.append(file._fd)

    disk.meanwhile = handler
    spool.sync()
    assert fds != [-1]
    assert not file.path.exists()
    spool.close()


def test_what_is_let_go_of_is_on_the_disk_itself(disk, tmp_path):
    """Whoever wrote to a file that another thread closes finds it synced (F4)."""
    spool = Spool(tmp_path, durability="disk")
    spool.append(b"written", 0.0)
    spool.close()
    spool.sync()
    assert disk.has(tmp_path, b"written")


def test_what_is_put_while_files_are_closed_goes_to_another(monkeypatch, tmp_path):
    """A signal handler in the middle of closing a spool does not write to a closed file."""
    spool = Spool(tmp_path)
    file = spool.append(b"before", 0.0)
    close, put = file.close, []

    def interrupted():
        close()
        if not put:
            put.append(spool.append(b"from the handler", 0.0))

    monkeypatch.setattr(type(file), "close", lambda one: interrupted() if one is file else None)
    spool.close()
    assert put[0] is not None
    assert b"from the handler" in put[0].path.read_bytes()
