"""Dead letters outlive their process, are bounded, and come back once when they are replayed."""

import fcntl
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.delivery.dead_letters import DeadLetters
from clew.errors import BackendUnavailableError
from clew.testing import HandClock


@pytest.mark.parametrize(
    "payload", [b'{"signal":{"id":"s-1"}}', b"\xff no JSON", b""], ids=["item", "bytes", "nothing"]
)
def test_a_letter_is_read_as_it_was_added(tmp_path, payload):
    """Payload, reason and instant are kept, whatever the payload is."""
    clock = HandClock()
    DeadLetters(tmp_path / "made", clock=clock).add(payload, "ValueError: bad")
    [letter] = DeadLetters(tmp_path / "made").read()
    assert (letter.payload, letter.reason, letter.at) == (payload, "ValueError: bad", clock.now())


def test_only_this_user_reads_them(tmp_path):
    """The file and its folder are of mode 0600 and 0700."""
    DeadLetters(tmp_path / "made").add(b"1", "bad")
    [file] = (tmp_path / "made").iterdir()
    assert [path.stat().st_mode & 0o777 for path in (file, file.parent)] == [0o600, 0o700]


def test_several_writers_do_not_mix(tmp_path):
    """Lines of many threads, each with a box of its own, all arrive whole."""

    def write(name):
        box = DeadLetters(tmp_path)
        for n in range(50):
            box.add(b"%d" % (100 * name + n), "bad")

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {int(letter.payload) for letter in DeadLetters(tmp_path).read()}
    assert found == {100 * name + n for name in range(4) for n in range(50)}


def test_beyond_the_bound_nothing_is_kept(tmp_path, caplog):
    """A letter that does not fit is logged with its reason, and those before it stay."""
    box = DeadLetters(tmp_path, max_bytes=100)
    box.add(b"1", "first")
    box.add(b"2", "second")
    assert [letter.reason for letter in box.read()] == ["first"]
    [record] = caplog.records
    assert "(second), and is not kept: 100 bytes" in record.message


def test_a_disk_that_refuses_is_logged(tmp_path, caplog):
    """Where no folder can be made the letter is logged, and nobody fails."""
    (tmp_path / "file").write_text("in the way")
    DeadLetters(tmp_path / "file" / "folder").add(b"1", "bad")
    assert "(bad), and is not kept" in caplog.text


def test_a_replay_forgets_what_it_gave(tmp_path):
    """What is added during a replay is there afterwards; what was given is not."""
    box = DeadLetters(tmp_path)
    box.add(b"1", "bad")
    with box.emptying() as letters:
        assert [letter.payload for letter in letters] == [b"1"]
        box.add(b"2", "bad again")
    assert [letter.payload for letter in box.read()] == [b"2"]


def test_a_replay_that_breaks_off_loses_nothing(tmp_path):
    """After an error in the block all letters are there for the next replay, new ones too."""
    box = DeadLetters(tmp_path)
    box.add(b"1", "bad")
    with pytest.raises(RuntimeError), box.emptying():
        raise RuntimeError
    box.add(b"2", "bad")
    with box.emptying() as letters:
        assert [letter.payload for letter in letters] == [b"1", b"2"]
    assert box.read() == []
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_replayed_from_nowhere(tmp_path):
    """Without letters a replay gives none and makes no file."""
    with DeadLetters(tmp_path / "absent").emptying() as letters:
        assert letters == []
    assert not (tmp_path / "absent").exists()


def test_two_do_not_replay_at_once(tmp_path):
    """While one process replays, another is told so."""
    box = DeadLetters(tmp_path)
    box.add(b"1", "bad")
    with box.emptying(), pytest.raises(BackendUnavailableError, match="by another process"):
        box.emptying().__enter__()


def test_a_writer_that_waited_for_a_replay_begins_a_new_file(tmp_path):
    """A letter is never written into a file that has been taken away meanwhile."""
    box = DeadLetters(tmp_path)
    box.add(b"1", "bad")
    path = tmp_path / "dead-letters.ndjson"
    held = os.open(path, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    writer = threading.Thread(target=box.add, args=(b"2", "bad"))
    writer.start()
    path.unlink()
    os.close(held)
    writer.join()
    assert [letter.payload for letter in box.read()] == [b"2"]


@given(cut=st.integers(1, 60))
def test_a_line_that_was_cut_short_is_passed_over(tmp_path_factory, cut):
    """A writer that died in the middle of a line takes only that one along."""
    folder = tmp_path_factory.mktemp("letters")
    box = DeadLetters(folder)
    for payload in (b"1", b"2"):
        box.add(payload, "bad")
    path = folder / "dead-letters.ndjson"
    path.write_bytes(path.read_bytes()[:-cut])
    assert [letter.payload for letter in box.read()] in ([b"1"], [b"1", b"2"])
