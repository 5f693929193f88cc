"""The consent ledger: one state whatever the order, and what it permits (T03, T04)."""

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.clock import to_text
from clew.model.policy import Purpose
from clew.trust.ledger import permissions, record
from clew.trust.purposes import Purposes

PURPOSES = Purposes(
    [
        Purpose(id="personalise", basis="consent"),
        Purpose(id="personalise.email", basis="consent", parent="personalise"),
        Purpose(id="service", basis="contract"),
    ]
)


def said(state: str, at: float, purpose: str = "personalise", **more: Any) -> dict[str, Any]:
    """A consent record."""
    name = f"{purpose} {state} {at}"
    fact = {"id": name, "purpose": purpose, "state": state, "occurred_at": to_text(at)}
    return fact | more


def ledger_of(records: Any) -> dict[str, Any]:
    """The ledger after some records."""
    ledger: dict[str, Any] = {}
    for one in records:
        record(ledger, one)
    return ledger


RECORDS = st.builds(
    said,
    st.sampled_from(["granted", "withdrawn", "objected"]),
    st.integers(0, 4).map(float),
    st.sampled_from(["personalise", "personalise.email"]),
)

SIX = [
    said("granted", 1),
    said("withdrawn", 2),
    said("granted", 3),
    said("objected", 2),
    said("granted", 4, "personalise.email"),
    said("withdrawn", 1, "personalise.email"),
]


def test_six_records_give_one_state():
    """All 720 orders of six records leave the same ledger, in which the objection holds (T04)."""
    states = [ledger_of(order) for order in itertools.permutations(SIX)]
    assert all(state == states[0] for state in states)
    assert not any(
        permissions(PURPOSES, [states[0]])[name].permitted
        for name in ("personalise", "personalise.email")
    )


@given(st.lists(RECORDS, max_size=8), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(records, dice):
    """Records may arrive in any order, and twice (F6)."""
    again = [*records, *(dice.choice(records) for _ in records)]
    dice.shuffle(again)
    assert ledger_of(again) == ledger_of(records)


@pytest.mark.parametrize(
    ("records", "permitted"),
    [
        pytest.param([], False, id="unknown means no"),
        pytest.param([said("granted", 1)], True, id="granted"),
        pytest.param([said("granted", 1), said("withdrawn", 2)], False, id="withdrawn"),
        pytest.param([said("withdrawn", 1), said("granted", 2)], True, id="granted again"),
        pytest.param([said("withdrawn", 1), said("granted", 1)], False, id="a tie denies"),
        pytest.param([said("objected", 1), said("granted", 2)], False, id="objection stays"),
    ],
)
def test_what_holds(records, permitted):
    """The later of grant and withdrawal decides, an objection beats both (T01, T03, T04)."""
    assert permissions(PURPOSES, [ledger_of(records)])["personalise"].permitted is permitted


@pytest.mark.parametrize(
    ("records", "parent", "child"),
    [
        pytest.param([said("granted", 1)], True, True, id="a grant covers the child"),
        pytest.param([said("granted", 1, "personalise.email")], False, True, id="the child alone"),
        pytest.param(
            [said("granted", 1), said("withdrawn", 2, "personalise.email")],
            True,
            False,
            id="all but the child",
        ),
        pytest.param(
            [said("granted", 2, "personalise.email"), said("objected", 1)],
            False,
            False,
            id="an objection reaches the child",
        ),
    ],
)
def test_a_parent_covers_its_children(records, parent, child):
    """What is said of a purpose holds for its children until they are spoken of later."""
    grounds = permissions(PURPOSES, [ledger_of(records)])
    found = (grounds["personalise"].permitted, grounds["personalise.email"].permitted)
    assert found == (parent, child)


def test_another_ground_needs_no_word():
    """A contract permits without a record, until the person objects."""
    assert permissions(PURPOSES, [])["service"].basis == "contract"
    objected = ledger_of([said("objected", 1, "service")])
    assert not permissions(PURPOSES, [objected])["service"].permitted


def test_a_ground_says_what_it_rests_on():
    """A permission names the record that decides: its state, instant and source."""
    ledger = ledger_of([said("granted", 5, source="form"), said("granted", 3, source="old")])
    ground = permissions(PURPOSES, [ledger])["personalise"]
    assert (ground.basis, ground.state, ground.at, ground.source) == (
        "consent",
        "granted",
        5.0,
        "form",
    )


@given(st.lists(RECORDS, max_size=5), st.lists(RECORDS, max_size=5))
def test_a_link_is_never_laxer_than_what_was_said(left, right):
    """Joined ledgers permit a purpose only if no side that spoke of it refuses (I3)."""
    sides = [ledger_of(left), ledger_of(right)]
    joined = permissions(PURPOSES, sides)
    spoken = [
        permissions(PURPOSES, [{"personalise": side["personalise"]}])
        for side in sides
        if "personalise" in side
    ]
    expected = bool(spoken) and all(one["personalise"].permitted for one in spoken)
    assert joined["personalise"].permitted is expected


@given(st.lists(RECORDS, max_size=5), st.lists(RECORDS, max_size=5))
def test_joining_has_no_order(left, right):
    """It does not matter who is linked to whom (I3)."""
    one, other = ledger_of(left), ledger_of(right)

    def permitted(ledgers: list[Any]) -> dict[str, bool]:
        return {name: ground.permitted for name, ground in permissions(PURPOSES, ledgers).items()}

    assert permitted([one, other]) == permitted([other, one])
    assert permitted([one, one]) == permitted([one])


@pytest.mark.parametrize(
    ("anonymous", "known", "linked_at", "permitted"),
    [
        pytest.param([("withdrawn", 1)], [("granted", 3)], 2, True, id="granted since the link"),
        pytest.param([("withdrawn", 1)], [("granted", 3)], 3, True, id="granted with the link"),
        pytest.param([("withdrawn", 1)], [("granted", 3)], 4, False, id="granted before it"),
        pytest.param([("granted", 1)], [("withdrawn", 3)], 2, False, id="withdrawn since"),
        pytest.param([("granted", 1)], [("withdrawn", 3)], 4, False, id="withdrawn before it"),
        pytest.param([("granted", 3)], [("withdrawn", 1)], 2, True, id="granted anonymously"),
        pytest.param([("objected", 1)], [("granted", 3)], 2, False, id="objected"),
        pytest.param([], [("granted", 3)], 4, True, id="never spoken"),
        pytest.param(
            [("withdrawn", 1), ("granted", 3)], [("withdrawn", 2)], 2, True, id="the last word"
        ),
    ],
)
def test_what_is_said_since_a_link_is_said_by_both(anonymous, known, linked_at, permitted):
    """The later word since a link holds, through whichever id; before it the stricter (I3)."""
    sides = [ledger_of(said(*one) for one in told) for told in (known, anonymous)]
    for ledgers, links in ((sides, [-math.inf, linked_at]), (sides[::-1], [linked_at, -math.inf])):
        grounds = permissions(PURPOSES, ledgers, links)
        assert grounds["personalise"].permitted is permitted


@pytest.mark.parametrize(("linked_at", "permitted"), [(1, True), (3, False)])
def test_a_word_of_what_lies_above_is_heard(linked_at, permitted):
    """Who refused e-mail, was linked, and then allowed all of it has allowed e-mail, too (I3)."""
    left = ledger_of([said("withdrawn", 1, "personalise.email")])
    right = ledger_of([said("granted", 2, "personalise")])
    grounds = permissions(PURPOSES, [left, right], [linked_at, -math.inf])
    assert grounds["personalise.email"].permitted is permitted


def test_a_grant_above_does_not_lift_the_other_sides_refusal_below():
    """Who refused e-mail keeps it refused, though the other side allowed all of it later (I3)."""
    left = ledger_of([said("withdrawn", 1, "personalise.email")])
    right = ledger_of([said("granted", 2, "personalise")])
    grounds = permissions(PURPOSES, [left, right])
    assert grounds["personalise"].permitted
    assert not grounds["personalise.email"].permitted
