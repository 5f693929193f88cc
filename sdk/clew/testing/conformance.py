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
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from math import inf, nan
from typing import TypeAlias, TypeVar, get_args

import pytest
from attrs import evolve

from clew.backends.base import Kind, Place, Reading, Store, Trial, Writing
from clew.errors import BackendRejectedError, ClosedError

__all__ = ["StoreConformance"]

T = TypeVar("T")

#: Opens the same data once more, beside a store or after it was closed.
Reopen: TypeAlias = Callable[[], Store]

HERE: Place = (7, "default")
#: Places that differ from `HERE` in one part each.
ELSEWHERE: tuple[Place, ...] = ((8, "default"), (7, "other"))

#: Long enough for the slowest machine; whoever waits in vain fails by it.
PATIENCE_SECONDS = 60

TEXTS = {
    "plain": "u-42",
    "empty": "",
    "quotes": """'; DROP TABLE facts; -- "\\`""",
    "wildcards": "%_*?[a]",
    "nul": "a\0b",
    "emoji": "👩‍🍳 ピザ",
    "last-code-point": "\U0010ffff",
    "long": "x" * 10_000,
}
BODIES = {"empty": b"", "binary": bytes(range(256)), "large": b"\0\xff" * 500_000}
TRIAL = Trial(
    experiment="global",
    epoch="1",
    subject="u-1",
    arm="holdout",
    triggered_at=1.25,
    policy_version="3",
)


def elsewhere(question: Callable[[], T]) -> T:
    """Ask in another thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(question).result(PATIENCE_SECONDS)


def fill(store: Store, value: int) -> None:
    """Write one row of everything in one transaction, with a number in each."""
    with store.write() as writing:
        writing.add_fact(HERE, "signal", f"s-{value}", b"%d" % value, subject="u", at=1.0, ref="r")
        writing.put_person(HERE, "u", b"%d" % value)
        writing.add_sums("default", "arms", {"shown": 1.0})
        writing.put_trial(HERE, "default", evolve(TRIAL, subject=f"u-{value}"))
        writing.put_setting("default", f"policy/{value}", b"%d" % value)


def attempt(store: Store, *steps: Callable[[Writing], object]) -> None:
    """Do all the steps in one transaction."""
    with store.write() as writing:
        for step in steps:
            step(writing)


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


class StoreConformance:
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

    # Facts

    @pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
    def test_a_fact_is_kept_as_it_is(self, store: Store, body: bytes) -> None:
        """The body of a fact comes back byte for byte, whatever it is."""
        with store.write() as writing:
            assert writing.add_fact(HERE, "signal", "s", body, subject="u", at=1.0)
        with store.read() as reading:
            assert reading.fact(HERE, "signal", "s") == body
            assert reading.fact(HERE, "signal", "t") is None

    def test_a_fact_is_kept_once(self, store: Store) -> None:
        """A fact with a known (place, kind, id) changes nothing and is said to be known."""
        with store.write() as writing:
            assert writing.add_fact(HERE, "signal", "s", b"1", subject="u", at=1.0, ref="a")
            assert not writing.add_fact(HERE, "signal", "s", b"2", subject="v", at=2.0, ref="b")
        with store.write() as writing:
            assert not writing.add_fact(HERE, "signal", "s", b"3", subject="v", at=2.0, ref="b")
        with store.read() as reading:
            assert reading.fact(HERE, "signal", "s") == b"1"
            assert list(reading.facts(HERE, "signal", "u")) == [b"1"]
            assert list(reading.facts(HERE, "signal", "v")) == []
            assert list(reading.referring(HERE, "signal", "b")) == []

    def test_facts_are_known_by_place_kind_and_id(self, store: Store) -> None:
        """The same id in another bucket, of another tenant or kind is another fact."""
        others: list[tuple[Place, Kind]] = [(place, "signal") for place in ELSEWHERE]
        others.append((HERE, "outcome"))
        with store.write() as writing:
            writing.add_fact(HERE, "signal", "s", b"here", subject="u", at=1.0, ref="r")
            for place, kind in others:
                assert writing.known(place, kind, ["s"]) == set()
                assert list(writing.facts(place, kind, "u")) == []
                assert list(writing.referring(place, kind, "r")) == []
                assert writing.add_fact(place, kind, "s", b"there", subject="u", at=1.0)
                assert writing.fact(place, kind, "s") == b"there"
            assert writing.fact(HERE, "signal", "s") == b"here"

    def test_those_of_the_ids_are_known_that_are_stored(self, store: Store) -> None:
        """`known` gives the stored ones of any number of ids."""
        stored = {f"s-{number}" for number in range(0, 3000, 3)}
        with store.write() as writing:
            for each in stored:
                writing.add_fact(HERE, "signal", each, b"", subject="u", at=1.0)
        with store.read() as reading:
            assert reading.known(HERE, "signal", [f"s-{n}" for n in range(3000)]) == stored
            assert reading.known(HERE, "signal", []) == set()

    def test_facts_are_ordered_by_instant_then_id(self, store: Store) -> None:
        """Facts come by (at, id), ids by code point, in whatever order they were added."""
        ids = ["B", "a", "a\0", "aa", "é", "\uffff", "👩"]
        facts = [(2.0, each) for each in ids] + [(1.5, "z"), (3.0, "A")]
        with store.write() as writing:
            for at, each in reversed(facts):
                body = f"{at}{each}".encode()
                writing.add_fact(HERE, "outcome", each, body, subject="u", at=at, ref="d")
        ordered = [f"{at}{each}".encode() for at, each in sorted(facts)]
        with store.read() as reading:
            assert list(reading.facts(HERE, "outcome", "u")) == ordered
            assert list(reading.referring(HERE, "outcome", "d")) == ordered
        assert list(store.facts_of("default", "outcome")) == ordered

    def test_a_window_has_its_start_and_not_its_end(self, store: Store) -> None:
        """Facts are those with since <= at < until."""
        with store.write() as writing:
            for number in range(5):
                at = 1.7e9 + number / 4
                body = b"%d" % number
                writing.add_fact(HERE, "signal", f"{number}", body, subject="u", at=at)
        with store.read() as reading:
            found = reading.facts(HERE, "signal", "u", since=1.7e9 + 0.25, until=1.7e9 + 0.75)
            assert list(found) == [b"1", b"2"]

    def test_facts_refer_to_one_other(self, store: Store) -> None:
        """`referring` gives the facts that name the reference; no reference is none."""
        with store.write() as writing:
            writing.add_fact(HERE, "outcome", "1", b"1", subject="u", at=1.0, ref="d")
            writing.add_fact(HERE, "outcome", "2", b"2", subject="u", at=2.0, ref="e")
            writing.add_fact(HERE, "outcome", "3", b"3", subject="v", at=3.0, ref="d")
            writing.add_fact(HERE, "outcome", "4", b"4", subject="v", at=4.0)
        with store.read() as reading:
            assert list(reading.referring(HERE, "outcome", "d")) == [b"1", b"3"]
            assert list(reading.referring(HERE, "outcome", "")) == []

    def test_a_scan_gives_all_facts_of_a_tenant(self, store: Store) -> None:
        """`facts_of` gives each fact of tenant and kind once, by (at, id) within each bucket."""
        with store.write() as writing:
            for number in range(30):
                for bucket in (0, 7, 1023):
                    place = (bucket, "default")
                    body = f"{bucket} {29 - number:02}".encode()
                    at = float(29 - number)
                    writing.add_fact(place, "signal", f"{number}", body, subject="u", at=at)
            writing.add_fact(HERE, "outcome", "o", b"outcome", subject="u", at=1.0)
            writing.add_fact((7, "other"), "signal", "s", b"other", subject="u", at=1.0)
        found = [body.decode().split() for body in store.facts_of("default", "signal")]
        for name in ("0", "7", "1023"):
            assert [at for each, at in found if each == name] == [f"{n:02}" for n in range(30)]
        assert len(found) == 90

    # Persons, sums, trials, settings

    def test_the_version_of_a_person_rises(self, store: Store) -> None:
        """Each change gives a document a greater version, told by `person` and `version` alike."""
        versions = []
        for body in (b"1", b"2", b"2"):
            with store.write() as writing:
                versions.append(writing.put_person(HERE, "u", body))
            with store.read() as reading:
                assert reading.person(HERE, "u") == (versions[-1], body)
                assert reading.version(HERE, "u") == versions[-1]
        assert 0 < versions[0] < versions[1] < versions[2]

    def test_a_person_is_in_one_place(self, store: Store) -> None:
        """A subject of the same name in another bucket or tenant is someone else."""
        with store.write() as writing:
            writing.put_person(HERE, "u", b"here")
        with store.read() as reading:
            for place in ELSEWHERE:
                assert reading.person(place, "u") is None
                assert reading.version(place, "u") == 0

    def test_sums_add_up(self, store: Store) -> None:
        """What is added under a key is added to what was there, each name for itself."""
        for deltas in ({"shown": 1.0, "eta.bias": 0.1}, {"eta.bias": 0.2}, {"shown": -3.5}, {}):
            with store.write() as writing:
                writing.add_sums("default", "hero", deltas)
        with store.read() as reading:
            assert reading.sums("default", "hero") == {"shown": -2.5, "eta.bias": 0.1 + 0.2}
            assert reading.sums("default", "none") == {}
            assert reading.sums("other", "hero") == {}

    def test_sums_given_are_the_askers(self, store: Store) -> None:
        """Changing the dict that was given does not change what is stored."""
        with store.write() as writing:
            writing.add_sums("default", "hero", {"shown": 1.0})
        with store.read() as reading:
            reading.sums("default", "hero")["shown"] = 9.0
            assert reading.sums("default", "hero") == {"shown": 1.0}

    def test_a_trial_is_set_and_dropped(self, store: Store) -> None:
        """A trial comes back whole, is replaced by (experiment, epoch, subject) and can go."""
        kept = evolve(TRIAL, epoch="2")
        values = {"orders": (23.9, 2, 0.5), "visits": (0.0, 0, 1e-9)}
        later = evolve(TRIAL, arm="treated", left_at=9.5, opened_by="anon-1", values=values)
        with store.write() as writing:
            for trial in (TRIAL, kept, later):
                writing.put_trial(HERE, "default", trial)
            writing.put_trial(HERE, "default", evolve(TRIAL, experiment="slot:hero"))
            writing.put_trial((7, "other"), "other", evolve(TRIAL, subject="u-2"))
        with store.read() as reading:
            found = sorted(reading.trials("default", "global"), key=lambda trial: trial.epoch)
        assert found == [later, kept]
        with store.write() as writing:
            for _ in range(2):
                writing.drop_trial(HERE, "default", TRIAL)
            assert list(writing.trials("default", "global")) == [kept]
        with store.read() as reading:
            assert list(reading.trials("default", "global")) == [kept]

    def test_settings_are_found_by_their_beginning(self, store: Store) -> None:
        """`settings` gives those whose name begins with the text, taken literally."""
        names = ["a", "a%", "a%1", "a_", "ab", "A%", "b", "a%\U0010ffff"]
        with store.write() as writing:
            for name in names:
                writing.put_setting("default", name, name.encode())
            writing.put_setting("default", "a", b"new")
            writing.put_setting("other", "a%2", b"")
        with store.read() as reading:
            assert set(reading.settings("default", "a%")) == {"a%", "a%1", "a%\U0010ffff"}
            assert set(reading.settings("default", "")) == set(names)
            assert reading.setting("default", "a") == b"new"
            assert reading.setting("other", "a") is None

    # Text and numbers

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    def test_any_text_is_a_name(self, store: Store, text: str) -> None:
        """Any Unicode text names a tenant, subject, fact, key, setting or trial, exactly."""
        place = (7, text)
        trial = evolve(TRIAL, experiment=text, epoch=text, subject=text, arm=text)
        with store.write() as writing:
            writing.add_fact(place, "signal", text, b"body", subject=text, at=1.0, ref=f"{text}.")
            writing.put_person(place, text, b"body")
            writing.add_sums(text, text, {text: 1.0})
            writing.put_trial(place, text, trial)
            writing.put_setting(text, text, b"body")
        with store.read() as reading:
            assert reading.known(place, "signal", [text, f"{text}.", text[:1] + "~"]) == {text}
            assert list(reading.facts(place, "signal", text)) == [b"body"]
            assert list(reading.referring(place, "signal", f"{text}.")) == [b"body"]
            assert reading.person(place, text) == (1, b"body")
            assert reading.sums(text, text) == {text: 1.0}
            assert list(reading.trials(text, text)) == [trial]
            assert reading.settings(text, text) == {text: b"body"}
        assert list(store.facts_of(text, "signal")) == [b"body"]

    def test_a_lone_surrogate_is_refused(self, store: Store) -> None:
        """Text that has no UTF-8 is refused in words, and undoes its transaction."""
        steps: tuple[Callable[[Writing], object], ...] = (
            lambda writing: writing.add_fact(HERE, "signal", "\ud800", b"", subject="u", at=1.0),
            lambda writing: writing.put_person(HERE, "a\udfff", b"1"),
        )
        for step in steps:
            with pytest.raises(BackendRejectedError, match="surrogate"):
                attempt(store, lambda writing: writing.put_person(HERE, "u", b"1"), step)
        with store.read() as reading:
            assert reading.person(HERE, "u") is None

    @pytest.mark.parametrize("number", [nan, inf, -inf])
    def test_a_number_that_is_none_is_refused(self, store: Store, number: float) -> None:
        """NaN and infinities are neither instants nor added to sums."""
        with pytest.raises(BackendRejectedError, match="finite"), store.write() as writing:
            writing.add_sums("default", "hero", {"shown": 1.0, "eta": number})
        with pytest.raises(BackendRejectedError, match="finite"), store.write() as writing:
            writing.add_fact(HERE, "signal", "s", b"", subject="u", at=number)
        with store.read() as reading:
            assert reading.sums("default", "hero") == {}

    # Transactions and snapshots

    def test_a_transaction_sees_what_it_writes(self, store: Store) -> None:
        """Reads inside of a transaction see its own writes over what was there."""
        fill(store, 1)
        before = look(store)
        with store.write() as writing:
            assert view(writing) == before
            writing.put_person(HERE, "u", b"2")
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
                lambda it: it.put_person(HERE, "u", b"2"),
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
            writing.put_person(HERE, "u", b"1")
            with pytest.raises(BackendRejectedError), store.write():
                pass
        with store.read() as reading:
            assert reading.person(HERE, "u") == (1, b"1")

    def test_readers_neither_wait_for_a_writer_nor_see_its_work(self, store: Store) -> None:
        """While a transaction is open, any thread reads what was there before it."""
        fill(store, 1)
        before = look(store)
        with store.write() as writing:
            writing.put_person(HERE, "u", b"2")
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
                    writing.put_person(HERE, "u", b"%d" % (int(person[1]) + 1))

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(work, range(8)))
        with store.read() as reading:
            threads_sums = {f"{thread}": 25.0 for thread in range(8)}
            assert reading.sums("default", "arms") == {"all": 100.0, "first": 25.0} | threads_sums
            assert reading.person(HERE, "u") == (200, b"200")
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
                lambda writing: writing.put_person(HERE, "u", b"2"),
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
        store.close()
        with closing(reopen()) as again:
            assert look(again) == before
            fill(again, 2)
            with again.read() as reading:
                assert reading.version(HERE, "u") == 2

    def test_two_openings_see_each_other(self, store: Store, reopen: Reopen) -> None:
        """What one opening commits the other is told by `changes` and reads."""
        with closing(reopen()) as other:
            for value, (writer, reader) in enumerate([(store, other), (other, store)]):
                before = reader.changes()
                fill(writer, value)
                assert reader.changes() != before
                assert look(reader) == look(writer)
