"""The queue keeps its order and its bounds over memory and disk."""

import pytest

from clew.delivery.backlog import Backlog, count_records
from clew.delivery.losses import Losses
from clew.delivery.spool import Spool
from delivery.extents import append


def fill(backlog, start, stop):
    """Add the numbers as records; the answers that were not None."""
    answers = [backlog.add(b"%d" % n, float(n)) for n in range(start, stop)]
    return [answer for answer in answers if answer is not None]


def drain(backlog, max_count=7):
    """Take and settle everything, as numbers."""
    found = []
    while batch := backlog.take(max_count, 1 << 20):
        found += map(int, batch.payloads)
        backlog.settle(batch)
    return found


@pytest.fixture
def spool(tmp_path):
    one = Spool(tmp_path / "spool")
    yield one
    one.close()


def test_what_memory_cannot_hold_is_read_back_in_order(spool):
    """
    With room for a few records in memory, thousands come out in the order in which they went in.
    """
    backlog = Backlog(spool, max_memory_bytes=20, losses=Losses())
    assert fill(backlog, 0, 3000) == []
    assert len(backlog._items) < 30
    head = [*map(int, backlog.take(5, 1 << 20).payloads)]
    fill(backlog, 3000, 3010)
    assert head + drain(backlog) == list(range(3010))
    assert backlog.count == 0


def test_tickets_number_the_records(spool):
    """Each record has its place in the order, whether memory kept it or not."""
    backlog = Backlog(spool, max_memory_bytes=3, losses=Losses())
    fill(backlog, 0, 9)
    assert backlog.oldest_ticket == 0
    assert list(backlog.take(99, 1 << 20).tickets) == list(range(9))
    assert backlog.oldest_ticket == backlog.next_ticket == 9


def test_a_batch_keeps_its_bounds(spool):
    """
    A batch ends before the record that would exceed its bytes; one larger than that goes alone.
    """
    backlog = Backlog(spool, max_memory_bytes=1000, losses=Losses())
    for payload in (b"aaa", b"bbb", b"ccccccccc", b"d"):
        backlog.add(payload, 0.0)
    taken = []
    while batch := backlog.take(99, 6):
        taken.append(batch.payloads)
    assert taken == [[b"aaa", b"bbb"], [b"ccccccccc"], [b"d"]]


@pytest.mark.parametrize("memory", [10, 1000])
def test_the_oldest_on_disk_gives_way(tmp_path, memory):
    """At the bound of the disk the oldest record is dropped, also where only the disk has it."""
    spool = Spool(tmp_path, max_bytes=210)
    backlog = Backlog(spool, max_memory_bytes=memory, losses=Losses())
    assert fill(backlog, 0, 10) == []
    assert backlog.add(b"x", 0.0) == "overflow"
    assert backlog.drop_oldest("overflow") == b"0"
    assert backlog.add(b"10", 0.0) == "overflow"  # one byte more than the record that gave way
    assert backlog.drop_oldest("overflow") == b"1"
    assert backlog.add(b"10", 0.0) is None
    assert drain(backlog) == list(range(2, 11))
    spool.close()
    assert list(tmp_path.iterdir()) == []


def test_without_a_spool_memory_is_the_bound():
    """Without a disk the bound is that of memory, and the oldest record can give way."""
    backlog = Backlog(None, max_memory_bytes=10, losses=Losses())
    assert fill(backlog, 0, 11) == ["overflow"]
    assert backlog.drop_oldest("overflow") == b"0"
    assert fill(backlog, 10, 11) == ["overflow"]
    assert backlog.drop_oldest("overflow") == b"1"
    assert fill(backlog, 10, 11) == []
    assert drain(backlog) == list(range(2, 11))
    assert backlog.drop_oldest("overflow") is None


def test_while_the_disk_refuses_what_is_safe_does_not_give_way(tmp_path):
    """Memory that is short of room drops what only memory has, not what the disk has."""
    spool = Spool(tmp_path / "spool")
    backlog = Backlog(spool, max_memory_bytes=4, losses=Losses())
    fill(backlog, 0, 6)
    spool.append = lambda payload, at: None
    assert fill(backlog, 6, 11) == ["no_disk"]
    assert backlog.bare() == 4
    assert backlog.drop_oldest("no_disk") == b"6"
    assert backlog.drop_oldest("no_disk") == b"7"
    assert fill(backlog, 10, 11) == []
    assert drain(backlog) == [*range(6), *range(8, 11)]
    assert backlog.drop_oldest("no_disk") is None
    spool.close()


def test_adopted_records_wait_at_the_end(tmp_path):
    """
    What is adopted is counted at once, delivered after what waits, and then gone from the disk.
    """
    dead = Spool(tmp_path)
    for n in range(5):
        append(dead, b"%d" % n, float(n))
    dead.close()
    (path,) = tmp_path.iterdir()
    spool = Spool(tmp_path)
    backlog = Backlog(spool, max_memory_bytes=1000, losses=Losses())
    fill(backlog, 10, 12)
    extent = spool.adopt(path)
    backlog.add_extent(extent, count_records(extent))
    assert backlog.count == 7
    assert drain(backlog) == [10, 11, 0, 1, 2, 3, 4]
    spool.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("victim", range(5))
def test_damage_is_counted_and_passed_over(tmp_path, victim):
    """
    A record that the disk garbled is counted as corrupt; all others arrive, and the file goes.
    """
    dead = Spool(tmp_path)
    extents = [append(dead, b"%d" % n, float(n)) for n in range(5)]
    dead.close()
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    data[extents[victim].end - 1] ^= 0xFF
    path.write_bytes(data)
    spool, losses = Spool(tmp_path), Losses()
    backlog = Backlog(spool, max_memory_bytes=1000, losses=losses)
    extent = spool.adopt(path)
    backlog.add_extent(extent, 5)
    assert drain(backlog) == [n for n in range(5) if n != victim]
    assert losses.counts == {"corrupt": 1}
    assert backlog.count == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("begins", [20, 0], ids=["behind its header", "all of it"])
def test_a_file_of_rubbish_is_counted_and_goes(tmp_path, caplog, begins):
    """Where nothing can be read nothing waits and nothing is left, and the log names the file."""
    dead = Spool(tmp_path)
    append(dead, b"x" * 40, 0.0)
    dead.close()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:begins] + b"\0" * 80)
    spool, losses = Spool(tmp_path), Losses()
    backlog = Backlog(spool, max_memory_bytes=1000, losses=losses)
    backlog.add_extent(spool.adopt(path), 1)
    assert drain(backlog) == []
    assert (backlog.count, losses.counts) == (0, {"corrupt": 1})
    assert str(path) in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_stays(tmp_path, spool):
    """A read error counts as corrupt, but leaves the records on disk for a later process."""
    losses = Losses()
    backlog = Backlog(spool, max_memory_bytes=1, losses=losses)
    fill(backlog, 0, 5)
    (path,) = spool.directory.iterdir()
    for segment in spool._segments:
        segment.close()
    assert drain(backlog) == [0]
    assert losses.counts == {"corrupt": 1}
    assert path.exists()
