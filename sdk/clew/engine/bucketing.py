"""
Stable hashing of keys: the same key lands at the same place in every process and language.

murmur3 32-bit of the UTF-8 of `salt:key`, as flagd, Unleash and Optimizely hash. A linear checksum
(CRC-32) would not do: changing the salt permutes its buckets as a whole, so two experiments under
two salts would assign their arms together.

Source: A. Appleby, MurmurHash3 (`MurmurHash3_x86_32`, seed 0), read as unsigned.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import mmh3

__all__ = ["STORE_BUCKETS", "choose", "cumulate", "point", "store_bucket"]

#: How many buckets a store's rows are spread over. Rows are keyed by it, so it never changes.
STORE_BUCKETS = 1024

_HASHES = 2**32
_ROUNDING = 1e-9


def point(salt: str, key: str) -> float:
    """
    Where a key falls in [0, 1) under a salt; under another salt it falls independently.

    >>> point("2026", "u-42")
    0.5683635461609811
    """
    return _hash(f"{salt}:{key}") / _HASHES


def cumulate(shares: Sequence[float]) -> tuple[float, ...]:
    """
    The upper bounds of consecutive shares, for `choose`.

    Shares that add up to one but for rounding end at exactly one, so no key falls past the end.

    Args:
        shares: each in [0, 1], together at most 1.
    """
    bounds = tuple(accumulate(shares))
    if bounds and abs(bounds[-1] - 1.0) < _ROUNDING:
        return (*(min(bound, 1.0) for bound in bounds[:-1]), 1.0)
    return bounds


def choose(bounds: Sequence[float], at: float) -> int | None:
    """
    The index of the share which holds the point `at`, or None past the last share.

    A share of zero is never chosen.

    Args:
        bounds: cumulated shares, of `cumulate`.
        at: in [0, 1), of `point`.
    """
    index = bisect_right(bounds, at)
    return index if index < len(bounds) else None


# Asked several times for each fact of a person.
@lru_cache(maxsize=4096)
def store_bucket(tenant: str, subject: str) -> int:
    """
    The bucket in [0, 1024) which leads the keys of a subject's rows.

    It spreads one database over many servers; it decides nothing about the person.
    """
    return _hash(f"{tenant}:{subject}") % STORE_BUCKETS


def _hash(text: str) -> int:
    # mmh3 ends the process when it is given text that has no UTF-8: half of a surrogate pair.
    return mmh3.hash(text.encode("utf-8", "surrogatepass"), signed=False)
