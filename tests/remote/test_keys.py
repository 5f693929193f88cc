"""By what a decision is kept: all that its slot reads of a request, and no more (D4)."""

from typing import Any

import pytest
from attrs import evolve

from clew.backends.http.keys import Keys
from clew.cache import Key
from clew.codec import from_json
from clew.engine.compile import compile_policy
from clew.engine.compiled import CompiledPolicy
from clew.model.policy import Policy
from client.worlds import creative, policy, slot

READING = {"in": [{"var": "context.tags"}, ["a"]]}


def compiled(version: str = "1", **of_slot: Any) -> CompiledPolicy:
    """A policy with one slot, of which a creative reads `context.tags`."""
    document = policy(
        version=version,
        slots=[slot(**of_slot)],
        creatives=[creative("plain"), creative("tagged", when=READING)],
    )
    return compile_policy(from_json(Policy, document))


def key(keys: Keys, live: CompiledPolicy | None, slot: str = "hero", **context: Any) -> Key:
    """The key of a slot for `u-1` in a context."""
    return keys.of(live, (slot,), ("u-1", None, None, "human"), context)[slot]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ({"tags": "a"}, {"tags": "b"}, False),
        ({"tags": 1}, {"tags": True}, False),
        ({"tags": 1}, {"tags": "1"}, False),
        ({"tags": ["a", "b"]}, {"tags": ["b", "a"]}, False),
        ({"tags": {"a": 1, "b": 2}}, {"tags": {"b": 2, "a": 1}}, True),
        ({"tags": None}, {}, True),
        ({"channel": "web"}, {"channel": "email"}, False),
        ({"weather": "rain"}, {}, True),
        ({"view_id": "v-1"}, {"view_id": "v-2"}, True),
    ],
)
def test_what_is_read_tells_requests_apart(one: Any, other: Any, *, is_same: bool) -> None:
    """Values that the slot reads are told apart as JSON tells them; others do not matter."""
    keys, live = Keys(), compiled()
    found = [key(keys, live, **each) for each in (one, other)]
    assert (found[0] == found[1]) is is_same
    assert len({hash(each) for each in found}) == 2 - is_same


def test_a_slot_that_is_sticky_by_view_reads_the_view() -> None:
    """Another view of the page is another decision."""
    keys, live = Keys(), compiled(sticky="view")
    one, other = (key(keys, live, view_id=name) for name in ("v-1", "v-2"))
    assert one != other


@pytest.mark.parametrize("live", [None, compiled()], ids=["no policy", "no such slot"])
def test_of_an_unknown_slot_anything_may_be_read(live: CompiledPolicy | None) -> None:
    """Without knowing what is read, every difference in the context is one."""
    keys = Keys()
    one, other = (key(keys, live, "other", weather=name) for name in ("rain", "sun"))
    assert one != other


def test_another_policy_is_looked_at_anew() -> None:
    """What an older policy read does not hold for the next."""
    keys = Keys()
    key(keys, compiled())
    live = compiled("2", sticky="view")
    one, other = (key(keys, live, view_id=name) for name in ("v-1", "v-2"))
    assert one != other


def test_a_policy_that_is_found_meanwhile_is_not_mistaken() -> None:
    """Who is still at the former policy writes down nothing of it for the next."""
    keys, live = Keys(), compiled("2", sticky="view")

    class Former(dict[str, Any]):
        def get(self, name: str, _default: Any = None) -> Any:
            key(keys, live, "other")  # another thread has learned of the next one
            return former.slots[name]

    former = compiled()
    key(keys, evolve(former, slots=Former()))
    one, other = (key(keys, live, view_id=name) for name in ("v-1", "v-2"))
    assert one != other
