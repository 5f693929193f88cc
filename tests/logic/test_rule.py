"""Compiled rules: they never raise, never run away, and hold no state."""

import pytest
from hypothesis import given

from clew.logic import compile_rule
from clew.logic.meter import BUDGET
from logic.strategies import JSON, RULES, is_json


@given(rule=RULES, data=JSON)
def test_never_raises(rule, data):
    """Any rule on any data gives a JSON value without NaN or infinity, and the same one again."""
    compiled = compile_rule(rule)
    value = compiled(data)
    assert is_json(value)
    assert compiled(data) == value


@pytest.mark.parametrize("value", [None, True, 17, 3.5, "apple", ["a", ["b"]]], ids=repr)
def test_plain_values(value):
    """A rule without operators gives itself."""
    assert compile_rule(value)({}) == value


def test_source():
    """A rule keeps the JSON it came from and shows it."""
    rule = compile_rule({"var": "a"})
    assert rule.source == {"var": "a"}
    assert repr(rule) == "<Rule {'var': 'a'}>"


class Lazy(dict):
    """An object that computes what it is asked for, but for what is named "no..."."""

    def __missing__(self, key):
        if key.startswith("no"):
            raise KeyError(key)
        return f"computed {key}"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", "computed a"),
        ("nothing", None),
        ("traits.a", "computed a"),
        ("traits.nothing", None),
        ("x.traits.a", "computed a"),
        ("x.traits.a.b", None),
    ],
)
def test_lazy_objects(path, expected):
    """Objects that compute their entries are asked for them, at any depth."""
    data = Lazy(traits=Lazy(), x={"traits": Lazy()})
    assert compile_rule({"var": path})(data) == expected


DOUBLING = {"cat": [{"var": "accumulator"}, {"var": "accumulator"}]}
RUNAWAYS = {
    "long iteration": {"map": [{"var": "many"}, {"+": [{"var": ""}, 1]}]},
    "map in map": {"map": [{"var": "rows"}, {"map": [{"var": ""}, {"*": [{"var": ""}, 2]}]}]},
    "doubled text": {"reduce": [{"var": "some"}, DOUBLING, "x"]},
    "doubled array": {
        "reduce": [
            {"var": "some"},
            {"merge": [{"var": "accumulator"}, {"var": "accumulator"}]},
            ["x"],
        ]
    },
    "array that holds itself twice": {
        "reduce": [{"var": "some"}, [{"var": "accumulator"}, {"var": "accumulator"}], 1]
    },
    "array that nests for ever": {"reduce": [{"var": "some"}, [{"var": "accumulator"}], 1]},
    "shared text": {
        "reduce": [
            {"var": "some"},
            {"merge": [{"var": "accumulator"}, {"var": "accumulator"}]},
            ["x" * 1000],
        ]
    },
    "large text": {"cat": [{"var": "text"}, {"var": "text"}]},
    "large array": {"merge": [{"var": "many"}, {"var": "many"}]},
    "search in a large text": {
        "reduce": [{"var": "some"}, {"in": ["y", {"var": "current"}]}, {"cat": {"var": "text"}}]
    },
    "search in an accumulator": {
        "reduce": [
            {"var": "some"},
            {"if": [{"in": [-1, {"var": "accumulator"}]}, 0, {"var": "accumulator"}]},
            {"var": "half"},
        ]
    },
    "missing of many": {"map": [{"var": "rows"}, {"missing": {"var": ""}}]},
    "long literal in each": {"map": [{"var": "half"}, "y" * 1000]},
}
DATA = {
    "many": list(range(BUDGET)),
    "half": list(range(BUDGET // 2)),
    "rows": [list(range(1000))] * 1000,
    "some": list(range(64)),
    "text": "x" * BUDGET,
}


@pytest.mark.parametrize("rule", RUNAWAYS.values(), ids=RUNAWAYS)
def test_budget(rule):
    """A rule that would run away gives null and counts it, every time."""
    compiled = compile_rule(rule)
    assert compiled(DATA) is None
    assert compiled.exhausted == 1
    compiled(DATA)
    assert compiled.exhausted == 2


def test_budget_of_one_evaluation():
    """The budget is one evaluation's: many small ones never exhaust it."""
    rule = compile_rule({"map": [{"var": "some"}, {"+": [{"var": ""}, 1]}]})
    for _ in range(BUDGET // 100):
        assert rule(DATA) == list(range(1, 65))
    assert rule.exhausted == 0


def test_growing_number():
    """A number that grows at every step becomes null, not ever longer."""
    rule = {"reduce": [{"var": "half"}, {"*": [{"var": "accumulator"}, 1000]}, 1]}
    few = compile_rule(rule)({"half": list(range(5))})
    assert few == 1000**5
    assert compile_rule(rule)({"half": list(range(10_000))}) is None


def test_unmetered_rules_read_large_data():
    """A rule that does not iterate has no budget: it looks through an array of any length."""
    rule = compile_rule({"in": ["x", {"var": "many"}]})
    assert rule({"many": ["y"] * (2 * BUDGET) + ["x"]}) is True
    assert rule.exhausted == 0
