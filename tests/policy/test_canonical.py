"""Canonical JSON: one spelling for one value."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.policy.canonical import canonical


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers(bits: str, text: str) -> None:
    """Numbers are written as RFC 8785, appendix B, has them."""
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number) == text.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(2592000.0, "2592000", id="whole"),
        pytest.param(2**53 + 1, "9007199254740992", id="beyond what a double tells apart"),
        pytest.param([1, True, None, "a"], '[1,true,null,"a"]', id="list"),
        pytest.param({"b": 1, "a": {}}, '{"a":{},"b":1}', id="names"),
        pytest.param("\u20ac$\x0f\nA'/", '"€$\\u000f\\nA\'/"', id="text"),
        pytest.param('"\\\x7f', '"\\"\\\\\x7f"', id="escapes"),
    ],
)
def test_values(value: Any, text: str) -> None:
    """Values are written as RFC 8785, section 3.2.2, has them."""
    assert canonical(value) == text.encode()


def test_order() -> None:
    """Names are ordered by UTF-16 code units (RFC 8785, section 3.2.3)."""
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\u00f6"]
    written = json.loads(canonical(dict.fromkeys(names)))
    assert list(written) == ["\r", "1", "\x80", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    ("value", "error"),
    [
        pytest.param(float("nan"), ValueError, id="not a number"),
        pytest.param([float("inf")], ValueError, id="infinity"),
        pytest.param("\ud800", ValueError, id="half a pair"),
        pytest.param({1}, TypeError, id="set"),
    ],
)
def test_refused(value: Any, error: type[Exception]) -> None:
    """What is no JSON is refused."""
    with pytest.raises(error):
        canonical(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_round_trip(value: Any) -> None:
    """What is written reads as what it was, and is written the same again."""
    written = canonical(value)
    assert json.loads(written, parse_int=float) == value
    assert canonical(json.loads(written)) == written
