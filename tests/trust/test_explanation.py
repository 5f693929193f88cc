"""Explanations name what was read, and say so when chance decided (T07 to T09)."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.engine.decide import decide
from clew.engine.record import record
from clew.engine.render import content
from clew.model.decision import Explanation
from clew.trust.explanation import explain
from client.worlds import creative, policy, slot
from engine.situations import compiled, person, signal, situation

TRAITS = ("one", "two", "three", "four")


def trait(name: str) -> dict[str, Any]:
    """A trait that keeps the last value of its own signal."""
    return {
        "id": name,
        "signal": f"{name}_told",
        "aggregate": "last",
        "of": "data.value",
        "purpose": "personalise",
        "plain": f"your {name}",
    }


RULES = st.recursive(
    st.builds(
        lambda name, operator, value: {operator: [{"var": f"computed.{name}"}, value]},
        st.sampled_from(TRAITS),
        st.sampled_from(["==", "!=", ">", "<="]),
        st.integers(0, 3),
    ),
    lambda inner: st.builds(
        lambda operator, rules: {operator: rules},
        st.sampled_from(["and", "or"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=4,
)
TEXTS = st.sampled_from(["always", *(f"{{{{ computed.{name} | default: 0 }}}}" for name in TRAITS)])


@st.composite
def shops(draw: st.DrawFn) -> Any:
    """A slot without chance, of creatives with drawn conditions, texts and priorities."""
    made = [
        creative(
            f"c-{number}",
            when=draw(RULES),
            content={"en": {"headline": draw(TEXTS)}},
            priority=draw(st.integers(0, 2)),
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    return compiled(
        policy(
            traits=[trait(name) for name in TRAITS],
            slots=[slot(strategy="priority")],
            creatives=[creative("plain"), *made],
        )
    )


VALUES = st.dictionaries(st.sampled_from(TRAITS), st.integers(0, 3))


def shown(law: Any, values: dict[str, int]) -> tuple[Any, Explanation]:
    """What somebody with these traits is shown, and why."""
    facts = [
        signal(f"{name}_told", name=f"s-{name}", value=values[name]) for name in sorted(values)
    ]
    at = situation(person(law, *facts))
    place = law.slots["hero"]
    made = record(law, place, decide(law, place, at), at, id="d-1", request={"subject": "u-1"})
    return (made.get("creative"), content(law, made)), explain(law, made)


@given(shops(), VALUES)
def test_what_is_not_named_did_not_matter(law, values):
    """Without any datum that the explanation leaves out, the choice and its text stay (T07)."""
    before, explanation = shown(law, values)
    named = {one.field.partition(".")[2] for one in explanation.data_used}
    for name in values.keys() - named:
        left = {other: value for other, value in values.items() if other != name}
        assert shown(law, left)[0] == before
    assert shown(law, {name: value for name, value in values.items() if name in named})[0] == before


@given(st.sampled_from(TRAITS), st.integers(1, 3), st.sampled_from(["condition", "content"]))
def test_what_is_named_did_matter(name, value, where):
    """Without the datum that chose or filled it, something else is shown (T07)."""
    path = f"computed.{name}"
    given = (
        {"when": {"==": [{"var": path}, value]}}
        if where == "condition"
        else {"content": {"en": {"headline": f"{{{{ {path} | default: 0 }}}}"}}}
    )
    law = compiled(
        policy(
            traits=[trait(one) for one in TRAITS],
            slots=[slot(strategy="priority")],
            creatives=[creative("plain"), creative("told", priority=1, **given)],
        )
    )
    values = dict.fromkeys(TRAITS, value)
    before, explanation = shown(law, values)
    assert [one.field for one in explanation.data_used] == [path]
    del values[name]
    assert shown(law, values)[0] != before


@given(shops(), VALUES)
def test_what_is_named_was_read_with_its_value(law, values):
    """Each datum used is named with its words, purpose and value, and none that is not (T08)."""
    _, explanation = shown(law, values)
    for one in explanation.data_used:
        name = one.field.partition(".")[2]
        assert (one.value, one.plain, one.purpose) == (values[name], f"your {name}", "personalise")


def test_context_is_named():
    """What was looked at of the request is named without its value (T08)."""
    law = compiled()
    place = law.slots["hero"]
    at = situation(person(law), context={"channel": "web", "town": "Basel"})
    made = record(law, place, decide(law, place, at), at, id="d-1", request={})
    assert explain(law, made).context_used == ("context.channel",)


@pytest.mark.parametrize(
    ("holdouts", "words", "kind"),
    [
        pytest.param([], "trying this", "bandit", id="exploration"),
        pytest.param(
            [{"id": "all", "salt": "s", "share": 1.0}], "drawn by chance", "holdout", id="holdout"
        ),
    ],
)
def test_chance_is_said(holdouts, words, kind):
    """A choice made by chance says so and invents no reason (T09)."""
    law = compiled(policy(holdouts=holdouts, slots=[slot(features=["computed.views"])]))
    place = law.slots["hero"]
    at = situation(person(law, signal("product_viewed")), uniform=[0.999])
    raw = decide(law, place, at)
    made = orjson.loads(orjson.dumps(record(law, place, raw, at, id="d-1", request={})))
    for drawn in made.get("draws", ()):
        drawn["candidates"][0]["score"] = drawn["predicted"] + 0.1
    explanation = explain(law, made)
    assert any(words in sentence for sentence in explanation.because)
    assert not any("going by" in sentence for sentence in explanation.because)
    assert explanation.method.kind == kind
    assert explanation.method.exploration is (kind == "bandit")


@pytest.mark.parametrize(
    "reason",
    ["split", "no_eligible", "default", "pinned", "deadline", "error", "stale", "unknown_slot"],
)
def test_every_reason_has_a_sentence(reason):
    """Whatever the reason, the person is told something."""
    law = compiled()
    made = {"slot": "hero", "reason": reason, "creative": "plain", "consent": {"purpose": "ads"}}
    assert explain(law, made).because


def test_a_denied_purpose_is_said():
    """Who has not allowed the purpose is told that nothing of theirs was used (T01)."""
    law = compiled()
    made = {"slot": "hero", "reason": "consent_denied", "consent": {"purpose": "personalise"}}
    (sentence,) = explain(law, made).because
    assert "personalise" in sentence
    assert "nothing we know of you was used" in sentence
