"""Facts are folded into people as they are stored, whoever stored them last and whatever failed."""

import sqlite3
import threading
from contextlib import closing, contextmanager
from itertools import count

import orjson
import pytest

from clew.backends import sqlite
from clew.backends.embedded import Embedded
from clew.backends.sqlite import SqliteStore
from client.stores import PATIENCE_SECONDS
from client.worlds import bundle, policy

GROUNDS = {"personalise": "contract", "ads": "consent", "service": "contract"}
POLICY = bundle(policy(purposes=[{"id": id, "basis": basis} for id, basis in GROUNDS.items()]))


class Now:
    """The monotonic clock of a store, moved by hand."""

    seconds = 0.0

    def __call__(self):
        return self.seconds

    def pass_a_look(self):
        """From now on a store looks at its file itself."""
        self.seconds += sqlite.LOOK_SECONDS


@pytest.fixture
def now(monkeypatch):
    """What stores take for the time."""
    clock = Now()
    monkeypatch.setattr(sqlite, "monotonic", clock)
    return clock


@pytest.fixture
def path(tmp_path):
    """A database in which `u-1` has viewed three products."""
    path = tmp_path / "clew.db"
    with closing(Embedded(SqliteStore(path), policy=POLICY)) as backend:
        for _ in range(3):
            backend.append([viewed()])
    return path


_numbers = count()


def viewed(**changes):
    """One more view of `u-1`."""
    fact = {
        "id": f"s-{next(_numbers)}",
        "type": "product_viewed",
        "subject": "u-1",
        "occurred_at": "2026-01-01T00:00:00Z",
    }
    return orjson.dumps({"signal": {**fact, **changes}})


def keeping(store):
    """A backend that keeps `u-1` as it has stored them: its second batch follows its first."""
    backend = Embedded(store)
    for _ in range(2):
        backend.append([viewed()])
    return closing(backend)


def stored(path):
    """How many views are in the log, and how many the person has, as one reads it anew."""
    with closing(Embedded(SqliteStore(path))) as backend:
        log = list(backend.store.facts_of("default", "signal"))
        return len(log), backend.subject("u-1").traits.get("views", 0)


def test_what_was_erased_does_not_come_back_when_connections_are_new(path, now):
    """Connections are made anew around a fork; what another program did meanwhile is seen."""
    with keeping(SqliteStore(path)) as backend:
        with backend.store.vacated():
            pass
        with closing(sqlite3.connect(path)) as other:
            other.execute("DELETE FROM persons WHERE subject = 'u-1'")
            other.execute("DELETE FROM facts WHERE subject = 'u-1'")
            other.commit()
        now.pass_a_look()
        backend.policy()
        backend.append([viewed()])
    assert stored(path) == (1, 1)


def test_whoever_writes_next_knows_of_what_a_look_has_found(path, now):
    """A commit that nobody rang for is noted before the next transaction may begin."""
    with keeping(SqliteStore(path)) as backend, closing(Embedded(SqliteStore(path))) as other:
        other.store._bell.ring = lambda number: None  # it dies before it can
        other.append([viewed()])
        now.pass_a_look()
        noting, noted = threading.Event(), threading.Event()
        counting = backend.store._counting

        class Slow:
            def __enter__(self):
                noting.set()
                assert noted.wait(PATIENCE_SECONDS)
                counting.acquire()

            def __exit__(self, *_):
                counting.release()

        backend.store._counting = Slow()
        looking = threading.Thread(target=backend.policy)
        looking.start()
        assert noting.wait(PATIENCE_SECONDS)
        writing = threading.Thread(target=backend.append, args=([viewed()],))
        writing.start()
        writing.join(0.05)  # it may have had its turn by now, or wait for the look to end
        noted.set()
        looking.join(PATIENCE_SECONDS)
        writing.join(PATIENCE_SECONDS)
    assert stored(path) == (7, 7)


def test_what_was_stored_without_a_word_is_looked_for(path):
    """Where a transaction ended in an error it may be stored, and nobody was told."""
    store = SqliteStore(path)
    with keeping(store) as backend:
        other = Embedded(store)
        ring = store._bell.ring

        def interrupted(number):
            raise KeyboardInterrupt

        store._bell.ring = interrupted
        with pytest.raises(KeyboardInterrupt):
            other.append([viewed()])
        store._bell.ring = ring
        backend.append([viewed()])
    assert stored(path) == (7, 7)


def test_what_a_failed_transaction_has_folded_is_forgotten_before_the_next(path):
    """Another thread that waits for its turn finds nobody as the failed one has left them."""
    store = SqliteStore(path)
    ended, went_on = threading.Event(), threading.Event()
    write = store.write

    @contextmanager
    def pausing():
        try:
            with write() as writing:
                yield writing
        except BaseException:
            if not ended.is_set():
                ended.set()
                assert went_on.wait(PATIENCE_SECONDS)
            raise

    store.write = pausing
    with keeping(store) as backend:
        good = viewed()
        failed = []

        def fail():
            try:
                backend.append([good, viewed(occurred_at="nonsense")])
            except ValueError as error:
                failed.append(error)

        thread = threading.Thread(target=fail)
        thread.start()
        assert ended.wait(PATIENCE_SECONDS)
        backend.append([viewed()])
        went_on.set()
        thread.join(PATIENCE_SECONDS)
        assert len(failed) == 1
        backend.append([good])
    assert stored(path) == (7, 7)
