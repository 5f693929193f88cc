"""What is learned of an item: the newest value of each field, whatever came first."""

from functools import reduce
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clew.engine.learned import newest, told, values

fields = st.dictionaries(st.sampled_from(["name", "price"]), st.integers(0, 9))


@given(st.lists(st.tuples(fields, st.integers(0, 2)), max_size=4), st.randoms())
def test_the_newest_value_wins_in_any_order(given: list[Any], dice: Any) -> None:
    """Of each field the last value by instant and id is left, in any order and number (F6)."""
    words = [told(fields, at, f"s-{n}") for n, (fields, at) in enumerate(given)]
    again = [*words, *words]
    dice.shuffle(again)
    in_time = sorted(words, key=lambda word: [(at, name) for _, at, name in word.values()][:1])
    expected = {field: entry for word in in_time for field, entry in word.items()}
    assert reduce(newest, again, {}) == expected


def test_what_has_no_instant_is_older_than_all() -> None:
    """A value that was stored without an instant gives way, and is read as it is."""
    old, new = {"name": "Old", "price": 1.0}, told({"name": "New"}, -1e9, "s-1")
    for one, other in permutations([old, new]):
        assert values(newest(one, other)) == {"name": "New", "price": 1.0}
