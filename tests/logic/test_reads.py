"""What a rule says it can read covers what it does read."""

import pytest
from hypothesis import given

from clew.logic import compile_rule
from logic.strategies import JSON, RULES

READS = {
    "a value": ("text", set()),
    "one path": ({"var": "context.channel"}, {"context.channel"}),
    "an index": ({"var": 1}, {"1"}),
    "all of the data": ({"var": ""}, {""}),
    "no path": ({"var": []}, {""}),
    "a default": ({"var": ["a", {"var": "b"}]}, {"a", "b"}),
    "a computed path": ({"var": {"var": "a"}}, {"", "a"}),
    "within operators": ({"and": [{"<": [{"var": "a"}, 1]}, {"!": {"var": "b.c"}}]}, {"a", "b.c"}),
    "within arrays": ([1, {"var": "a"}, [{"var": "b"}]], {"a", "b"}),
    "missing": ({"missing": ["a", "b.c"]}, {"a", "b.c"}),
    "missing nothing": ({"missing": []}, set()),
    "missing, computed": ({"missing": {"merge": ["a", {"var": "b"}]}}, {""}),
    "missing some": ({"missing_some": [1, ["a", "b"]]}, {"a", "b"}),
    "missing some, computed": ({"missing_some": [{"var": "n"}, ["a"]]}, {""}),
    "not the body of an iteration": ({"some": [{"var": "items"}, {"var": "qty"}]}, {"items"}),
    "the start of a reduction": (
        {"reduce": [{"var": "items"}, {"var": "current.qty"}, {"var": "start"}]},
        {"items", "start"},
    ),
}


@pytest.mark.parametrize(("rule", "paths"), READS.values(), ids=READS)
def test_reads(rule, paths):
    """The paths of a rule are found in all the places where operators read."""
    assert compile_rule(rule).reads == paths


class Recording(dict):
    """An object that writes down the paths it is asked for."""

    def __init__(self, entries, path, seen):
        super().__init__(entries)
        self.path, self.seen = path, seen

    def __getitem__(self, key):
        self.seen.add((*self.path, key))
        return recording(super().__getitem__(key), (*self.path, key), self.seen)


def recording(value, path, seen):
    """The same data, whose objects write down what is read of them."""
    if isinstance(value, dict):
        return Recording(value, path, seen)
    if isinstance(value, list):
        return [recording(part, (*path, str(i)), seen) for i, part in enumerate(value)]
    return value


def related(one, other):
    """Whether one path lies on the way to the other."""
    return all(a == b for a, b in zip(one, other, strict=False))


@given(rule=RULES, data=JSON)
def test_superset(rule, data):
    """Every path an evaluation touches lies on, above or below a path the rule says it reads."""
    compiled, seen = compile_rule(rule), set()
    compiled(recording(data, (), seen))
    known = [tuple(path.split(".")) if path else () for path in compiled.reads]
    assert all(any(related(path, told) for told in known) for path in seen)


@given(rule=RULES, data=JSON)
def test_unread_data(rule, data):
    """A rule that reads nothing gives one value, whatever the data."""
    compiled = compile_rule(rule)
    if not compiled.reads:
        assert compiled(data) == compiled(None)


@pytest.mark.parametrize(
    ("rule", "texts"),
    [
        ({"in": ["keen", {"var": "segments"}]}, {"keen"}),
        ({"in": [{"var": "c"}, ["AT", "DE"]]}, {"AT", "DE"}),
        ({"if": [{"missing": ["a"]}, "x", [{"var": ["b", "y"]}]]}, {"x", "y"}),
        (17, set()),
    ],
    ids=["segment", "array", "without paths", "none"],
)
def test_literals(rule, texts):
    """The texts of a rule are known, its paths not among them."""
    assert compile_rule(rule).literals == texts
