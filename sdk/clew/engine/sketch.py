"""
How many different things: exact up to 512, estimated above, in bounded memory.

Each key is hashed to a uniform 64-bit number and the 513 lowest hashes are kept, each with the last
time its key was seen. Which hashes are lowest depends on the set of keys alone, so the state is the
same after every order and merging is exact. With more than 512 keys, the 512 below the greatest
hash h that is kept estimate `512 / h` (h as a share of all hashes), at a standard error of 4.4 %.

A window is exact while no more than 512 keys were ever seen; beyond, the share of kept keys inside
the window estimates it.

Source: Bar-Yossef, Jayram, Kumar, Sivakumar and Trevisan, "Counting Distinct Elements in a Data
Stream", RANDOM 2002, Algorithm 1; the unbiased estimate (k - 1) / h_k: Beyer, Haas, Reinwald,
Sismanis and Gemulla, "On Synopses for Distinct-Value Estimation Under Multiset Operations",
SIGMOD 2007, section 3.
"""

import math
from typing import TypeAlias

import mmh3

from clew.engine.aggregates import Aggregate, required, window
from clew.engine.extract import Wire, keys, read_path
from clew.model.policy import Trait

__all__ = ["EXACT", "distinct"]

#: Up to how many keys the number is exact.
EXACT = 512

_HASHES = 2**64

#: Hash in 16 hexadecimal digits (so that text order is the order of numbers) -> last seen at.
_Sketch: TypeAlias = dict[str, float]


def distinct(trait: Trait) -> Aggregate:
    """How many different keys there are at `of`."""
    value_at, seconds = read_path(required(trait, "of")), window(trait)

    def lift(at: float, signal: Wire) -> _Sketch | None:
        names = keys(value_at(signal))
        return {_hash(name): at for name in names if name is not None} or None

    def read(sketch: _Sketch, now: float) -> int:
        since = now - seconds
        if len(sketch) <= EXACT:
            return len(_seen(sketch, since))
        greatest = max(sketch)
        below = len(_seen(sketch, since)) - (sketch[greatest] > since)
        return round(below * _HASHES / int(greatest, 16))

    return Aggregate(lift=lift, merge=_merge, read=read, empty=0, copy=dict, timed=True)


def _seen(sketch: _Sketch, since: float) -> _Sketch | list[float]:
    return sketch if since == -math.inf else [at for at in sketch.values() if at > since]


def _hash(name: str) -> str:
    # Encoded here, for mmh3 ends the process when it is given text that has no UTF-8.
    return f"{mmh3.hash64(name.encode('utf-8', 'surrogatepass'), signed=False)[0]:016x}"


def _merge(a: _Sketch, b: _Sketch) -> _Sketch:
    for name, at in b.items():
        if at > a.get(name, -math.inf):
            a[name] = at
    while len(a) > EXACT + 1:
        del a[max(a)]
    return a
