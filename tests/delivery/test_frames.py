"""Frames are found again whatever a crash left of the file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.delivery.frames import FRAME_BYTES, encode, parse

payloads = st.lists(st.binary(max_size=40), max_size=8)
texts = st.lists(st.text(max_size=20).map(str.encode), min_size=2, max_size=8)


@given(payloads)
def test_what_is_framed_is_read(records):
    """Any payloads come back in order, with their instants, and nothing is left over."""
    data = b"".join(encode(record, float(n)) for n, record in enumerate(records))
    parsed = parse(data, whole=True)
    assert [(frame.payload, frame.at) for frame in parsed.frames] == [
        (record, float(n)) for n, record in enumerate(records)
    ]
    assert (parsed.consumed, parsed.damaged) == (len(data), 0)


def test_a_tail_torn_at_any_byte_is_passed_over():
    """Wherever the last frame is cut, those before it are read and no damage is counted."""
    sound = encode(b"first", 1.0) + encode(b"second", 2.0)
    last = encode(b"third", 3.0)
    for cut in range(len(last)):
        parsed = parse(sound + last[:cut], whole=True)
        assert [frame.payload for frame in parsed.frames] == [b"first", b"second"]
        assert parsed.damaged == 0


@given(texts, st.data())
def test_one_damaged_byte_costs_one_record(records, data):
    """Any other byte in place of one loses the record that it is in, counted once, and no other."""
    frames = [encode(record, 0.0) for record in records]
    victim = data.draw(st.integers(0, len(frames) - 2))
    offset = data.draw(st.integers(0, len(frames[victim]) - 1))
    broken = bytearray(frames[victim])
    broken[offset] ^= data.draw(st.integers(1, 255))
    frames[victim] = bytes(broken)
    parsed = parse(b"".join(frames), whole=True)
    survivors = records[:victim] + records[victim + 1 :]
    assert [frame.payload for frame in parsed.frames] == survivors
    assert parsed.damaged == 1


@given(texts, st.integers(0, 500))
def test_a_stretch_ends_at_a_frame(records, cut):
    """Of a stretch that goes on, only whole frames are consumed, and none is judged too early."""
    data = b"".join(encode(record, 0.0) for record in records)
    parsed = parse(data[:cut], whole=False)
    assert parsed.consumed == sum(FRAME_BYTES + len(frame.payload) for frame in parsed.frames)
    assert parsed.damaged == 0
    assert [frame.payload for frame in parsed.frames] == records[: len(parsed.frames)]


def test_frames_leave_no_gap():
    """A frame after damage begins where the one before it ended: settling it settles the damage."""
    first, last = encode(b"first", 0.0), encode(b"last", 0.0)
    data = first + b"rubbish" + last
    frames = parse(data, whole=True).frames
    assert [(f.start, f.end) for f in frames] == [(0, len(first)), (len(first), len(data))]


@pytest.mark.parametrize("rubbish", [b"\0" * 100, b"x", b"\xc1rex" + b"\0" * 30])
def test_rubbish_at_the_end_is_damage(rubbish):
    """What cannot be the beginning of a frame is counted even at the end."""
    parsed = parse(encode(b"sound", 0.0) + rubbish, whole=True)
    assert (len(parsed.frames), parsed.damaged) == (1, 1)
