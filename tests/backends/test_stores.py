"""Both stores of clew keep what every store promises."""

import tempfile
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from clew.backends.base import Trial
from clew.backends.memory import MemoryStore
from clew.backends.sqlite import SqliteStore
from clew.testing.conformance import StoreConformance


class TestMemoryStore(StoreConformance):
    """The conformance kit on `MemoryStore`."""

    @pytest.fixture
    def store(self):
        """An empty store in memory."""
        return MemoryStore()


class TestSqliteStore(StoreConformance):
    """The conformance kit on `SqliteStore`."""

    @pytest.fixture
    def store(self, tmp_path):
        """An empty store in a new file."""
        with closing(SqliteStore(tmp_path / "shop.db")) as store:
            yield store

    @pytest.fixture
    def reopen(self, tmp_path):
        """Opens that file again."""
        return lambda: SqliteStore(tmp_path / "shop.db")


KINDS = st.sampled_from(["signal", "outcome"])
TENANTS = st.sampled_from(["default", "ö"])
PLACES = st.tuples(st.sampled_from([0, 1023]), TENANTS)
#: Few, so that they meet; of those that sort, compare and end in unlike ways.
NAMES = st.sampled_from(["", "a", "A", "a\0", "a%", "é", "\uffff", "👩"])
INSTANTS = st.floats(0, 2e9) | st.sampled_from([0.0, 1.5])
NUMBERS = st.floats(-1e6, 1e6)
TRIALS = st.builds(
    Trial,
    experiment=NAMES,
    epoch=NAMES,
    subject=NAMES,
    arm=NAMES,
    triggered_at=INSTANTS,
    policy_version=NAMES,
    left_at=st.none() | INSTANTS,
    opened_by=st.none() | NAMES,
    values=st.dictionaries(NAMES, st.tuples(NUMBERS, st.integers(0, 9), NUMBERS), max_size=2),
)


class Twins(RuleBasedStateMachine):
    """The same is done to a store in memory and to one in a file, in open transactions or not."""

    def __init__(self):
        super().__init__()
        self.held = ExitStack()
        self.path = Path(self.held.enter_context(tempfile.TemporaryDirectory())) / "shop.db"
        self.memory, self.sqlite = MemoryStore(), SqliteStore(self.path)
        self.transactions = ExitStack()
        self.writing = None

    def teardown(self):
        """Close and delete the file."""
        self.transactions.close()
        self.sqlite.close()
        self.held.close()

    def both(self, step):
        """Do a step in the open transactions, or in ones of its own; it gives the same."""
        if self.writing:
            one, two = map(step, self.writing)
        else:
            with self.memory.write() as memory, self.sqlite.write() as sqlite:
                one, two = step(memory), step(sqlite)
        assert one == two

    @rule()
    def begin(self):
        """Open a transaction on each, unless one is open."""
        if not self.writing:
            stores = (self.memory, self.sqlite)
            self.writing = [self.transactions.enter_context(store.write()) for store in stores]

    @rule(undo=st.booleans())
    def end(self, undo):
        """Commit the transactions, or undo them by an exception."""
        self.writing = None
        with suppress(ZeroDivisionError), self.transactions:
            if undo:
                raise ZeroDivisionError

    @rule()
    def open_again(self):
        """Close the file and open it again."""
        if not self.writing:
            self.sqlite.close()
            self.sqlite = SqliteStore(self.path)

    @rule(place=PLACES, kind=KINDS, id=NAMES, body=st.binary(), about=NAMES, at=INSTANTS, ref=NAMES)
    def add_fact(self, place, kind, id, body, about, at, ref):
        """Add a fact."""
        self.both(lambda it: it.add_fact(place, kind, id, body, subject=about, at=at, ref=ref))

    @rule(
        facts=st.lists(st.tuples(PLACES, KINDS, NAMES)),
        refs=st.lists(st.tuples(PLACES, KINDS, NAMES)),
    )
    def foresee(self, facts, refs):
        """Tell what is about to be asked for; whether it then is, is no matter."""
        self.both(lambda it: it.foresee(facts, refs))

    @rule(documents=st.dictionaries(st.tuples(PLACES, NAMES), st.binary(), max_size=13))
    def put_people(self, documents):
        """Set the documents of several people; more than one statement has."""
        rows = [(place, subject, body) for (place, subject), body in documents.items()]

        def put(it):
            # Each store begins to count where it likes.
            return it.put_people(rows) == [it.version(place, name) for place, name, _ in rows]

        self.both(put)

    @rule(tenant=TENANTS, key=NAMES, deltas=st.dictionaries(NAMES, NUMBERS, max_size=3))
    def add_sums(self, tenant, key, deltas):
        """Add to sums."""
        self.both(lambda it: it.add_sums(tenant, key, deltas))

    @rule(place=PLACES, trial=TRIALS)
    def put_trial(self, place, trial):
        """Set a trial, and the same in another epoch."""
        self.both(lambda it: it.put_trial(place, place[1], trial))
        self.both(lambda it: it.put_trial(place, place[1], evolve(trial, epoch="a")))

    @rule(place=PLACES, trial=TRIALS)
    def drop_trial(self, place, trial):
        """Drop a trial that may be there."""
        self.both(lambda it: it.drop_trial(place, place[1], trial))

    @rule(tenant=TENANTS, name=NAMES, body=st.binary())
    def put_setting(self, tenant, name, body):
        """Set a setting."""
        self.both(lambda it: it.put_setting(tenant, name, body))

    @rule(place=PLACES, kind=KINDS, name=NAMES, since=INSTANTS, until=INSTANTS)
    def ask(self, place, kind, name, since, until):
        """Ask everything that can be asked inside of a transaction."""
        self.both(lambda it: answers(it, place, kind, name, since, until))

    @invariant()
    def the_committed_is_the_same(self):
        """Snapshots and scans agree, whatever transaction is open."""
        with self.memory.read() as memory, self.sqlite.read() as sqlite:
            for place in [(0, "default"), (1023, "ö")]:
                about = (place, "signal", "a", 0.0, 1e18)
                assert answers(memory, *about) == answers(sqlite, *about)
        assert self.memory.status()["facts"] == self.sqlite.status()["facts"]

    @rule(tenant=TENANTS, kind=KINDS)
    def scan(self, tenant, kind):
        """Scan all facts of a kind."""
        one, two = (list(store.facts_of(tenant, kind)) for store in (self.memory, self.sqlite))
        assert one == two


def answers(reading, place, kind, name, since, until):
    """Everything that can be asked about a name."""
    tenant = place[1]
    return (
        (reading.person(place, name) or (0, None))[1],
        (reading.person(place, name) or (0,))[0] == reading.version(place, name),
        reading.known(place, kind, ["", "a", "A", name]),
        reading.fact(place, kind, name),
        list(reading.facts(place, kind, name)),
        list(reading.facts(place, kind, name, since=since, until=until)),
        list(reading.referring(place, kind, name)),
        reading.sums(tenant, name),
        sorted(reading.trials(tenant, name), key=repr),
        reading.setting(tenant, name),
        reading.settings(tenant, name),
    )


class TestTwins(Twins.TestCase):
    """Memory, the reference, and the file give the same answers to everything."""

    settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
