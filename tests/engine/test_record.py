"""The record of a decision names the person only where that was permitted (D1, D7)."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.codec import from_json
from clew.engine.decide import decide
from clew.engine.explore import draw, sharpness, square_cb
from clew.engine.record import looked_at, record
from clew.model.decision import Decision
from client.worlds import creative, policy, slot
from engine.situations import compiled, granted, person, signal, situation

LAW = compiled(
    policy(
        slots=[slot(features=["computed.views", "context.channel"])],
        creatives=[
            creative("plain"),
            creative("keen", when={">": [{"var": "computed.spent"}, 5]}),
            creative("fresh"),
        ],
    )
)
HERO = LAW.slots["hero"]


def recorded(*facts, uniform: float = 0.5, **request):
    """A record."""
    at = situation(person(LAW, *facts), context={"channel": "web"}, uniform=[uniform])
    return record(LAW, HERO, decide(LAW, HERO, at), at, id="d-1", request=request)


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 3))
def test_a_draw_is_drawn_again_from_its_record(uniform, views):
    """Propensity and choice follow from the record, bit for bit (D7)."""
    facts = [signal("product_viewed", name=f"s-{n}") for n in range(views)]
    made = recorded(*facts, uniform=uniform, subject="u-1")
    (drawn,) = made["draws"]
    probabilities = square_cb(
        [one["score"] for one in drawn["candidates"]],
        gamma=sharpness(drawn["gamma"], drawn["rounds"]),
        floor=drawn["floors"],
    )
    index = draw(probabilities, drawn["uniform"])
    assert drawn["candidates"][index]["creative"] == made["creative"]
    assert probabilities[index] == made["propensity"]
    assert drawn["uniform"] == uniform


def test_it_keeps_what_was_looked_at():
    """Conditions, features and content that were read are in the record, with their values."""
    made = recorded(signal("product_viewed"), subject="u-1")
    assert made["reads"]["profile"] == {"computed.views": 1, "computed.spent": 0}
    assert made["reads"]["context"] == {"context.channel": "web"}


@pytest.mark.parametrize("state", ["granted", "withdrawn", "objected"])
def test_what_it_says_of_permission(state):
    """The purpose is always named, the ground where there is one."""
    made = recorded(granted(state))
    assert made["consent"].get("purpose") == "personalise"
    assert made["consent"].get("basis") == ("consent" if state == "granted" else None)
    if state != "granted":
        assert "profile" not in made["reads"]
        assert "draws" not in made


def test_it_is_a_decision_on_the_wire():
    """A record is a decision document."""
    made = recorded(signal("product_viewed"), subject="u-1", session_id="s-1")
    decision = from_json(Decision, orjson.loads(orjson.dumps(made)))
    assert (decision.id, decision.subject, decision.session_id) == ("d-1", "u-1", "s-1")
    assert decision.draws[0].features == made["draws"][0]["features"]


def test_only_what_was_read():
    """A trait that nothing asks for is not in the record."""
    law = compiled(policy(creatives=[creative("plain"), creative("fresh")]))
    at = situation(person(law, signal("product_viewed")))
    raw = decide(law, law.slots["hero"], at)
    assert looked_at(law.slots["hero"], raw, at) == {}
