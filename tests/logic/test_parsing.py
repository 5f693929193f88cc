"""What is refused when a rule is compiled, where, and with which advice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.errors import DocumentError
from clew.logic import compile_rule
from clew.logic.operators import OPERATORS
from clew.logic.parsing import MAX_DEPTH, MAX_NODES, Parser


def problems(rule, pointer=""):
    """Pointer and keyword of all that is wrong with a rule."""
    with pytest.raises(DocumentError) as refused:
        compile_rule(rule, pointer=pointer)
    return [(problem.pointer, problem.keyword) for problem in refused.value.problems]


REFUSED = {
    "unknown operator": ({"frobnicate": 1}, "/frobnicate", "unknown_operator"),
    "log has an effect": ({"log": "x"}, "/log", "unknown_operator"),
    "operator named like a path": ({"a/b~c": 1}, "/a~1b~0c", "unknown_operator"),
    "operator deep within": (
        {"and": [True, {"!": [{"equals": [1, 1]}]}]},
        "/and/1/!/0/equals",
        "unknown_operator",
    ),
    "without brackets": ({"!": {"equals": [1, 1]}}, "/!/equals", "unknown_operator"),
    "two operators": ({"and": [{"var": "a", "==": [1, 1]}]}, "/and/0", "operator_object"),
    "no operator": ({"and": [{}]}, "/and/0", "operator_object"),
    "too few": ({"==": [1]}, "/==", "arity"),
    "too many": ({"!": [1, 2]}, "/!", "arity"),
    "none where some are needed": ({"and": []}, "/and", "arity"),
    "no number": ({"==": [1, float("nan")]}, "/==/1", "json"),
    "number beyond a double": ({"+": 10**5000}, "/+", "json"),
    "infinite": ([float("inf")], "/0", "json"),
    "no JSON value": ({"in": [1, {2, 3}]}, "/in/1", "json"),
    "bytes": ({"cat": b"x"}, "/cat", "json"),
    "a key that is no text": ({1: [1]}, "/1", "unknown_operator"),
    "path of a wrong type": ({"var": True}, "/var", "path"),
    "path that is an array": ({"var": [["a"]]}, "/var/0", "path"),
    "equality with an array": ({"==": [{"var": "a"}, []]}, "/==/1", "never_equal"),
    "version operator": ({"sem_ver": ["1.0.0", "=>", "1.0.0"]}, "/sem_ver/1", "version_operator"),
    "version": ({"sem_ver": [{"var": "v"}, "=", "latest"]}, "/sem_ver/2", "version"),
    "no bucketing value": (
        {"fractional": [["red", 1], ["blue", 1]]},
        "/fractional/0",
        "bucketing_value",
    ),
    "share that is no pair": (
        {"fractional": [{"var": "id"}, "red", ["blue"]]},
        "/fractional/1",
        "share",
    ),
    "negative weight": ({"fractional": ["x", ["a", -1], ["b", 2]]}, "/fractional/1", "share"),
    "broken weight": ({"fractional": ["x", ["a", 0.5], ["b", 2]]}, "/fractional/1", "share"),
    "computed weight": (
        {"fractional": ["x", ["a", {"var": "w"}], ["b", 2]]},
        "/fractional/1",
        "share",
    ),
    "weights of zero": ({"fractional": ["x", ["a", 0]]}, "/fractional/1", "total_weight"),
    "weights beyond 31 bits": (
        {"fractional": ["x", ["a", 2**31]]},
        "/fractional/1",
        "total_weight",
    ),
}


@pytest.mark.parametrize(("rule", "pointer", "keyword"), REFUSED.values(), ids=REFUSED)
def test_refused(rule, pointer, keyword):
    """A faulty rule is refused with the place of the fault."""
    assert problems(rule) == [(pointer, keyword)]


def test_all_at_once():
    """Every fault is reported, and its pointer continues the one given."""
    rule = {"and": [{"equals": [1, {"vr": "a"}]}, {"==": [1]}, {"var": "a", "in": []}]}
    assert problems(rule, "/segments/0/when") == [
        ("/segments/0/when/and/0/equals/1/vr", "unknown_operator"),
        ("/segments/0/when/and/0/equals", "unknown_operator"),
        ("/segments/0/when/and/1/==", "arity"),
        ("/segments/0/when/and/2", "operator_object"),
    ]


def test_no_follow_up():
    """A faulty argument is reported once, not again by what takes it."""
    assert problems({"sem_ver": [{"vr": "v"}, "=", "1.0.0"]}) == [
        ("/sem_ver/0/vr", "unknown_operator")
    ]


@pytest.mark.parametrize(
    ("name", "advice"),
    [("start_with", "'starts_with'"), ("missing_sum", "'missing_some'"), ("xyzzy", "write one of")],
)
def test_advice(name, advice):
    """An unknown operator is answered with the nearest known, or with all of them."""
    with pytest.raises(DocumentError, match=advice):
        compile_rule({name: [1, 2]})


def nested(depth):
    """A rule of *depth* operators, one in another."""
    rule = {"var": "a"}
    for _ in range(depth - 1):
        rule = {"!": [rule]}
    return rule


def test_depth():
    """Operators nest as deep as stated and no deeper."""
    assert compile_rule(nested(MAX_DEPTH))({}) is (MAX_DEPTH % 2 == 0)
    assert [keyword for _, keyword in problems(nested(MAX_DEPTH + 1))] == ["depth"]


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: {"!": v}], ids=["arrays", "operators"])
def test_bottomless(wrap):
    """A rule nested beyond all measure is refused without being followed."""
    rule = 1
    for _ in range(100_000):
        rule = wrap(rule)
    assert [keyword for _, keyword in problems(rule)] == ["depth"]


def test_size():
    """A rule holds as many nodes as stated; long texts count for more than one."""
    assert compile_rule(["x"] * (MAX_NODES - 1))({}) == ["x"] * (MAX_NODES - 1)
    assert problems(["x"] * MAX_NODES) == [(f"/{MAX_NODES - 1}", "size")]
    assert problems("x" * 64 * MAX_NODES) == [("", "size")]


@given(name=st.sampled_from(sorted(OPERATORS)), count=st.integers(0, 6))
def test_arity(name, count):
    """An operator is refused for the number of its arguments when it does not take as many."""
    operator, parser = OPERATORS[name], Parser()
    parser.parse({name: [1] * count}, "")
    takes = operator.least <= count and (operator.most is None or count <= operator.most)
    assert ("arity" in {problem.keyword for problem in parser.problems}) is not takes
