"""What is particular to the store in memory."""

import pytest

from clew.backends.base import Trial
from clew.backends.memory import MemoryStore, store_from_url
from clew.errors import ConfigurationError

HERE = (7, "default")


def test_each_store_is_another():
    """Two stores in one process share nothing."""
    one, two = store_from_url("memory://"), store_from_url("memory://")
    with one.write() as writing:
        writing.put_people([(HERE, "u", b"")])
    with two.read() as reading:
        assert reading.version(HERE, "u") == 0


@pytest.mark.parametrize("url", ["memory://shop", "memory:///shop.db", "memory://?size=1"])
def test_a_url_that_names_something_is_refused(url):
    """A URL that asks for what memory has not says what to write instead."""
    with pytest.raises(ConfigurationError, match="memory://"):
        store_from_url(url)


def test_commits_copy_only_under_an_open_snapshot():
    """A commit goes on with the rows there are, unless a snapshot still looks at them."""
    store = MemoryStore()

    def rows():
        with store.write() as writing:
            writing.put_people([(HERE, "u", b"")])
        return store._latest.tables

    first = rows()
    assert rows() is first
    with store.read():
        second = rows()
        assert second is not first
    assert rows() is second


def test_removed_rows_take_no_room():
    """A dropped trial leaves nothing behind."""
    trial = Trial(
        experiment="e", epoch="1", subject="u", arm="a", triggered_at=0.0, policy_version="1"
    )
    store = MemoryStore()
    with store.write() as writing:
        writing.put_trial(HERE, "default", trial)
    with store.write() as writing:
        writing.drop_trial(HERE, "default", trial)
    assert store._latest.tables.trials == {}
