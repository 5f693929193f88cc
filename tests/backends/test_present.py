"""A decision that is shown from its record is the one that is written field by field."""

import orjson
import pytest
from attrs import evolve

from clew.codec import to_json
from client.worlds import World, creative, people, policy, slot

SHARES = {"plain": 0.2, "fresh": 0.5, "usual": 0.3}
ITEMS = {
    "catalogue": "menu",
    "count": 3,
    "content": {"name": "{{ item.name }}"},
    "drawn_because": "others like {{ item.name }}",
}
DOCUMENT = policy(
    catalogues=[{"id": "menu", "items": [{"id": each, "name": each.title()} for each in "abcdef"]}],
    slots=[
        slot(features=["context.channel", "computed.views"]),
        slot("kept", sticky="session", strategy="split", shares=SHARES),
        slot("list", items=ITEMS),
        slot("first", strategy="priority"),
        slot("lonely"),
    ],
    creatives=[
        *(creative(name, "hero", "kept", "first") for name in ("fresh", "usual")),
        creative("plain", "hero", "kept", "first", "lonely", "list"),
        creative(
            "seen",
            "hero",
            content={"en": {"headline": "{{ computed.views }} of {{ context.place }}?"}},
        ),
    ],
    segments=[{"id": "keen", "when": {">=": [{"var": "computed.views"}, 1]}}],
    holdouts=[{"id": "half", "salt": "s", "share": 0.5}],
)


@pytest.fixture
def client():
    """A client whose people are half held out; `u-0` has allowed nothing."""
    world = World("memory://")
    opened = world.client(DOCUMENT)
    for name in people(opened, [f"u-{number}" for number in range(1, 9)]):
        opened.emit("product_viewed", subject=name)
    yield opened
    world.close()


def test_the_document_of_a_record(client):
    """Whatever was decided, both ways of writing it give the same JSON."""
    reasons = set()
    for number in range(9):
        for context in ({}, {"channel": "web", "place": "Wien", "view_id": "v-1"}):
            for name in ("hero", "kept", "kept", "first", "lonely", "list"):
                made = client.decide(name, subject=f"u-{number}", context=context, request_id=None)
                written, slowly = to_json(made), to_json(evolve(made, document=None))
                assert orjson.loads(orjson.dumps(written)) == orjson.loads(orjson.dumps(slowly))
                reasons.add((made.reason, made.cache))
    assert {reason for reason, _ in reasons} == {
        "bandit",
        "split",
        "priority",
        "holdout",
        "no_eligible",
        "consent_denied",
    }
    assert ("split", "hit") in reasons
