"""Folding outcomes: what is learned, and that order and repetition change nothing (RULES L)."""

import itertools
import math
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.clock import to_text
from clew.engine.credit import WAITING_KEPT
from clew.engine.decide import decide
from clew.engine.entries import DECISIONS_KEPT, OLDER_KEPT
from clew.engine.outcomes import fold_outcome
from clew.engine.record import record
from clew.ids import mint
from client.worlds import policy, slot
from engine.situations import NOW, compiled, fold, person, signal, situation

LAW = compiled(policy(slots=[slot(features=["context.channel"])]))


def decided(whom: Any, name: str = "d-1", at: float = 0.0) -> dict[str, Any]:
    """A recorded decision for a person."""
    place = whom.policy.slots["hero"]
    asked = situation(whom, context={"channel": "web"}, at=at)
    raw = decide(whom.policy, place, asked)
    return record(whom.policy, place, raw, asked, id=name, request={"subject": whom.subject})


def outcome(kind: str, name: str, at: float = 0.0, of: str = "d-1", **more: Any) -> dict[str, Any]:
    """An outcome of a decision."""
    instant = to_text(NOW + at)
    fact = {"id": name, "type": kind, "decision": of}
    return fact | {"occurred_at": instant, "received_at": instant} | more


def total(effects: Any) -> dict[str, dict[str, float]]:
    """What several effects add up to, without what cancels."""
    sums: dict[str, dict[str, float]] = {}
    for one in effects:
        for key, deltas in one.sums.items():
            into = sums.setdefault(key, {})
            for name, delta in deltas.items():
                into[name] = into.get(name, 0.0) + delta
    left = {
        key: {name: round(amount, 9) for name, amount in deltas.items() if abs(amount) > 1e-9}
        for key, deltas in sums.items()
    }
    return {key: deltas for key, deltas in left.items() if deltas}


OUTCOMES = [
    outcome("displayed", "o-1", 1),
    outcome("converted", "o-2", 2),
    outcome("converted", "o-3", 3),
    outcome("converted", "o-4", 4, reverses="o-2"),
]
STORY = [*OUTCOMES, signal("order_completed", 5, "s-1")]


@pytest.mark.parametrize("order", list(itertools.permutations(range(len(STORY)))), ids=str)
def test_any_order_adds_up_to_the_same(order):
    """Counts, conversions, a reversal and a signal teach the same in any order (L2, F6)."""
    learned = run([STORY[number] for number in order])
    assert learned == run(STORY)
    assert learned["objective:orders"]["attributed"] == 1.0


def run(facts: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """All that a decision and these facts add."""
    whom = person(LAW)
    made = decided(whom)
    return total([fold(whom, made), *(fold(whom, fact) for fact in facts)])


SHOWN_TWICE = [
    outcome("displayed", "o-1", 5),
    outcome("displayed", "o-2", 1),
    signal("order_completed", 3, "s-1"),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_a_decision_counts_from_when_it_was_shown_first(order):
    """Whichever display is told first, what was bought after the earliest is earned (L1, F6)."""
    learned = run([SHOWN_TWICE[number] for number in order])
    assert learned["objective:orders"]["attributed"] == 1.0
    assert learned == run(SHOWN_TWICE)


@given(st.permutations(STORY), st.integers(0, 5), st.sampled_from(["voided", "overridden"]))
def test_a_void_leaves_nothing_learned(story, place, kind):
    """Wherever it comes, a void takes back all that was learned and prevents the rest (D8, L6)."""
    story = [*story[:place], outcome(kind, "o-9", 9), *story[place:]]
    learned = run(story)
    assert not any(key.startswith(("arm:", "slot:")) for key in learned)
    assert "attributed" not in learned.get("objective:orders", {})
    drawn = [name for name in learned["figures:hero"] if name.startswith(("d:", "s:", "w:", "r:"))]
    # What somebody overrode was decided all the same.
    assert drawn == ([] if kind == "voided" else [f"d:{decided(person(LAW))['creative']}"])


def test_the_rule_by_hand():
    """The first count adds precision and the step to zero, the conversion adds x (L2)."""
    whom = person(LAW)
    made = decided(whom)
    (drawn,) = made["draws"]
    fold(whom, made)
    counted = fold(whom, STORY[0]).sums[drawn["state_key"]]
    p = drawn["predicted"]
    for name, x in drawn["features"].items():
        assert counted[f"p:{name}"] == pytest.approx(p * (1 - p) * x * x)
        step = p * (1 - p) * x * drawn["means"][name] - p * x
        assert counted[f"e:{name}"] == pytest.approx(step)
    assert fold(whom, STORY[1]).sums[drawn["state_key"]] == {
        f"e:{name}": x for name, x in drawn["features"].items()
    }
    assert math.isclose(p, 1 / (1 + math.exp(-drawn["means"]["1"])))


@pytest.mark.parametrize("story", list(itertools.permutations(range(len(OUTCOMES)))), ids=str)
@pytest.mark.parametrize("followed_after", range(len(OUTCOMES) + 1))
def test_outcomes_reach_a_decision_however_many_have_followed(story, followed_after):
    """What comes of a decision teaches the same, whether it is the latest or long past (F6)."""
    facts = [OUTCOMES[number] for number in story]
    expected = run(facts)
    whom = person(LAW)
    made = decided(whom)
    effects = [fold(whom, made)]
    for place, told in enumerate([*facts, None]):
        if place == followed_after:
            for number in range(DECISIONS_KEPT + 1):
                fold(whom, decided(whom, f"next-{number}", 20.0 + number))
                fold(whom, outcome("displayed", f"seen-{number}", 30, of=f"next-{number}"))
            assert whom.entry("d-1") is None
        if told is not None:
            effects.append(fold_outcome(whom, told, recall={"d-1": made}.get))
    assert total(effects) == expected


def followed(whom: Any, count: int) -> list[dict[str, Any]]:
    """So many more decisions, each displayed at once."""
    made = [decided(whom, mint(NOW + number, 1), 10.0 + number) for number in range(count)]
    for number, decision in enumerate(made):
        fold(whom, decision)
        fold(whom, outcome("displayed", f"o-{number}", 10 + number, of=decision["id"]))
    return made


def test_very_old_decisions_are_history():
    """What is kept of a slot is bounded; an outcome of a still older decision is late."""
    whom = person(LAW)
    made = followed(whom, OLDER_KEPT + DECISIONS_KEPT + 1)
    recall = {decision["id"]: decision for decision in made}.get
    told = [outcome("displayed", mint(NOW, 1), 99, of=decision["id"]) for decision in made[:2]]
    assert [fold_outcome(whom, one, recall=recall).status for one in told] == ["late", "applied"]
    assert len(orjson.dumps(whom.documents)) < OLDER_KEPT * 130 + DECISIONS_KEPT * 2_000


def test_a_decision_whose_record_is_gone_earns_nothing_more():
    """What an older decision has learned stays, and nobody who folds is harmed (L2)."""
    whom = person(LAW)
    fold(whom, decided(whom))
    fold(whom, STORY[0])
    fold(whom, signal("order_completed", 2, "s-1"))
    later = followed(whom, DECISIONS_KEPT)[0]["id"]
    bought_before = fold(whom, signal("order_completed", 1.5, "s-2"))
    shown_before = fold(whom, outcome("displayed", "o-9", 1.7, of=later))
    assert "attributed" not in total([bought_before, shown_before]).get("objective:orders", {})


def test_of_a_void_nothing_stays_though_no_record_is_there_of_who_is_next():
    """What it has earned is taken back, whether another can earn it instead or not (D8)."""
    whom = person(LAW)
    fold(whom, decided(whom))
    fold(whom, STORY[0])
    effects = [fold(whom, fact) for fact in followed_by_an_order(whom)]
    assert "attributed" not in total(effects).get("objective:orders", {})


def followed_by_an_order(whom: Any) -> list[dict[str, Any]]:
    """An order after more decisions, all of which are voided."""
    made = followed(whom, DECISIONS_KEPT)
    voids = [outcome("voided", f"v-{one['id']}", 30, of=one["id"]) for one in made]
    return [signal("order_completed", 20, "s-1"), *voids]


def test_what_a_forgotten_decision_has_earned_stays_with_it():
    """It is no first purchase of another decision, though that was seen before it after all."""
    whom = person(LAW)
    fold(whom, decided(whom))
    fold(whom, STORY[0])
    fold(whom, signal("order_completed", 5, "s-1"))
    fold(whom, decided(whom, "d-2", 2000.0))
    followed(whom, OLDER_KEPT + DECISIONS_KEPT - 1)
    fold(whom, signal("order_completed", 6, "s-2"))
    shown = fold(whom, outcome("displayed", "o-2", 4, of="d-2"))
    assert shown.sums["objective:orders"]["attributed"] == 1.0


def test_what_waits_is_bounded():
    """Where no decision is counted only so many outcomes wait for one."""
    whom = person(LAW)
    fold(whom, decided(whom))
    for number in range(3 * WAITING_KEPT):
        fold(whom, signal("order_completed", 1, f"s-{number}"))
    assert len(whom.documents["u-1"]["outcomes"]["hero"]["orders"]) == WAITING_KEPT


def test_dismissed_teaches_nothing():
    """What is neither a count nor a conversion changes no sum (L1)."""
    whom = person(LAW)
    fold(whom, decided(whom))
    assert fold(whom, outcome("dismissed", "o-1")).sums == {}


def test_of_a_bot_only_the_number_is_kept():
    """A decision for a bot is counted as excluded and kept nowhere (F3)."""
    whom = person(LAW)
    effects = fold(whom, decided(whom) | {"traffic": "bot"})
    assert effects.sums == {"excluded": {"bot": 1.0}}
    assert whom.entry("d-1") is None
