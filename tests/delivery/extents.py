"""Where a record that was appended lies."""

from clew.delivery.frames import FRAME_BYTES
from clew.delivery.segment import Extent, Segment

__all__ = ["append"]


def append(where, payload, at):
    """Append a record to a spool or a segment; gives its extent, None if the disk refuses."""
    taken = where.append(payload, at)
    segment = where if isinstance(where, Segment) else taken
    return segment and Extent(segment, segment.size - FRAME_BYTES - len(payload), segment.size)
