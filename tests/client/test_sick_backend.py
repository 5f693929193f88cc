"""A store that fails never fails the application: emit, decide and report always answer (D2)."""

from typing import Any

import pytest

from clew.backends.base import Store
from clew.delivery.outage import AGAIN_SECONDS
from clew.errors import BackendUnavailableError, ConsentError
from client.worlds import World, people, policy, show, slot

DOCUMENT = policy(slots=[slot(sticky="session"), slot("list", "priority")])


class Sick:
    """A store whose calls fail while it is told to, or from the n-th call on."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.failing: frozenset[str] = frozenset()
        self.error: Exception = BackendUnavailableError("the disk is gone")
        self.calls_left: int | None = None

    def __getattr__(self, name: str) -> Any:
        if name in self.failing:
            return self._fail
        if self.calls_left is not None:
            self.calls_left -= 1
            if self.calls_left < 0:
                return self._fail
        return getattr(self.store, name)

    def _fail(self, *_: object) -> Any:
        raise self.error


@pytest.fixture
def sick(world: World):
    """A client over a store that can be made to fail."""
    stores: list[Sick] = []

    def wrap(store: Store) -> Any:
        stores.append(Sick(store))
        return stores[-1]

    world.wrap = wrap
    client = world.client(DOCUMENT)
    people(client, ["u-1"])
    yield client, stores[0]
    stores[0].failing = frozenset()
    stores[0].calls_left = None


ERRORS = [
    pytest.param(BackendUnavailableError("the disk is gone"), id="unavailable"),
    pytest.param(RuntimeError("a fault in somebody's store"), id="a fault of the store"),
]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(
    "failing", list(map(frozenset, (["read"], ["changes"], ["read", "write", "changes"])))
)
def test_decide_always_answers(sick, error, failing):
    """Whatever fails, a decision comes back with a default and its reason, and is counted (D2)."""
    client, store = sick
    store.error, store.failing = error, failing
    decision = client.decide("hero", subject="u-new", default={"headline": "Hi"})
    assert decision.reason == "error"
    assert decision.get("headline") in {"plain", "Hi"}
    assert (decision.propensity, decision.token) == (None, None)
    assert client.report(decision, "displayed") == "applied"
    assert client.losses == {"decide_failed": 1, "unattributed": 1}


@pytest.mark.parametrize("calls", range(30))
def test_decide_answers_wherever_the_store_fails(sick, calls):
    """However many calls go well before one fails, every slot gets a decision (D2)."""
    client, store = sick
    store.calls_left = calls
    made = client.decide_all(["hero", "unknown"], subject="u-new", default={"headline": "Hi"})
    assert [decision.get("headline") is None for decision in made.values()] == [False, False]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(
    "failing", list(map(frozenset, (["read"], ["changes"], ["read", "changes"])))
)
def test_emit_keeps_what_the_store_cannot_take(sick, error, failing):
    """A signal for which the store fails is kept, and stored once it is well again (F4)."""
    client, store = sick
    store.error, store.failing = error, failing
    client.emit("product_viewed", subject="u-2", id="s-1")
    assert client.losses == {"emit_failed": 1}
    store.failing = frozenset()
    client.consent("u-2", grant=["personalise"])
    assert client.flush() in {0, 1}
    client.emit("product_viewed", subject="u-1", id="s-2")
    assert client.flush() == 0


def test_emit_is_stored_when_the_store_is_well_again(sick):
    """What was emitted meanwhile is all there afterwards (F4)."""
    client, store = sick
    store.failing = frozenset({"read", "changes", "write"})
    for number in range(3):
        client.emit("product_viewed", subject="u-1", id=f"s-{number}")
    assert client.pending == 3
    store.failing = frozenset()
    assert client.flush() == client.pending == 0
    assert client.profile("u-1").computed["views"] == 3


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(
    "failing", list(map(frozenset, (["read"], ["changes"], ["read", "changes"])))
)
def test_report_never_fails(sick, error, failing):
    """An outcome is queued while the store fails, or applied if that is not asked (D2)."""
    client, store = sick
    decision = client.decide("hero", subject="u-1")
    store.error, store.failing = error, failing
    assert client.report(decision, "displayed", id="o-1") in {"queued", "applied"}
    store.failing = frozenset()
    assert client.flush() == 0
    assert client.report(decision, "displayed", id="o-1") == "duplicate"


def test_get_never_raises_on_a_sick_store(sick):
    """A decision in hand renders whatever happens to the store (D2)."""
    client, store = sick
    decision = client.decide("hero", subject="u-1")
    store.failing = frozenset({"read", "write", "changes"})
    assert decision.get("headline") == decision.creative


def test_consent_raises_when_it_is_not_stored(sick):
    """Nothing holds of a consent that could not be stored, and the caller is told (C25)."""
    client, store = sick
    store.failing = frozenset({"write"})
    with pytest.raises(ConsentError, match="not stored"):
        client.consent("u-1", withdraw=["personalise"])
    store.failing = frozenset()
    assert show(client, "u-1").reason == "bandit"
    with pytest.raises(ConsentError, match="no purpose 'persnalise'"):
        client.consent("u-1", grant=["persnalise"])


def test_of_a_consent_all_is_stored_or_nothing(sick):
    """One purpose that there is not keeps the others from being stored by half."""
    client, _ = sick
    with pytest.raises(ConsentError, match=r"^the consent of 'u-2' was not stored"):
        client.consent("u-2", grant=["personalise", "persnalise"])
    assert show(client, "u-2").reason == "consent_denied"


def test_a_report_that_is_not_stored_in_time_is_on_its_way(sick):
    """Whoever waits in vain is not told that it is stored; the next who waits is."""
    client, store = sick
    decision = client.decide("hero", subject="u-1")
    client.flush(10)
    store.failing = frozenset({"write"})
    assert client.report(decision, "displayed", wait=0.05) == "queued"
    store.failing = frozenset()
    assert client.report(decision, "interacted", wait=20) == "applied"


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
@pytest.mark.usefixtures("sick")
def test_what_was_lost_is_forgotten_once_the_store_takes_facts_again(world, overflow):
    """A profile in memory ends as what is stored, and holds nothing that never will be (F4)."""
    client = world.client(durability="none", max_pending_bytes=2_000, overflow=overflow)
    store = client._core.backend.store
    store.failing = frozenset({"write"})
    for _ in range(40):
        client.emit("product_viewed", subject="u-1")
    lost = client.losses["overflow"]
    assert 0 < lost < 40
    assert client.profile("u-1").traits["views"] == 40
    hot = client._core.backend._people._of("u-1")
    assert len(hot.pending) == client.pending
    store.failing = frozenset()
    assert client.flush(20) == 0
    assert client.profile("u-1").traits["views"] == 40 - lost
    assert hot.pending == {}


def test_the_default_needs_no_store(sick):
    """The policy's default is shown as long as the policy is at hand (D2)."""
    client, store = sick
    client.decide("hero", subject="u-1")
    store.failing = frozenset({"read"})
    assert client.decide("hero", subject="u-new").creative == "plain"


def test_what_goes_on_failing_is_told_of_again(sick, world, caplog):
    """The log has a trace at first, and a line with the number every five minutes after that."""
    client, store = sick
    store.failing = frozenset({"read", "changes"})
    for seconds in (1.0, AGAIN_SECONDS - 2.0, 2.0, 1.0):
        client.decide("hero", subject="u-1")
        world.clock.move(seconds)
    said = [record for record in caplog.records if "decide failed" in record.getMessage()]
    assert [bool(record.exc_info) for record in said] == [True, False]
    assert said[1].getMessage() == "decide failed again, 4 times so far: the disk is gone"
