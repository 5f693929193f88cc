"""Keys fall at the same place everywhere, evenly, and independently under another salt."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.engine.bucketing import STORE_BUCKETS, choose, cumulate, point, store_bucket

VECTORS = json.loads(
    (Path(__file__).parents[2] / "schemas/vectors/bucketing.json").read_text("utf-8")
)
KEYS = [f"subject-{number}" for number in range(20_000)]

shares = st.lists(st.integers(0, 100), min_size=1, max_size=8).filter(any)


@pytest.mark.parametrize("vector", VECTORS["points"], ids=lambda vector: vector["name"])
def test_points_agree_with_the_vectors(vector):
    """A key's point is the one that every implementation must find."""
    assert point(vector["salt"], vector["key"]) == vector["point"] == vector["hash"] / 2**32


@pytest.mark.parametrize("vector", VECTORS["store_buckets"], ids=lambda vector: vector["subject"])
def test_store_buckets_agree_with_the_vectors(vector):
    """A subject's rows lie in the bucket that every implementation must find."""
    assert store_bucket(vector["tenant"], vector["subject"]) == vector["bucket"]


@pytest.mark.parametrize(("salt", "key", "normalised"), [("gr1", "123", 73), ("groupX", "999", 25)])
def test_points_agree_with_unleash(salt, key, normalised):
    """The points are those of Unleash, whose specification counts them from 1 to 100."""
    assert int(point(salt, key) * 2**32) % 100 + 1 == normalised


def test_points_are_even():
    """Each tenth of the points holds a tenth of the keys."""
    counts = [0] * 10
    for key in KEYS:
        counts[int(point("even", key) * 10)] += 1
    assert chi_square(counts, [len(KEYS) / 10] * 10) < 27.88  # 9 degrees of freedom, p = 0.001


def test_salts_are_independent():
    """Where a key falls under one salt tells nothing about where it falls under another."""
    counts = [0] * 16
    for key in KEYS:
        counts[int(point("one", key) * 4) * 4 + int(point("two", key) * 4)] += 1
    assert chi_square(counts, [len(KEYS) / 16] * 16) < 37.70  # 15 degrees of freedom, p = 0.001


def test_store_buckets_are_even():
    """Subjects spread over all 1,024 buckets."""
    counts = [0] * STORE_BUCKETS
    for key in KEYS:
        counts[store_bucket("default", key)] += 1
    expected = [len(KEYS) / STORE_BUCKETS] * STORE_BUCKETS
    assert chi_square(counts, expected) < 1168.5  # 1,023 degrees of freedom, p = 0.001


def chi_square(counts, expected):
    """Pearson's statistic."""
    return sum((seen - due) ** 2 / due for seen, due in zip(counts, expected, strict=True))


@pytest.mark.parametrize(
    ("at", "chosen"),
    [(0.0, 0), (0.2499, 0), (0.25, 2), (0.7499, 2), (0.75, None), (0.9999, None)],
)
def test_shares_hold_their_lower_bound(at, chosen):
    """A share holds its lower bound but not its upper; none holds what lies past the last."""
    assert choose(cumulate([0.25, 0.0, 0.5]), at) == chosen


@given(shares, st.integers(0, 2**32 - 1))
def test_complete_shares_leave_nobody_out(weights, hashed):
    """Shares which add up to one give every key a choice, and never one of share zero."""
    index = choose(cumulate([weight / sum(weights) for weight in weights]), hashed / 2**32)
    assert index is not None
    assert weights[index] > 0


@given(shares)
def test_bounds_never_fall(weights):
    """Cumulated shares rise to one and not beyond, however they round."""
    bounds = cumulate([weight / sum(weights) for weight in weights])
    assert all(lower <= upper for lower, upper in pairwise(bounds))
    assert bounds[-1] == 1.0


def test_no_shares_choose_nothing():
    """Without any share there is nothing to choose."""
    assert choose(cumulate([]), 0.0) is None
