"""
What every store keeps, as tests that the author of one runs on it.

::

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def store(self, tmp_path):
            with closing(MyStore(tmp_path / "data")) as store:
                yield store

        @pytest.fixture
        def reopen(self, tmp_path):
            return lambda: MyStore(tmp_path / "data")

`BackendConformance` is the same for whole backends, which are opened with the policy `BUNDLE` and,
if they take any, the signing keys `KEYS`.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TypeAlias, TypeVar, get_args

import pytest
from attrs import evolve

from clew.backends.base import Kind, Reading, Store, Writing
from clew.errors import BackendRejectedError, ClosedError
from clew.testing.conformance_backend import BUNDLE, KEYS, BackendConformance
from clew.testing.conformance_rows import HERE, TRIAL, RowConformance, attempt

__all__ = ["BUNDLE", "KEYS", "BackendConformance", "StoreConformance"]

T = TypeVar("T")

#: Opens the same data once more, beside a store or after it was closed.
Reopen: TypeAlias = Callable[[], Store]

#: Long enough for the slowest machine; whoever waits in vain fails by it.
PATIENCE_SECONDS = 60


def elsewhere(question: Callable[[], T]) -> T:
    """Ask in another thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(question).result(PATIENCE_SECONDS)


def fill(store: Store, value: int) -> None:
    """Write one row of everything in one transaction, with a number in each."""
    with store.write() as writing:
        writing.add_fact(HERE, "signal", f"s-{value}", b"%d" % value, subject="u", at=1.0, ref="r")
        writing.put_people([(HERE, "u", b"%d" % value)])
        writing.add_sums("default", "arms", {"shown": 1.0})
        writing.put_trial(HERE, "default", evolve(TRIAL, subject=f"u-{value}"))
        writing.put_setting("default", f"policy/{value}", b"%d" % value)


def fail_with(exception: type[BaseException]) -> Callable[[Writing], object]:
    """A step that raises."""

    def step(_: Writing) -> None:
        raise exception

    return step


def view(reading: Reading) -> tuple[object, ...]:
    """Read all that `fill` writes."""
    return (
        reading.person(HERE, "u"),
        reading.version(HERE, "u"),
        reading.known(HERE, "signal", ["s-1", "s-2"]),
        list(reading.facts(HERE, "signal", "u")),
        list(reading.referring(HERE, "signal", "r")),
        reading.sums("default", "arms"),
        {trial.subject for trial in reading.trials("default", "global")},
        reading.settings("default", "policy/"),
    )


def look(store: Store) -> tuple[object, ...]:
    """Read all that `fill` writes, in a snapshot of its own."""
    with store.read() as reading:
        return view(reading)


class StoreConformance(RowConformance):
    """
    The promises of `clew.backends.base.Store`.

    A subclass has a fixture `store`, which gives an empty one, and a fixture `reopen` when its data
    outlive the object.
    """

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        """An empty store."""
        raise NotImplementedError("give the subclass a fixture `store`")

    @pytest.fixture
    def reopen(self) -> Reopen:
        """Opens the data of `store` once more."""
        pytest.skip("this store's data live in one object")

    # Transactions and snapshots

    def test_a_transaction_sees_what_it_writes(self, store: Store) -> None:
        """Reads inside of a transaction see its own writes over what was there."""
        fill(store, 1)
        before = look(store)
        with store.write() as writing:
            assert view(writing) == before
            writing.put_people([(HERE, "u", b"2")])
            writing.add_sums("default", "arms", {"shown": 1.0})
            assert writing.person(HERE, "u") == (writing.version(HERE, "u"), b"2")
            assert writing.sums("default", "arms") == {"shown": 2.0}
            during = view(writing)
        assert look(store) == during != before

    @pytest.mark.parametrize("exception", [RuntimeError, KeyboardInterrupt])
    def test_an_exception_undoes_a_transaction(
        self, store: Store, exception: type[BaseException]
    ) -> None:
        """After an exception nothing of its transaction is there, and the next one works."""
        fill(store, 1)
        before = look(store)
        with pytest.raises(exception):
            attempt(
                store,
                lambda it: it.add_fact(HERE, "signal", "s-2", b"", subject="u", at=1.0, ref="r"),
                lambda it: it.put_people([(HERE, "u", b"2")]),
                lambda it: it.add_sums("default", "arms", {"shown": 1.0, "new": 1.0}),
                lambda it: it.drop_trial(HERE, "default", evolve(TRIAL, subject="u-1")),
                lambda it: it.put_setting("default", "policy/1", b"2"),
                fail_with(exception),
            )
        assert look(store) == before
        fill(store, 2)
        assert look(store) != before

    def test_a_transaction_within_a_transaction_is_refused(self, store: Store) -> None:
        """A thread has one transaction at a time; the refusal leaves the outer one sound."""
        with store.write() as writing:
            version = writing.put_people([(HERE, "u", b"1")])[0]
            with pytest.raises(BackendRejectedError), store.write():
                pass
        with store.read() as reading:
            assert reading.person(HERE, "u") == (version, b"1")

    def test_readers_neither_wait_for_a_writer_nor_see_its_work(self, store: Store) -> None:
        """While a transaction is open, any thread reads what was there before it."""
        fill(store, 1)
        before = look(store)
        with store.write() as writing:
            writing.put_people([(HERE, "u", b"2")])
            writing.add_fact(HERE, "signal", "s-2", b"2", subject="u", at=1.0, ref="r")
            assert elsewhere(lambda: look(store)) == before
            assert look(store) == before
        assert look(store) != before

    def test_a_snapshot_stays_as_it_is(self, store: Store) -> None:
        """What is committed while a snapshot is open does not change it; the next one has it."""
        fill(store, 1)
        with store.read() as reading:
            before = view(reading)
            elsewhere(lambda: fill(store, 2))
            assert view(reading) == before
            fill(store, 3)
            assert view(reading) == before
        assert look(store) != before

    def test_writers_take_turns(self, store: Store) -> None:
        """Eight threads that add and that count up by reading lose nothing."""

        def work(thread: int) -> None:
            for number in range(25):
                with store.write() as writing:
                    writing.add_sums("default", "arms", {"all": 0.5, f"{thread}": 1.0})
                    each, shared = f"{thread}-{number}", f"{number}"
                    writing.add_fact(HERE, "signal", each, b"", subject="u", at=1.0)
                    if writing.add_fact(HERE, "outcome", shared, b"", subject="u", at=1.0):
                        writing.add_sums("default", "arms", {"first": 1.0})
                    person = writing.person(HERE, "u") or (0, b"0")
                    writing.put_people([(HERE, "u", b"%d" % (int(person[1]) + 1))])

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(work, range(8)))
        with store.read() as reading:
            threads_sums = {f"{thread}": 25.0 for thread in range(8)}
            assert reading.sums("default", "arms") == {"all": 100.0, "first": 25.0} | threads_sums
            assert reading.person(HERE, "u") == (reading.version(HERE, "u"), b"200")
            assert len(list(reading.facts(HERE, "signal", "u"))) == 200
            assert len(list(reading.facts(HERE, "outcome", "u"))) == 25

    # Changes

    def test_changes_stand_still_while_nothing_is_committed(self, store: Store) -> None:
        """The number stays the same over reads and over transactions that were undone."""
        fill(store, 1)
        before = store.changes()
        look(store)
        with pytest.raises(RuntimeError):
            attempt(
                store,
                lambda writing: writing.put_people([(HERE, "u", b"2")]),
                fail_with(RuntimeError),
            )
        assert store.changes() == before

    def test_changes_move_with_each_commit(self, store: Store) -> None:
        """The number differs after a commit by this thread, and after one by another."""
        numbers = [store.changes()]
        fill(store, 1)
        numbers.append(store.changes())
        elsewhere(lambda: fill(store, 2))
        numbers.append(store.changes())
        fill(store, 3)
        numbers.append(store.changes())
        assert len(set(numbers)) == len(numbers)

    def test_a_transaction_says_what_it_follows_and_what_it_leaves(self, store: Store) -> None:
        """Nobody comes between the number it follows, if it says one, and the one it leaves."""
        fill(store, 1)
        for again in (False, True):
            before = store.changes()
            with store.write() as writing:
                writing.put_people([(HERE, "u", b"%d" % again)])
                assert writing.follows in {before, None}
                assert store.changes() == before
            assert store.changes() == writing.number != before
        with pytest.raises(RuntimeError):
            attempt(store, fail_with(RuntimeError))
        with store.write() as following:
            assert following.follows in {writing.number, None}

    def test_changes_are_told_to_every_thread(self, store: Store) -> None:
        """After a commit each thread gets a number that none got before it."""
        with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as two:

            def ask() -> set[int]:
                asked = [thread.submit(store.changes) for thread in (one, two, one)]
                return {each.result(PATIENCE_SECONDS) for each in asked} | {store.changes()}

            before = ask()
            for value in range(3):
                fill(store, value)
                after = ask()
                assert not after & before
                before |= after

    # Opening and closing

    def test_status_counts_the_facts(self, store: Store) -> None:
        """`status` says where the data lie, their schema version and the facts of each kind."""
        fill(store, 1)
        status = store.status()
        assert status["location"]
        assert status["schema_version"] >= 1
        assert status["facts"] == dict.fromkeys(get_args(Kind), 0) | {"signal": 1}

    def test_a_closed_store_says_so(self, store: Store) -> None:
        """`close` may be called twice; every other call on a closed store raises `ClosedError`."""
        fill(store, 1)
        elsewhere(lambda: look(store))
        store.close()
        store.close()
        with pytest.raises(ClosedError), store.read():
            pass
        with pytest.raises(ClosedError), store.write():
            pass
        for question in (store.changes, store.status, lambda: list(store.facts_of("t", "signal"))):
            with pytest.raises(ClosedError):
                question()

    def test_what_was_committed_is_there_when_opened_again(
        self, store: Store, reopen: Reopen
    ) -> None:
        """Closing and opening keep everything, and versions go on from where they were."""
        fill(store, 1)
        before = look(store)
        with store.read() as reading:
            version = reading.version(HERE, "u")
        store.close()
        with closing(reopen()) as again:
            assert look(again) == before
            fill(again, 2)
            with again.read() as reading:
                assert reading.version(HERE, "u") > version

    def test_two_openings_see_each_other(self, store: Store, reopen: Reopen) -> None:
        """What one opening commits the other is told by `changes` and reads."""
        with closing(reopen()) as other:
            for value, (writer, reader) in enumerate([(store, other), (other, store)]):
                before = reader.changes()
                fill(writer, value)
                assert reader.changes() != before
                assert look(reader) == look(writer)

    def test_a_transaction_does_not_follow_what_another_opening_changed(
        self, store: Store, reopen: Reopen
    ) -> None:
        """What was known before another opening committed is not what a transaction follows."""
        with closing(reopen()) as other:
            for value, (writer, reader) in enumerate(2 * [(store, other), (other, store)]):
                before = reader.changes()
                fill(writer, value)
                with reader.write() as writing:
                    writing.put_setting("default", "mine", b"%d" % value)
                assert writing.follows != before
                assert reader.changes() == writing.number
