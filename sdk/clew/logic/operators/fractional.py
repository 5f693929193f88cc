"""
Sharing out by hash: fractional.

`{"fractional": [value, ["red", 50], ["blue", 50]]}` gives each text *value* one variant, always the
same, in shares as the weights. The bucketing value is required: flagd falls back to its flag's key
and a targeting key, and a rule here belongs to no flag. Write
`{"cat": ["salt", {"var": "context.subject"}]}` for shares that are independent of other rules'.

The bucket is (murmur3_x86_32(value, seed 0) * total weight) >> 32, so any split down to 1 in 2^31
is exact. Source: flagd, "High-precision fractional bucketing"
(https://flagd.dev/reference/custom-operations/fractional-operation/).
"""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import mmh3

from clew.logic.meter import Meter
from clew.logic.operators.operator import Build, Evaluate, Fault, Operator
from clew.logic.tree import Literal, Node, elements

__all__ = ["OPERATORS"]

_HASH_BITS = 32
_MOST_WEIGHT = 2**31 - 1


def _fractional(args: tuple[Node, ...], build: Build) -> Evaluate:
    bucketing = build(args[0])
    shares = [elements(node) or () for node in args[1:]]
    variants = tuple(build(share[0]) for share in shares)
    ends = tuple(accumulate(_weight(share) or 0 for share in shares))
    total = ends[-1]

    def share_out(data: Any, meter: Meter | None) -> Any:
        value = bucketing(data, meter)
        if not isinstance(value, str):
            return None
        # Lone surrogates are legal in JSON text (RFC 8259 section 8.2) but not in UTF-8.
        hashed = mmh3.hash(value.encode("utf-8", "surrogatepass"), signed=False)
        return variants[bisect_right(ends, hashed * total >> _HASH_BITS)](data, meter)

    return share_out


def _weight(share: tuple[Node, ...]) -> int | None:
    """The weight of a share, 1 when not given; None when it is no whole number from 0."""
    if len(share) == 1:
        return 1
    value = share[1].value if isinstance(share[1], Literal) else None
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if whole else None


def _check(args: tuple[Node, ...]) -> Iterator[Fault]:
    if elements(args[0]) is not None:
        yield Fault(0, "bucketing_value", "the first argument is the text to hash: name it here")
    total = 0
    for place, node in enumerate(args[1:], start=1):
        share = elements(node) or ()
        weight = _weight(share) if len(share) in (1, 2) else None
        if weight is None:
            yield Fault(
                place, "share", 'write a share as ["variant", 50], the weight whole and >= 0'
            )
        total += weight or 0
    if not 0 < total <= _MOST_WEIGHT:
        yield Fault(1, "total_weight", f"the weights add up to {total}, not 1 to {_MOST_WEIGHT}")


OPERATORS = {"fractional": Operator(_fractional, 2, None, _check)}
