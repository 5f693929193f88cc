"""What a process commits itself it need not read again; what others commit it does (F4, F7)."""

import sqlite3
import threading
from contextlib import closing, contextmanager

import orjson
import pytest

from clew import Client
from clew.backends import people as people_module
from clew.backends.embedded import Embedded
from clew.backends.memory import MemoryStore
from clew.backends.watch import Watch
from clew.errors import ConsentError
from clew.testing import HandClock
from client.stores import wait_for
from client.worlds import bundle, people, policy


class Counting(MemoryStore):
    """A store that counts its snapshots."""

    snapshots = 0

    @contextmanager
    def read(self):
        """As any store's."""
        self.snapshots += 1
        with super().read() as reading:
            yield reading


@pytest.fixture
def store():
    """An empty one."""
    return Counting()


@pytest.fixture
def clients(store):
    """Two clients over one store, each with a backend of its own; `u-1` is hot in both."""
    pair = [Client(backend=Embedded(store, policy=bundle(policy()))) for _ in range(2)]
    people(pair[0], ["u-1", "u-2"])
    for client in pair:
        for subject in ("u-1", "u-2"):
            client.decide("hero", subject=subject)
        client.flush()
    for client in pair:
        client.decide("hero", subject="u-1")
        client.flush()
        client.decide("hero", subject="u-1")
    yield pair
    for client in pair:
        client.close()


def views(client):
    """How often `u-1` has viewed something, as a client knows it."""
    return client.profile("u-1").traits.get("views", 0)


def snapshots(store, call):
    """How many snapshots a call takes."""
    before = store.snapshots
    call()
    return store.snapshots - before


@pytest.mark.parametrize("between", [[], ["u-2"], ["u-2", "u-2"]])
def test_what_another_stores_of_a_person_is_folded_into(store, clients, between):
    """However many others were stored since, a person is stored upon what was stored of them."""
    mine, theirs = clients
    for client, subject in [
        (mine, "u-1"),
        (theirs, "u-1"),
        *((mine, other) for other in between),
        (mine, "u-1"),
    ]:
        client.emit("product_viewed", subject=subject)
        client.flush()
    with Client(backend=Embedded(store)) as anew:
        assert views(anew) == 3


def test_what_was_drained_is_not_read_again(store, clients):
    """After a flush of one's own nothing is looked up: neither the person nor what was learned."""
    client = clients[0]
    client.flush()
    client.decide("hero", subject="u-1")  # what the other client has stored is found here
    for _ in range(3):
        client.emit("product_viewed", subject="u-1")
        client.report(client.decide("hero", subject="u-1"), "displayed")
        assert client.flush() == 0
        assert snapshots(store, lambda: client.decide("hero", subject="u-1")) == 0
    assert views(client) == views(clients[1]) == 3


def test_what_another_has_stored_is_read(clients):
    """A fact of another client is in the next decision, whoever stored what before and after."""
    mine, other = clients
    for count in range(1, 4):
        mine.emit("product_viewed", subject="u-1")
        other.emit("product_viewed", subject="u-1")
        mine.flush()
        other.flush()
        assert views(mine) == views(other) == 2 * count


def test_what_is_stored_without_having_been_noted_is_read(clients):
    """A consent goes to the store at once, and holds for the person that is in memory (C25)."""
    client = clients[0]
    client.consent("u-1", withdraw=["personalise"], source="page")
    assert client.decide("hero", subject="u-1").reason == "consent_denied"
    assert client.decide("hero", subject="u-2").reason == "bandit"


def test_a_fact_that_the_store_knew_is_not_counted_twice(clients):
    """Told to two clients under one id, a signal counts once in both, whoever drains first."""
    mine, other = clients
    for client in clients:
        client.emit("product_viewed", subject="u-1", id="s-1")
    mine.flush()
    other.flush()
    assert views(mine) == views(other) == 1


def test_a_transaction_that_fails_leaves_nothing_trusted(store, clients, monkeypatch):
    """When it is not known what was stored, everything is looked at again."""
    client = clients[0]
    client.emit("product_viewed", subject="u-1")
    backend = client._core.backend
    settle = backend._settle

    def fail(*_):
        monkeypatch.setattr(backend, "_settle", settle)
        raise KeyboardInterrupt

    monkeypatch.setattr(backend, "_settle", fail)
    client.flush()
    assert snapshots(store, lambda: client.decide("hero", subject="u-1")) > 0
    assert views(client) == 1


def test_numbers_of_an_own_transaction_are_one_state(store):
    """The number before and the one after count as no change; any other does, once."""
    watch = Watch(store)
    known = watch.changes()
    with store.write() as writing:
        watch.own(writing)
        assert watch.changes() == known
    assert watch.changes() == known
    with store.write():
        pass
    changed = watch.changes()
    assert changed != known
    assert watch.changes() == changed


def test_an_own_transaction_after_an_unseen_one_is_a_change(store):
    """Who has not looked since somebody else's commit must look, whatever was committed since."""
    watch = Watch(store)
    known = watch.changes()
    with store.write():
        pass
    with store.write() as writing:
        watch.own(writing)
    assert watch.changes() != known


@pytest.mark.parametrize("is_hot", [False, True], ids=["read first", "read again"])
def test_a_consent_that_overtakes_a_reader_holds(monkeypatch, is_hot):
    """What was read before it was stored is not trusted once it is (C25)."""
    store = MemoryStore()
    client = Client(backend=Embedded(store, policy=bundle(policy())))
    people(client, ["u-1", "u-2"])
    client.decide("hero", subject="u-1" if is_hot else "u-2")
    client.flush()
    client._core.backend._watch.lose()
    client.decide("hero", subject="u-2")
    said = {"withdraw": ["personalise"], "source": "page"}
    withdrawing = threading.Thread(target=client.consent, args=("u-1",), kwargs=said)
    before = store.changes()
    load = people_module.load

    def overtaken(*args, **named):
        """Read, and have a consent stored before what was read is used."""
        found = load(*args, **named)
        if not withdrawing.ident:
            withdrawing.start()
            wait_for(lambda: store.changes() != before)
            if not is_hot:  # nobody holds a lock, so all of it can happen
                withdrawing.join()
        return found

    if is_hot:  # it holds no longer, as when somebody else has changed it
        client._core.backend._people._hot["u-1"].versions["u-1"] = 0
    monkeypatch.setattr(people_module, "load", overtaken)
    client.decide("hero", subject="u-1")
    withdrawing.join()
    assert client.decide("hero", subject="u-1").reason == "consent_denied"


def test_somebody_who_is_linked_while_they_are_read_again_is_that_person(monkeypatch):
    """An anonymous id that another thread links meanwhile does not stay another person's (I1)."""
    client = Client(backend=Embedded(MemoryStore(), policy=bundle(policy())))
    people(client, ["ada", "anon"])
    client.emit("product_viewed", subject="ada")
    client.decide("hero", subject="anon")
    client.consent("anon", grant=["personalise"], source="again")  # it is read again next
    load, reads = people_module.load, []

    def overtaken(*args, **named):
        """Have the id linked between the two times that it is read."""
        found = load(*args, **named)
        reads.append(found)
        if len(reads) == 1:
            linking = threading.Thread(target=client.identify, args=("anon", "ada"))
            linking.start()
            linking.join()
        return found

    monkeypatch.setattr(people_module, "load", overtaken)
    client.profile("anon")
    monkeypatch.undo()
    assert client.profile("anon").subject == "ada"
    client.unmerge("anon", "ada")
    assert client.profile("anon").subject == "anon"
    assert "views" not in client.profile("anon").traits or client.profile("anon").signals == 0
    client.emit("product_viewed", subject="anon")
    assert client.losses == {}
    assert client.profile("anon").signals == 1


def test_a_document_that_was_removed_does_not_come_back(tmp_path):
    """What is removed by hand and made anew elsewhere is not written over with the old."""
    url = f"sqlite:///{tmp_path}/shop.db"
    with Client(url, policy=policy()) as client, Client(url) as other:
        people(client, ["u-1"])
        client.emit("product_viewed", subject="u-1")
        client.flush()
        with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
            database.execute("DELETE FROM persons")
            database.execute("DELETE FROM facts")
        people(other, ["u-1"])
        for _ in range(2):
            client.emit("product_viewed", subject="u-1")
            client.flush()
        assert views(client) == 2


def test_a_child_reads_the_policy_that_is_live(tmp_path):
    """After a fork nothing passes for looked at that the parent had looked at."""
    url = f"sqlite:///{tmp_path}/shop.db"
    with Client(url, policy=policy()) as client:
        backend = client._core.backend
        people(client, ["u-1"])
        client.decide("hero", subject="u-1")
        assert client._core.backend._shelf._checked == backend._watch.count
        backend.after_fork_in_child()
        assert client._core.backend._shelf._checked != backend._watch.changes()


def test_a_request_of_somebody_else_is_another_request():
    """The same `request_id` for another subject draws anew, and shows nothing of the first (D5)."""
    client = Client(backend=Embedded(MemoryStore(), policy=bundle(policy())))
    people(client, ["u-2"])
    denied = client.decide("hero", subject="u-1", request_id="r-1")
    assert denied.reason == "consent_denied"
    assert client.decide("hero", subject="u-2", request_id="r-1").reason == "bandit"
    assert client.decide("hero", subject="u-1", request_id="r-1").id == denied.id


def test_a_consent_from_the_future_is_of_now():
    """A grant dated ahead cannot outlast the withdrawal that follows it (C25)."""
    clock = HandClock()
    client = Client(backend=Embedded(MemoryStore(), policy=bundle(policy()), clock=clock))
    said = {"subject": "u-1", "purpose": "personalise", "source": "page"}
    granted = {**said, "id": "c-1", "state": "granted", "occurred_at": "2999-01-01T00:00:00Z"}
    client._core.backend.append([orjson.dumps({"consent": granted})])
    clock.move(seconds=1)
    client._core.clock = clock
    client.consent("u-1", withdraw=["personalise"], source="page")
    assert client.decide("hero", subject="u-1").reason == "consent_denied"


def test_a_withdrawal_that_does_not_hold_is_told():
    """Where the clock is behind that of whoever granted, the caller hears that it does not hold."""
    store, clock = MemoryStore(), HandClock()
    ahead = HandClock()
    ahead.move(seconds=300)
    late = Client(backend=Embedded(store, policy=bundle(policy()), clock=ahead), clock=ahead)
    late.consent("u-1", grant=["personalise"], source="page")
    client = Client(backend=Embedded(store, clock=clock), clock=clock)
    with pytest.raises(ConsentError, match="does not hold: a later one says otherwise"):
        client.consent("u-1", withdraw=["personalise"], source="page")
