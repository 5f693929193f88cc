"""The classic JSONLogic suite (jwadhams/json-logic-js, MIT), read from beside the project."""

import json
from pathlib import Path

import pytest

from clew.errors import DocumentError
from clew.logic import compile_rule

SUITE = Path(__file__).parents[2] / "../shared/data/jsonlogic/tests.json"
ALIASES = {
    *("equal", "strictEqual", "notEqual", "strictNotEqual"),
    *("greater", "greaterOrEqual", "less", "lessOrEqual"),
    *("booleanCasting", "not", "modulo", "add", "multiply", "substract", "divide"),
}

pytestmark = pytest.mark.skipif(not SUITE.exists(), reason="the classic suite is not here")


def cases(*, aliases):
    """The suite's triples, those with a named alias or those without."""
    rows = [row for row in json.loads(SUITE.read_text()) if isinstance(row, list)]
    return [row for row in rows if (isinstance(row[0], dict) and set(row[0]) <= ALIASES) == aliases]


def test_classic_operators():
    """All 275 cases with classic operators give what the suite expects, and of the same type."""
    rows = cases(aliases=False)
    failed = []
    for rule, data, expected in rows:
        value = compile_rule(rule)(data)
        if value != expected or isinstance(value, bool) != isinstance(expected, bool):
            failed.append((rule, data, expected, value))
    assert not failed
    assert len(rows) == 275


def test_named_aliases():
    """The 15 cases with named aliases are refused: one operator has one name."""
    rows = cases(aliases=True)
    for rule, _, _ in rows:
        with pytest.raises(DocumentError) as refused:
            compile_rule(rule)
        assert [problem.keyword for problem in refused.value.problems] == ["unknown_operator"]
    assert len(rows) == 15
