"""
How a record looks on disk, and how records are found again after a crash.

A frame is ``marker (4 bytes) | crc32 u32 | length u32 | instant f64 | payload``, little-endian. The
checksum covers all that follows it, so a frame proves its own length and age.

- The last frame of a file may be cut short: its writer died before `append` returned, so nobody was
  told that it is safe. It is passed over in silence.
- Any other frame that does not verify is damage: the reader goes on at the next frame that does,
  and counts each such stretch once.
- The marker begins with 0xC1, a byte that no UTF-8 text contains (RFC 3629, section 1), so that a
  payload of JSON is never taken for a frame.
"""

from struct import Struct
from typing import NamedTuple
from zlib import crc32

__all__ = ["FRAME_BYTES", "Frame", "Parsed", "encode", "parse"]

_MARKER = b"\xc1rec"
_HEAD = Struct("<4sI")
_BODY = Struct("<Id")
#: Both, written at once.
_WHOLE = Struct("<4sIId")

#: What a frame takes besides its payload.
FRAME_BYTES = _WHOLE.size


class Frame(NamedTuple):
    """One record as it was read."""

    #: Where it begins in the data; damage just before it is counted as its own, so frames are
    #: gapless.
    start: int
    end: int
    #: When it was put, in seconds since the epoch.
    at: float
    payload: bytes


class Parsed(NamedTuple):
    """What a stretch of bytes held."""

    frames: list[Frame]
    #: How many of the bytes are dealt with; the rest needs what follows to be judged.
    consumed: int
    #: Stretches that were no record.
    damaged: int


def encode(payload: bytes, at: float) -> bytes:
    """Frame a payload that was put at `at`, in seconds since the epoch."""
    length = len(payload)
    checksum = crc32(payload, crc32(_BODY.pack(length, at)))
    return _WHOLE.pack(_MARKER, checksum, length, at) + payload


def parse(data: bytes, *, whole: bool) -> Parsed:
    """
    Read the frames in `data`, passing over damage.

    Args:
        data: bytes that begin at a frame.
        whole: whether nothing follows them. If something does, a frame that is cut or broken is
            left unconsumed, for what follows decides how it is to be taken.
    """
    frames: list[Frame] = []
    damaged = at = start = 0
    while at < len(data):
        frame = _frame_at(data, at)
        if frame is not None:
            frames.append(frame._replace(start=start))
            at = start = frame.end
            continue
        cut = _is_cut(data, at)
        if cut and not whole:
            break
        at = _next_frame(data, at + 1)
        if at == len(data) and not whole:
            break
        damaged += not (cut and at == len(data))
    return Parsed(frames, len(data) if whole else start, damaged)


def _frame_at(data: bytes, at: int) -> Frame | None:
    """Read the frame that begins at `at`, if a sound one does."""
    if len(data) - at < FRAME_BYTES or not data.startswith(_MARKER, at):
        return None
    _, checksum = _HEAD.unpack_from(data, at)
    length, instant = _BODY.unpack_from(data, at + _HEAD.size)
    end = at + FRAME_BYTES + length
    if end > len(data) or crc32(memoryview(data)[at + _HEAD.size : end]) != checksum:
        return None
    return Frame(at, end, instant, data[at + FRAME_BYTES : end])


def _is_cut(data: bytes, at: int) -> bool:
    """Whether the data ends before the frame at `at` does, as far as that can be told."""
    head = data[at : at + FRAME_BYTES]
    if not _MARKER.startswith(head[: len(_MARKER)]):
        return False
    if len(head) < FRAME_BYTES:
        return True
    length, _ = _BODY.unpack_from(head, _HEAD.size)
    return at + FRAME_BYTES + int(length) > len(data)


def _next_frame(data: bytes, at: int) -> int:
    """Where the next sound frame begins at or after `at`; the end of the data if there is none."""
    while (at := data.find(_MARKER, at)) != -1:
        if _frame_at(data, at) is not None:
            return at
        at += 1
    return len(data)
