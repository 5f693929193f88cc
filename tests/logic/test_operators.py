"""What holds of operators whatever their arguments."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.logic import compile_rule
from logic.strategies import JSON

X, Y = {"var": "x"}, {"var": "y"}


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">="])
@given(value=JSON)
def test_ordering_is_null_safe(sign, value):
    """Nothing stands before or after null, on either side or in between."""
    for rule in ({sign: [X, None]}, {sign: [None, X]}, {sign: [X, None, X]}, {sign: [X, 3, None]}):
        assert compile_rule(rule)({"x": value}) is False


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "==", "===", "!=", "!==", "in"])
@given(value=JSON, literal=st.none() | st.booleans() | st.integers() | st.text(max_size=3))
def test_literals_are_only_quicker(sign, value, literal):
    """A comparison with a literal gives what it gives with the same value read from the data."""
    for written, read in (([X, literal], [X, Y]), ([literal, X], [Y, X])):
        data = {"x": value, "y": literal}
        assert compile_rule({sign: written})(data) is compile_rule({sign: read})(data)


@given(x=JSON, y=JSON)
def test_equalities(x, y):
    """Strict equality implies the loose one; both are symmetric and have their negations."""
    data, mirrored = {"x": x, "y": y}, {"x": y, "y": x}
    loose, strict = compile_rule({"==": [X, Y]}), compile_rule({"===": [X, Y]})
    assert strict(data) <= loose(data)
    assert loose(data) is loose(mirrored)
    assert strict(data) is strict(mirrored)
    assert compile_rule({"!=": [X, Y]})(data) is not loose(data)
    assert compile_rule({"!==": [X, Y]})(data) is not strict(data)


@given(x=st.integers(-(2**53), 2**53), y=st.integers(-(2**53), 2**53))
def test_arithmetic_is_exact_in_range(x, y):
    """Whole numbers are computed exactly as long as the result is one a double holds exactly."""
    data = {"x": x, "y": y}
    for sign, exact in (("+", x + y), ("-", x - y), ("*", x * y)):
        value = compile_rule({sign: [X, Y]})(data)
        assert value == (exact if abs(exact) < 2**53 else float(exact))


def test_fractional_shares():
    """Shares come out as their weights, and another salt shares out anew."""
    shares = [["a", 70], ["b", 25], ["c", 5]]
    rules = [
        compile_rule({"fractional": [{"cat": [salt, X]}, *shares]}) for salt in ("one:", "two:")
    ]
    drawn = [[rule({"x": f"u-{n}"}) for n in range(20_000)] for rule in rules]
    for draws in drawn:
        counts = Counter(draws)
        for variant, percent in shares:
            assert counts[variant] / 20_000 == pytest.approx(percent / 100, abs=0.015)
    agreement = sum(one == two for one, two in zip(*drawn, strict=True)) / 20_000
    assert agreement == pytest.approx(0.7**2 + 0.25**2 + 0.05**2, abs=0.015)


# Semantic Versioning 2.0.0 section 11, items 2 to 4.
ASCENDING = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "2.0.0",
    "2.1.0",
    "2.1.1",
    "2.10.0",
]


@pytest.mark.parametrize(("one", "other"), list(pairwise(ASCENDING)))
def test_versions_ascend(one, other):
    """Versions stand in the order of the standard."""
    data = {"x": one, "y": other}
    holds = {
        sign: compile_rule({"sem_ver": [X, sign, Y]})(data) for sign in ("<", "<=", "!=", ">", "=")
    }
    assert holds == {"<": True, "<=": True, "!=": True, ">": False, "=": False}
