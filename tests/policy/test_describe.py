"""A policy in sentences."""

from typing import Any

import pytest

from clew.policy import describe_policy, load_policy
from policy.samples import policy

TOLD = """\
This is version 7 of the policy shop.
Purpose partners rests on consent; data is kept for 30 days.
Purpose personalise, within service, rests on consent; people get fewer steps.
Purpose service rests on contract.
score, predicted, is data.score of the last score_bought.
usual ranks data.sku by each item_ordered, later ones more.
views counts each page_viewed when channel is web, over 30 days.
views, declared, is data.views of the last form_sent.
with is which data.sku of each item_ordered go together.
bought: score is more than 0.5.
keen: views is at least 3.
Slot banner serves personalise and maximises ORDERS: each creative has a fixed share.
In banner, again may be shown where its text can be filled from computed.usual.top, with a share \
of 0.3.
In banner, sale may be shown when in segment keen, with a share of 0.7, on email and web, DATES.
In banner, plain is shown where nothing else may be.
Slot extra serves personalise and maximises CLICKS: it learns which items do best.
In extra there are 3 items of menu, the first being the top of computed.usual, proposed by with.
In extra, plain is shown where nothing else may be.
Slot hero, on app and web, serves personalise and maximises ORDERS with weight 0.8 and CLICKS with \
weight 0.2: it learns which creative does best, telling visitors apart by computed.views, \
context.channel and segments.
In hero, again may be shown where its text can be filled from computed.usual.top.
In hero, sale may be shown when in segment keen, on email and web, DATES.
In hero, plain is one of them, to be shown to everybody, and shown where nothing else may be.
Slot letter serves service and maximises ORDERS: the creative with the highest priority wins.
In letter, note may be shown when views is less than 5.
In letter, plain is one of them, to be shown to everybody, and shown where nothing else may be.
Holdout global keeps back 10% of people everywhere: they get the default, to measure against.
Holdout heroes keeps back 20% of people in banner and hero: they get the default, to \
measure against.
"""

REPEATED = {
    "ORDERS": "orders (data.total in EUR of all order_completed within 2 days, each cut to "
    "between 0 and 500)",
    "CLICKS": "clicks (the first interacted within 1 day)",
    "DATES": "from 2026-03-01T00:00:00Z, until 2026-04-01T00:00:00Z",
}


def test_sentences() -> None:
    """Purposes, segments, slots with their creatives, and holdouts are told in plain words."""
    told = "\n".join(describe_policy(load_policy(policy()).policy))
    for name, words in REPEATED.items():
        told = told.replace(words, name)
    assert told == TOLD.rstrip("\n")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(86400, "1 day"), (5400, "90 minutes"), (7200.0, "2 hours"), (1.5, "1.5 seconds")],
)
def test_durations(seconds: float, said: str) -> None:
    """A duration is said in the longest unit that it is a whole number of."""
    document = policy()
    document["objectives"][1]["window_seconds"] = seconds
    assert f"interacted within {said})" in " ".join(describe_policy(load_policy(document).policy))


@pytest.mark.parametrize(
    ("section", "change", "said"),
    [
        ("objectives", {"direction": "down"}, "and 500, the less the better)"),
        ("objectives", {"count": "every", "currency": "USD"}, "data.total in USD of each order"),
        ("objectives", {"value": 3}, "orders (a fixed worth in EUR of all order_completed"),
        ("holdouts", {"serve": "nothing"}, "they get nothing"),
        ("holdouts", {"share": 0.005}, "keeps back 0.5% of people"),
        ("creatives", {"essential": True, "slots": ["hero"]}, "whatever else there is"),
        (
            "creatives",
            {"content": {"en": {"headline": "{{ computed.views }} of {{ context.place }}"}}},
            "shown where its text can be filled from computed.views and context.place.",
        ),
        (
            "creatives",
            {"content": {"en": {"headline": "{{ computed.views | default: 1 }}"}}},
            "In hero, again may be shown to everybody.",
        ),
        (
            "creatives",
            {"when": {"<": [{"var": "computed.views"}, 5]}},
            "when views is less than 5 and where its text can be filled from computed.usual.top",
        ),
    ],
)
def test_what_differs(section: str, change: dict[str, Any], said: str) -> None:
    """What is declared is what is told."""
    document = policy()
    place = 2 if section == "creatives" else 0
    document[section][place] |= change
    assert said in " ".join(describe_policy(load_policy(document).policy))
