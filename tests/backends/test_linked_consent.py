"""What linked people permit does not depend on the order of arrival, and unmerging is exact (I)."""

from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backends.stories import with_worlds
from clew import Client
from clew.backends.embedded import Embedded
from clew.clock import to_text
from clew.engine.bucketing import store_bucket
from client.worlds import World, embedded, people, policy

WHO = ("u-1", "a-1", "a-2")
PURPOSES = ("personalise", "personalise.email", "ads")
LAW = policy(
    purposes=[
        {"id": "personalise", "basis": "consent"},
        {"id": "personalise.email", "basis": "consent", "parent": "personalise"},
        {"id": "ads", "basis": "consent"},
    ]
)

#: Who says what of which purpose, and when.
words = st.tuples(
    st.sampled_from(WHO),
    st.sampled_from(["granted", "withdrawn", "granted", "withdrawn", "objected"]),
    st.sampled_from(PURPOSES),
    st.integers(0, 9),
)


def fact(kind: str, world: World, name: str, age: float, **more: Any) -> bytes:
    """An encoded batch item that happened some seconds ago."""
    at = to_text(world.clock.now() - age)
    return orjson.dumps({kind: {"id": name, "occurred_at": at, **more}})


def said(world: World, told: Iterable[tuple[str, str, str, int]]) -> list[bytes]:
    """What was said, as batch items."""
    return [
        fact("consent", world, f"c-{n}", 100 - 10 * at, subject=who, state=state, purpose=purpose)
        for n, (who, state, purpose, at) in enumerate(told)
    ]


def link(world: World, anonymous: str, at: int, operation: str = "link") -> bytes:
    """A link to `u-1`, or its undoing; between what is said, or at the same instant."""
    more = {"operation": operation, "anonymous_subject": anonymous, "subject": "u-1"}
    return fact("identity", world, f"{operation}-{anonymous}", 100 - 5 * at, **more)


def allowed(backend: Embedded) -> dict[str, dict[str, bool]]:
    """By identity, what is permitted of each purpose."""
    return {
        who: {one.purpose: one.permitted for one in backend.subject(who).permissions} for who in WHO
    }


def after(client: Client, facts: Iterable[bytes]) -> dict[str, dict[str, bool]]:
    """What is permitted after facts that arrive one by one; it is asked for meanwhile, too."""
    for one in facts:
        assert {result.status for result in embedded(client).append([one])} == {"applied"}
        allowed(embedded(client))
    return allowed(embedded(client))


@with_worlds
@given(st.data(), st.lists(words, max_size=6), st.lists(st.integers(0, 19), min_size=2, max_size=2))
def test_permission_has_no_order(make, data, told, links):
    """Words and links that are stored in any order permit the same (I3, F6)."""
    world = make()
    linking = [link(world, name, at) for name, at in zip(("a-1", "a-2"), links, strict=True)]
    facts = [*said(world, told), *linking]
    expected = after(world.client(LAW, tenant="one"), facts)
    other = world.client(LAW, tenant="other")
    assert after(other, data.draw(st.permutations(facts))) == expected
    assert allowed(embedded(world.client(LAW, tenant="other"))) == expected


@with_worlds
@given(st.data(), st.lists(words, max_size=6))
def test_unmerging_leaves_what_each_has_said(make, data, told):
    """A link that is undone leaves no word with the other, whenever it was said (I2)."""
    world = make()
    facts = said(world, told)
    expected = after(world.client(LAW, tenant="one"), facts)
    cuts = sorted(data.draw(st.tuples(*[st.integers(0, len(facts))] * 2)))
    linked = [*facts[: cuts[0]], link(world, "a-1", data.draw(st.integers(0, 19)))]
    undone = [*facts[slice(*cuts)], link(world, "a-1", 20, "unmerge"), *facts[cuts[1] :]]
    assert after(world.client(LAW, tenant="other"), [*linked, *undone]) == expected


def test_a_link_is_not_told_of_in_advance(make):
    """A link by a clock that is ahead holds from now on, and so does what is said next (I3)."""
    world = make()
    client = world.client()
    client.consent("a-1", withdraw=["personalise"])
    world.clock.move(seconds=1)
    embedded(client).append([link(world, "a-1", 40)])
    world.clock.move(seconds=1)
    people(client, ["u-1"])
    assert allowed(embedded(client))["a-1"]["personalise"]


def test_words_that_were_spread_are_read_anew(make):
    """A document that holds what was said through others, too, gets its own from the log (I2)."""
    world = make()
    client = world.client()
    people(client, ["u-1"])
    embedded(client).append([link(world, "a-1", 0)])
    store = embedded(client).store
    with store.write() as write:
        for name in ("u-1", "a-1"):
            place = store_bucket("default", name), "default"
            document = orjson.loads(write.person(place, name)[1])
            del document["said"]
            spread = {"personalise": {"granted": [0.0, "c-0", "consent", None]}}
            body = orjson.dumps({**document, "ledger": spread})
            write.put_people([(place, name, body)])
    later = world.client()
    later.unmerge("a-1", "u-1")
    permitted = allowed(embedded(later))
    assert [permitted[name]["personalise"] for name in ("u-1", "a-1")] == [True, False]


@pytest.mark.parametrize("stored", ["the link first", "the grant first"])
def test_a_grant_after_the_link_counts_whichever_is_stored_first(make, stored):
    """Who withdrew before signing in and grants after it has granted, even if word is late (I3)."""
    world = make()
    told = said(world, [("a-1", "withdrawn", "ads", 0), ("u-1", "granted", "ads", 9)])
    facts = [*told, link(world, "a-1", 10)]
    order = facts if stored == "the grant first" else [facts[2], *told]
    assert after(world.client(LAW), order)["a-1"]["ads"]
