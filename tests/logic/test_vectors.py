"""The profile by example: every case of the vectors that other languages hold themselves to."""

import json
from pathlib import Path

import pytest

from clew.logic import compile_rule

VECTORS = sorted((Path(__file__).parents[2] / "schemas/vectors/logic").glob("*.json"))
CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in VECTORS
    for case in json.loads(path.read_text())
]


def same(one, other):
    """Whether two JSON values are the same, true being no number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("case", CASES)
def test_vector(case):
    """A rule gives the value its vector expects."""
    assert same(compile_rule(case["rule"])(case["data"]), case["expected"])


def test_names():
    """Every vector is named, and by a name of its own."""
    assert len(CASES) > 90
    assert len({case.id for case in CASES}) == len(CASES)
