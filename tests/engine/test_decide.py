"""Deciding is a pure function: the same inputs give the same decision."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.engine.decide import assigned, decide
from clew.engine.record import record
from client.worlds import creative, policy, slot
from engine.situations import NOW, Nothing, compiled, granted, person, signal, situation

LAW = compiled(policy(slots=[slot(features=["computed.views", "context.channel"])]))


@given(
    views=st.integers(0, 5),
    channel=st.sampled_from(["web", "app", "email"]),
    uniform=st.floats(0, 1, exclude_max=True),
)
def test_the_same_inputs_give_the_same_decision(views, channel, uniform):
    """Two persons with the same facts, asked alike with the same chance, are shown the same."""
    made = []
    for _ in range(2):
        facts = [signal("product_viewed", name=f"s-{n}") for n in range(views)]
        at = situation(person(LAW, *facts), context={"channel": channel}, uniform=[uniform])
        raw = decide(LAW, LAW.slots["hero"], at)
        made.append(record(LAW, LAW.slots["hero"], raw, at, id="d-1", request={"subject": "u-1"}))
    assert made[0] == made[1]
    (drawn,) = made[0]["draws"]
    assert math.fsum(one["probability"] for one in drawn["candidates"]) == pytest.approx(1.0)


@given(uniforms=st.lists(st.floats(0, 1, exclude_max=True), min_size=300, max_size=300))
def test_what_is_drawn_has_its_probability(uniforms):
    """The logged propensity is the share of uniform numbers that draw this creative (L3)."""
    whom = person(LAW)
    for uniform in uniforms[:20]:
        raw = decide(LAW, LAW.slots["hero"], situation(whom, uniform=[uniform]))
        names = [one["creative"] for one in raw.draw["candidates"]]
        probabilities = [one["probability"] for one in raw.draw["candidates"]]
        before = math.fsum(probabilities[: names.index(raw.creative.id)])
        assert before - 1e-12 <= uniform < before + raw.propensity + 1e-12


@pytest.mark.parametrize(
    ("strategy", "reason"), [("bandit", "bandit"), ("priority", "priority"), ("split", "split")]
)
def test_a_strategy_is_its_reason(strategy, reason):
    """What filled a slot is what its decision says."""
    shares = {"shares": {"fresh": 0.5, "usual": 0.5}} if strategy == "split" else {}
    law = compiled(policy(slots=[slot(strategy=strategy, **shares)]))
    assert decide(law, law.slots["hero"], situation(person(law))).reason == reason


def test_priority_takes_the_first_of_what_fits():
    """The highest priority wins, and the name settles a tie."""
    law = compiled(
        policy(
            slots=[slot(strategy="priority")],
            creatives=[
                creative("plain"),
                creative("b", priority=2),
                creative("a", priority=2),
                creative("c", priority=1),
            ],
        )
    )
    raw = decide(law, law.slots["hero"], situation(person(law)))
    assert (raw.creative.id, raw.propensity) == ("a", 1.0)


def test_without_a_basis_no_trait_is_read():
    """Nothing of the profile is looked at where deciding is not permitted (D1, T01)."""
    law = compiled(
        policy(
            creatives=[
                creative("plain"),
                creative("keen", when={">": [{"var": "computed.views"}, 0]}),
                creative("rain", when={"==": [{"var": "context.weather"}, "rain"]}),
            ]
        )
    )
    whom = person(law, signal("product_viewed"), granted("withdrawn"))
    at = situation(whom, context={"weather": "rain"})
    raw = decide(law, law.slots["hero"], at)
    assert (raw.reason, raw.creative.id, raw.propensity) == ("consent_denied", "rain", None)
    assert all(at.view[kind].used == {} for kind in ("declared", "observed", "computed"))
    assert raw.segments == ()


@pytest.mark.parametrize("given", [{"key": None}, {"counted": False}], ids=["nobody", "a bot"])
def test_who_is_in_no_holdout(given):
    """Without a persistent id, or as traffic that does not count, nobody is assigned (M7, F3)."""
    law = compiled(policy(holdouts=[{"id": "all", "salt": "s", "share": 1.0}]))
    raw = decide(law, law.slots["hero"], situation(person(law), **given))
    assert (raw.reason, raw.assignments, raw.measured) == ("bandit", (), False)


def test_a_stored_arm_is_kept():
    """The arm of a trial is kept whatever the hash says (M7)."""
    law = compiled(policy(holdouts=[{"id": "all", "salt": "s", "share": 1.0}]))
    epoch = law.holdouts["all"].epoch
    at = situation(person(law), trials={f"all:{epoch}": {"arm": "treated"}})
    assert assigned(law.slots["hero"], at) == (("all", epoch, "treated"),)


@given(st.text(min_size=1, max_size=12))
def test_an_arm_is_a_pure_hash(subject):
    """The same subject falls on the same side, at the share declared (M7)."""
    law = compiled(policy(holdouts=[{"id": "half", "salt": "s", "share": 0.5}]))
    arms = {
        assigned(law.slots["hero"], situation(person(law, subject=subject)))[0][2] for _ in range(2)
    }
    assert len(arms) == 1


def kept_entry(**changes: Any) -> dict[str, Any]:
    """An entry of a decision that showed `fresh`."""
    return {
        "id": "d-1",
        "at": NOW - 60,
        "reason": "bandit",
        "creative": "fresh",
        "version": "1",
        "propensity": 0.25,
        "eligible": ["plain", "fresh", "usual"],
        "assignments": [],
        "measured": True,
        "items": [],
        "void": False,
    } | changes


@pytest.mark.parametrize(
    ("changes", "stands"),
    [
        pytest.param({}, True, id="as it was"),
        pytest.param({"eligible": ["plain", "fresh"]}, False, id="another choice"),
        pytest.param({"version": "0"}, False, id="another version"),
        pytest.param({"creative": "gone"}, False, id="gone"),
        pytest.param({"void": True}, False, id="voided"),
    ],
)
def test_when_a_kept_decision_stands(changes, stands):
    """A kept decision stands while the same creatives are eligible in the same versions (D3)."""
    law = compiled()
    at = situation(person(law), kept=kept_entry(**changes))
    raw = decide(law, law.slots["hero"], at)
    assert raw.hit is stands
    assert (raw.propensity == 0.25) is stands


def test_rounds_and_floors_come_from_the_tally():
    """How sharply is chosen depends on what has been counted so far (L3)."""
    law = compiled()
    tallies = {law.slots["hero"].tally_key: {"rounds": 49.0, "n:fresh": 500.0}}
    raw = decide(law, law.slots["hero"], situation(person(law), learned=Nothing(tallies)))
    assert raw.draw["rounds"] == 49
    assert raw.draw["floors"] == pytest.approx([0.5 / 3, 0.01 / 3, 0.5 / 3])
    assert (raw.draw["state_version"], raw.draw["state_age_seconds"]) == (7, 0.5)
