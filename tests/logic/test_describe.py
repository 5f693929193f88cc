"""Rules in plain words."""

import pytest
from hypothesis import given

from clew.logic import compile_rule, describe
from logic.strategies import RULES

SAID = {
    "views_30d is at least 3 and the channel is web": {
        "and": [
            {">=": [{"var": "computed.views_30d"}, 3]},
            {"==": [{"var": "context.channel"}, "web"]},
        ]
    },
    "in segment keen": {"in": ["keen", {"var": "segments"}]},
    "not in segment keen": {"!": {"in": ["keen", {"var": "segments"}]}},
    "in segment keen and (the channel is web or the channel is app)": {
        "and": [
            {"in": ["keen", {"var": "segments"}]},
            {
                "or": [
                    {"==": [{"var": "context.channel"}, "web"]},
                    {"===": ["app", {"var": "context.channel"}]},
                ]
            },
        ]
    },
    "not (a is set or b is not set)": {"!": {"or": [{"var": "a"}, {"!": {"var": "b"}}]}},
    "plan is not gold": {"!=": [{"var": "traits.plan"}, "gold"]},
    "plan is gold": {"!": {"!==": [{"var": "traits.plan"}, "gold"]}},
    "plan is missing": {"==": [{"var": "traits.plan"}, None]},
    "plan is given": {"!=": [None, {"var": "traits.plan"}]},
    'city is "New York"': {"==": [{"var": "declared.city"}, "New York"]},
    "age is not less than 18": {"!": {"<": [{"var": "declared.age"}, 18]}},
    "age is more than 18": {"<": [18, {"var": "declared.age"}]},
    "age is at least 18 and at most 65": {"<=": [18, {"var": "declared.age"}, 65]},
    "age is less than 65 and more than 18": {">": [65, {"var": "declared.age"}, 18]},
    "the country is one of AT, DE, CH": {"in": [{"var": "context.country"}, ["AT", "DE", "CH"]]},
    "the country is not one of AT": {"!": {"in": [{"var": "context.country"}, ["AT"]]}},
    "n is one of 0, 1, 2, 3, 4, 5, 6, 7 and 92 more": {"in": [{"var": "n"}, list(range(100))]},
    "the path contains shop": {"in": ["shop", {"var": "context.path"}]},
    "a is missing": {"missing": "a"},
    "a, b or c is missing": {"missing": ["a", "b", "c"]},
    "a and b are given": {"!": {"missing": ["a", "b"]}},
    "fewer than 1 of a, b are given": {"missing_some": [1, ["a", "b"]]},
    "at least 1 of a, b are given": {"!": {"missing_some": [1, ["a", "b"]]}},
    "email starts with info": {"starts_with": [{"var": "declared.email"}, "info"]},
    "email does not end with .org": {"!": {"ends_with": [{"var": "declared.email"}, ".org"]}},
    "the app is at least version 2.1.0": {"sem_ver": [{"var": "context.app"}, ">=", "2.1.0"]},
    "the app is of the major version of 2": {"sem_ver": [{"var": "context.app"}, "^", "2"]},
    "at least one of basket fits (qty is more than 1)": {
        "some": [{"var": "basket"}, {">": [{"var": "qty"}, 1]}]
    },
    "each of scores fits (it is at least 5)": {
        "all": [{"var": "scores"}, {">=": [{"var": ""}, 5]}]
    },
    "not (none of scores fits (it is 5))": {
        "!": {"none": [{"var": "scores"}, {"==": [{"var": ""}, 5]}]}
    },
    "if temp is less than 0 then ice, if temp is less than 100 then liquid, otherwise gas": {
        "if": [{"<": [{"var": "temp"}, 0]}, "ice", {"<": [{"var": "temp"}, 100]}, "liquid", "gas"]
    },
    "views (0 when missing) is at least 3": {">=": [{"var": ["computed.views", 0]}, 3]},
    "(a - b) is more than the largest of c and 2": {
        ">": [{"-": [{"var": "a"}, {"var": "b"}]}, {"max": [{"var": "c"}, 2]}]
    },
    "by the hash of id: red for 25%, blue for 75%": {
        "fractional": [{"var": "id"}, ["red", 1], ["blue", 3]]
    },
    "always": True,
    "never": {"!": True},
    '{"map":[{"var":"a"},{"*":[{"var":""},2]}]}': {"map": [{"var": "a"}, {"*": [{"var": ""}, 2]}]},
}


@pytest.mark.parametrize(("sentence", "rule"), SAID.items(), ids=SAID)
def test_describe(sentence, rule):
    """A rule is said as people would say it."""
    assert describe(compile_rule(rule)) == sentence


@given(rule=RULES)
def test_any_rule(rule):
    """Every rule has a description, and a negation with another one."""
    said = describe(compile_rule(rule))
    assert said
    assert describe(compile_rule({"!": [rule]})) != said
