"""A segment has one owner, remembers what is settled, and takes back what it could not write."""

import os
import resource
import stat

import pytest

from clew.delivery.segment import Segment, _own
from delivery.extents import append


@pytest.fixture
def path(tmp_path):
    return tmp_path / "1-a-000001.seg"


def payloads(segment):
    """What of a segment is not settled."""
    found = segment.read(segment.acked, segment.size, 1 << 20)
    return [frame.payload for frame in found.frames]


def test_a_file_is_private(path):
    """Records are readable by their owner alone."""
    Segment.create(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_living_keep_their_file(path):
    """A file whose owner lives is not claimed; once it let go, it is, with every record."""
    owner = Segment.create(path)
    append(owner, b"one", 1.0)
    assert Segment.claim(path) is None
    owner.close()
    claimed = Segment.claim(path)
    assert payloads(claimed) == [b"one"]
    claimed.close()


def test_settled_records_do_not_come_back(path):
    """The next owner goes on where the last one had everything settled."""
    owner = Segment.create(path)
    first = append(owner, b"one", 1.0)
    append(owner, b"two", 2.0)
    owner.settle(first.start, first.end)
    owner.write_ack()
    owner.close()
    claimed = Segment.claim(path)
    assert payloads(claimed) == [b"two"]
    claimed.close()


def test_settling_out_of_order_waits_for_the_gap(path):
    """A record settled early counts only when all before it are."""
    owner = Segment.create(path)
    first, second, third = (append(owner, name, 0.0) for name in (b"one", b"two", b"three"))
    owner.settle(second.start, second.end)
    assert payloads(owner) == [b"one", b"two", b"three"]
    owner.settle(first.start, first.end)
    assert payloads(owner) == [b"three"]
    owner.settle(third.start, third.end)
    assert owner.is_settled
    owner.close()


@pytest.mark.parametrize("byte", range(8, 20))
def test_a_broken_header_delivers_everything_again(path, byte):
    """Where it is not known what is settled, nothing is."""
    owner = Segment.create(path)
    first = append(owner, b"one", 0.0)
    owner.settle(first.start, first.end)
    owner.write_ack()
    owner.close()
    data = bytearray(path.read_bytes())
    data[byte] ^= 0xFF
    path.write_bytes(data)
    claimed = Segment.claim(path)
    assert payloads(claimed) == [b"one"]
    claimed.close()


@pytest.mark.parametrize("bit", range(64))
def test_a_wrong_bit_in_the_magic_changes_nothing(path, bit):
    """The checksum says that it is ours and what is settled, though it may name another version."""
    owner = Segment.create(path)
    first = append(owner, b"one", 0.0)
    append(owner, b"two", 0.0)
    owner.settle(first.start, first.end)
    owner.write_ack()
    owner.close()
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    claimed = Segment.claim(path)
    assert payloads(claimed) == [b"two"]
    claimed.close()


@pytest.mark.parametrize(
    "header",
    [b"\0" * 20, b"\xff" * 20, b"clewsp0x" + b"\0" * 12, b"clewsp01" + b"\0" * 12],
    ids=["zeros", "ones", "no version", "this version"],
)
def test_records_behind_no_header_are_all_delivered(path, header):
    """Where the disk garbled the header every record is delivered, for each proves itself."""
    owner = Segment.create(path)
    append(owner, b"one", 0.0)
    append(owner, b"two", 0.0)
    owner.close()
    path.write_bytes(header + path.read_bytes()[len(header) :])
    claimed = Segment.claim(path)
    assert payloads(claimed) == [b"one", b"two"]
    claimed.close()


@pytest.mark.parametrize("cut", range(20))
def test_a_header_cut_short_is_an_empty_file(path, cut):
    """A process that died while it made the file leaves nothing to deliver."""
    Segment.create(path).close()
    path.write_bytes(path.read_bytes()[:cut])
    claimed = Segment.claim(path)
    assert claimed.is_settled
    claimed.close()


@pytest.mark.parametrize("version", [b"02", b"00", b"99"])
def test_a_file_of_another_version_is_left_alone(path, caplog, version):
    """What this version cannot read is neither claimed nor changed, and told of once."""
    owner = Segment.create(path)
    append(owner, b"one", 0.0)
    owner.close()
    data = b"clewsp" + version + b"of the future" + path.read_bytes()[20:]
    path.write_bytes(data)
    assert Segment.claim(path) is Segment.claim(path) is None
    assert path.read_bytes() == data
    (told,) = caplog.records
    assert str(path) in told.getMessage()
    assert version.decode() in told.getMessage()


def test_a_record_that_does_not_fit_is_taken_back(path):
    """
    A write that the disk cuts short raises, and leaves the records before it and after it sound.
    """
    owner = Segment.create(path)
    append(owner, b"before", 0.0)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (owner.size + 10, hard))
    try:
        with pytest.raises(OSError, match="10 of 32 bytes"):
            append(owner, b"does not fit", 0.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size == owner.size
    append(owner, b"after", 0.0)
    assert payloads(owner) == [b"before", b"after"]
    owner.close()


def test_a_file_deleted_meanwhile_is_nobodys(path):
    """Whoever discards a file has it gone for all, also for one that had opened it before."""
    owner = Segment.create(path)
    early = os.open(path, os.O_RDWR)
    owner.discard()
    assert not path.exists()
    assert Segment.claim(path) is None
    assert not _own(early)
    os.close(early)


def test_syncing_again_is_free_until_something_is_added(path):
    """A group commit that covers a record spares the next one, and a closed file needs none."""
    owner = Segment.create(path)
    end = append(owner, b"one", 0.0).end
    owner.sync(end)
    fd, owner._fd = owner._fd, 1 << 20  # a descriptor that no call could use
    owner.sync(end)
    with pytest.raises(OSError, match="descriptor"):
        owner.sync(end + 1)
    owner._fd = fd
    owner.close()
    owner.sync(end + 1)
