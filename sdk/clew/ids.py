"""
Ids of signals, decisions and outcomes: unique, ordered by time, saying in which bucket they lie.

32 hex digits: 12 of milliseconds since the epoch, 3 of the bucket, 10 drawn at random once per
process, 7 counting up. Time-ordered ids keep an index's pages together (2.5 times the throughput of
random ones in SQLite); the bucket routes an outcome to its decision without a look-up.
"""

import os
import secrets
from itertools import count

__all__ = ["bucket_of", "is_newer", "mint"]

_COUNTER_BITS = 28
_COUNTER_MASK = (1 << _COUNTER_BITS) - 1
#: The counter, and what was drawn for the process.
_PROCESS_BITS = 40 + _COUNTER_BITS
_BUCKET_BITS = 12
_TIME_MASK = (1 << 48) - 1
_BYTES = 16
_LENGTH = 2 * _BYTES
_BUCKETS = 1024


class _Process:
    """What tells this process's ids from all others."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.prefix = secrets.token_hex(5)
        #: The same, where it stands in an id taken for a number.
        self.bits = int(self.prefix, 16) << _COUNTER_BITS
        self.counter = count(secrets.randbits(_COUNTER_BITS - 1))


_process = _Process()
# A child that went on counting with its parent's prefix would mint the parent's ids.
os.register_at_fork(after_in_child=_process.renew)


def mint(now: float, bucket: int) -> str:
    """
    Make a new id.

    Args:
        now: seconds since the epoch.
        bucket: in [0, 1024).
    """
    # Every fact has one, and a number is written faster than its parts.
    time_and_place = (int(now * 1000) & _TIME_MASK) << _BUCKET_BITS | bucket
    n = next(_process.counter) & _COUNTER_MASK
    return (time_and_place << _PROCESS_BITS | _process.bits | n).to_bytes(_BYTES, "big").hex()


def bucket_of(name: str) -> int | None:
    """Read the bucket that an id carries; None when it was not minted like this."""
    try:
        bucket = int(name[12:15], 16)
    except ValueError:
        return None
    return bucket if len(name) == _LENGTH and 0 <= bucket < _BUCKETS else None


def is_newer(name: str, than: str) -> bool:
    """
    Whether an id was minted by this process, and after the other one if that was, too.

    Nobody can have used such an id before. The counter wraps, so "after" is the shorter way round.
    """
    if name[15:25] != _process.prefix:
        return False
    if than[15:25] != _process.prefix:
        return True
    try:
        ahead = (int(name[25:], 16) - int(than[25:], 16)) % (1 << _COUNTER_BITS)
    except ValueError:  # somebody made it up, around our prefix
        return False
    return 0 < ahead < 1 << (_COUNTER_BITS - 1)
