"""The spool keeps what is put through the death of its process, and hands it on once."""

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections import Counter

import pytest

from clew.delivery.backlog import count_records
from clew.delivery.frames import FRAME_BYTES
from clew.delivery.spool import Spool
from delivery.extents import append


def read(extent):
    """The payloads of a stretch of records."""
    segment, start, end = extent
    return [frame.payload for frame in segment.read(start, end, end - start).frames]


def adopt_all(spool):
    """Every payload that can be adopted, settled as it is read."""
    found = []
    for path in spool.orphans():
        extent = spool.adopt(path)
        if extent is not None:
            found += read(extent)
            spool.settle([extent])
    return found


def python(code, *arguments):
    """Another process."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_nothing_is_made_before_it_is_needed(tmp_path):
    """The folder appears with the first record, for its owner alone."""
    spool = Spool(tmp_path / "deep" / "spool")
    assert not (tmp_path / "deep").exists()
    append(spool, b"one", 0.0)
    assert stat.S_IMODE((tmp_path / "deep" / "spool").stat().st_mode) == 0o700
    spool.close()


def test_what_is_settled_leaves_no_file(tmp_path):
    """A spool that is closed with everything settled leaves an empty folder."""
    spool = Spool(tmp_path)
    spool.settle([append(spool, b"one", 0.0)])
    assert spool.pending_bytes == 0
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_full_files_are_sealed_and_deleted_when_settled(tmp_path):
    """Records go to a new file when one is full; a sealed one is deleted with its last record."""
    spool = Spool(tmp_path, segment_bytes=100)
    extents = [append(spool, b"x" * 30, 0.0) for _ in range(6)]
    assert len(list(tmp_path.iterdir())) == 3
    spool.settle(extents[:3])
    assert len(list(tmp_path.iterdir())) == 2
    spool.settle(extents[3:])
    spool.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_what_is_left_is_adopted_in_order(tmp_path, durability):
    """The next spool on the folder finds every record that was not settled, in order."""
    spool = Spool(tmp_path, durability=durability, segment_bytes=100)
    extents = [append(spool, b"%d" % n, 0.0) for n in range(20)]
    spool.sync()
    spool.settle(extents[:7])
    spool.close()
    heir = Spool(tmp_path)
    assert adopt_all(heir) == [b"%d" % n for n in range(7, 20)]
    assert list(tmp_path.iterdir()) == []


def test_a_living_spool_is_not_adopted(tmp_path):
    """Neither another spool nor the same one takes the files of one in use."""
    spool = Spool(tmp_path)
    append(spool, b"mine", 0.0)
    assert adopt_all(Spool(tmp_path)) == adopt_all(spool) == []
    spool.close()


KILLED = """
import os, signal, sys
from clew.delivery.spool import Spool
spool = Spool(sys.argv[1], segment_bytes=2000)
for n in range(500):
    segment = spool.append(b"%d" % n, 0.0)
    if n < 100:
        spool.settle([segment.unsettled])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_nothing(tmp_path):
    """After a SIGKILL each record that was not settled is there, and none that was (F4)."""
    killed = python(KILLED, tmp_path)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert adopt_all(Spool(tmp_path)) == [b"%d" % n for n in range(100, 500)]
    assert list(tmp_path.iterdir()) == []


ADOPTING = """
import sys
from clew.delivery.spool import Spool
spool = Spool(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
while paths := spool.orphans():
    for path in paths:
        if extent := spool.adopt(path):
            segment, start, end = extent
            for frame in segment.read(start, end, end - start).frames:
                print(frame.payload.decode())
            spool.settle([extent])
"""


def test_competing_processes_adopt_each_record_once(tmp_path):
    """Of three processes that adopt at once, each record goes to exactly one (F4)."""
    for process in range(30):
        spool = Spool(tmp_path, segment_bytes=200)
        for n in range(20):
            append(spool, b"%d-%d" % (process, n), 0.0)
        spool.close()
    heirs = [python(ADOPTING, tmp_path) for _ in range(3)]
    for heir in heirs:
        heir.stdout.readline()
    for heir in heirs:
        heir.stdin.write(b"go\n")
        heir.stdin.flush()
    found = Counter(line for heir in heirs for line in heir.communicate()[0].split())
    assert found == Counter(b"%d-%d" % (p, n) for p in range(30) for n in range(20))


def test_a_torn_tail_costs_no_other_record(tmp_path):
    """Wherever the death of its process cut a file, all records before are adopted."""
    spool = Spool(tmp_path)
    append(spool, b"whole", 0.0)
    torn = append(spool, b"torn", 0.0)
    spool.close()
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    for cut in range(torn.start, torn.end):
        path.write_bytes(data[:cut])
        heir = Spool(tmp_path)
        extent = heir.adopt(path)
        assert read(extent) == [b"whole"]
        assert count_records(extent) == 1
        heir.close()


def test_a_disk_that_refuses_is_tried_again_later(tmp_path, timing, caplog):
    """
    While the folder cannot be made nothing raises; a second later it is tried again; said twice.
    """
    obstacle = tmp_path / "file"
    obstacle.write_text("in the way")
    spool = Spool(obstacle / "spool", now=timing.now)
    assert append(spool, b"one", 0.0) is None
    assert append(spool, b"two", 0.0) is None
    obstacle.unlink()
    assert append(spool, b"three", 0.0) is None
    timing._now = 1.0
    assert read(append(spool, b"four", 0.0)) == [b"four"]
    spool.close()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


def test_a_file_that_fails_is_left_for_another(tmp_path, timing):
    """
    After a failed write the next record goes to a new file, and the old one keeps what it has.
    """
    spool = Spool(tmp_path, now=timing.now)
    first = append(spool, b"first", 0.0)
    sound = first.segment._fd
    first.segment._fd = os.open("/dev/full", os.O_RDWR)
    assert append(spool, b"lost", 0.0) is None
    os.close(first.segment._fd)
    first.segment._fd = sound
    timing._now = 1.0
    second = append(spool, b"second", 0.0)
    assert second.segment is not first.segment
    assert (read(first), read(second)) == ([b"first"], [b"second"])
    spool.close()


@pytest.mark.parametrize(
    "later", [7201.0, 7199.5, 3600.0], ids=["a second", "just set back", "set back an hour"]
)
def test_a_spool_that_is_deleted_goes_on_in_another_file(tmp_path, caplog, later):
    """
    What comes a second later is safe again, whatever becomes of the clock; what was in the file is
    still delivered from it.
    """
    spool = Spool(tmp_path / "spool")
    first = append(spool, b"one", 7200.0)
    shutil.rmtree(tmp_path / "spool")
    blind = append(spool, b"two", 7200.9)
    seen = append(spool, b"three", later)
    append(spool, b"four", 9999.0)
    assert [read(extent) for extent in (first, blind, seen)] == [[b"one"], [b"two"], [b"three"]]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "was deleted" in caplog.text
    spool.settle([first, blind])
    spool.close()
    assert adopt_all(Spool(tmp_path / "spool")) == [b"three", b"four"]


def test_a_disk_that_stays_full_is_spoken_of_once(tmp_path, timing, caplog):
    """An outage is one warning, though files can be made and only their records do not fit."""
    spool = Spool(tmp_path, now=timing.now)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30, hard))
    try:
        for second in range(5):
            timing._now = float(second)
            assert append(spool, b"x" * 50, 0.0) is None
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(caplog.records) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_files_are_synced_when_they_are_left(tmp_path, durability):
    """A sealed file is on the disk itself under "disk", and under it alone."""
    spool = Spool(tmp_path, durability=durability, segment_bytes=60)
    sealed, _ = (append(spool, b"x" * 50, 0.0).segment for _ in range(2))
    assert sealed._synced == (sealed.size if durability == "disk" else 0)
    spool.close()


def test_forgetting_leaves_the_files_to_their_owner(tmp_path):
    """A child that forgets its parent's files neither deletes them nor settles anything in them."""
    spool = Spool(tmp_path)
    extent = append(spool, b"one", 0.0)
    spool.forget()
    spool.settle([extent])
    assert adopt_all(Spool(tmp_path)) == [b"one"]


USED_AGAIN = """
import os, signal, sys
from clew.delivery.spool import Spool
os.getpid = lambda: 4711  # the system gives a number again as soon as nobody has it
spool = Spool(sys.argv[1])
for name in (b"first", b"second"):
    child = os.fork()
    if not child:
        spool.forget()
        if spool.append(name, 0.0):
            signal.raise_signal(signal.SIGKILL)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
"""


def test_a_child_shares_no_name_with_its_dead_sibling(tmp_path):
    """Children of one parent that have the same number one after the other lose nothing (F4)."""
    parent = python(USED_AGAIN, tmp_path)
    parent.communicate()
    assert parent.returncode == 0
    assert sorted(adopt_all(Spool(tmp_path))) == [b"first", b"second"]


def test_a_name_that_is_taken_is_no_fault_of_the_disk(tmp_path, caplog):
    """Where there is a file of the next name the one after it is used, and that file is kept."""
    spool = Spool(tmp_path)
    taken = tmp_path / f"{os.getpid()}-{spool._token}-000001.seg"
    taken.write_bytes(b"of another")
    assert read(append(spool, b"one", 0.0)) == [b"one"]
    assert taken.read_bytes() == b"of another"
    assert caplog.records == []
    spool.close()


def test_the_bound_counts_what_is_not_settled(tmp_path):
    """A record counts with its frame, until it is settled."""
    spool = Spool(tmp_path)
    extent = append(spool, b"x" * 60, 0.0)
    assert spool.pending_bytes == 60 + FRAME_BYTES
    spool.settle([extent])
    assert spool.pending_bytes == 0
    spool.close()
