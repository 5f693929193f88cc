"""Ids are unique over processes, ordered by time, and tell what was minted just now."""

import os

from hypothesis import given
from hypothesis import strategies as st

from clew.ids import is_newer, mint


def test_a_child_mints_ids_of_its_own():
    """After a fork neither repeats an id of the other, even at the same instant."""
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        os.write(writes, "\n".join(mint(0.0, 0) for _ in range(50)).encode())
        os._exit(0)
    os.close(writes)
    ours = {mint(0.0, 0) for _ in range(50)}
    os.waitpid(child, 0)
    with os.fdopen(reads) as told:
        theirs = set(told.read().split("\n"))
    assert len(ours | theirs) == 100


@given(st.floats(0, 4e9), st.floats(0, 4e9), st.integers(0, 1023))
def test_ids_are_ordered_by_time(one, other, bucket):
    """Of two ids the earlier instant's is the smaller, to the millisecond."""
    first, second = mint(one, bucket), mint(other, bucket)
    assert len(first) == 32
    if int(one * 1000) != int(other * 1000):
        assert (first < second) is (one < other)
    assert int(first[12:15], 16) == bucket


def test_what_is_newer():
    """Only an id of this process that was minted after the other is newer than it."""
    first, second = mint(5.0, 1), mint(4.0, 2)
    assert is_newer(second, first)
    assert not is_newer(first, second)
    assert not is_newer(first, first)
    assert is_newer(first, "")
    assert is_newer(first, "s-1")
    assert not is_newer("s-1", first)
    assert not is_newer(f"{first[:15]}{'0' * 17}", first)
