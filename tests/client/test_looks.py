"""How a measurement came about: what was known at each of several instants."""

import random
from collections import Counter, defaultdict
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from clew import Client
from clew.backends.base import Store, Trial
from clew.errors import ConfigurationError
from clew.model.measurement import Look, Measurement
from client.worlds import DAY, HOUR, World, embedded, people, policy, show, slot

HALF = [{"id": "half", "salt": "s", "share": 0.5}]
REVENUE = {
    "id": "orders",
    "signal": "order_completed",
    "count": "sum",
    "value": {"var": "data.total"},
    "value_max": 50,
    "currency": "EUR",
    "window_seconds": DAY,
}


class Counting:
    """A store that counts how often all facts of a kind are read."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.scans: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def facts_of(self, tenant: str, kind: Any) -> Any:
        """As `Store.facts_of`."""
        self.scans[kind] += 1
        return self.store.facts_of(tenant, kind)


@pytest.fixture
def client(world: World) -> Client:
    """A client whose policy holds out one half."""
    return world.client(policy(holdouts=HALF))


def live(world: World, client: Client, number: int) -> list[Any]:
    """So many people an hour apart, every third of whom orders; gives each decision."""
    made = []
    for name in people(client, [f"u-{n}" for n in range(number)]):
        made.append(show(client, name))
        if len(made) % 3 == 0:
            client.emit("order_completed", subject=name, data={"total": len(made) % 50})
        world.clock.move(HOUR)
    return made


def said(one: Measurement | Look) -> tuple[Any, ...]:
    """What a measurement and its look have in common."""
    if isinstance(one, Look):
        return one.as_of, one.state, one.subjects, one.maturing, one.absolute
    subjects = sum(arm.subjects for arm in one.arms)
    return one.as_of, one.state, subjects, sum(arm.maturing for arm in one.arms), one.absolute


def test_looks_are_given_when_asked_for(client: Client, world: World) -> None:
    """Without asking there are none, and nothing but them depends on asking."""
    live(world, client, 5)
    (plain,), (looked,) = client.measure(), client.measure(looks=3)
    assert plain.looks == ()
    assert len(looked.looks) == 3
    assert evolve(looked, looks=()) == plain


def test_looks_are_evenly_spaced(client: Client, world: World) -> None:
    """From the first trigger to now they lie equally far apart, and the last is now."""
    began = world.clock.now()
    live(world, client, 6)
    (found,) = client.measure(looks=4)
    step = (world.clock.now() - began) / 4
    instants = [look.as_of.timestamp() for look in found.looks]
    assert instants == pytest.approx([began + step * n for n in (1, 2, 3, 4)])
    assert found.looks[-1].as_of == found.as_of


def test_before_anybody_is_triggered_there_is_nothing_to_look_at(client: Client) -> None:
    """A measurement without trials, or without a holdout, has no looks."""
    (found,) = client.measure(looks=3)
    assert found.looks == ()


def test_without_a_holdout_there_are_no_looks(world: World) -> None:
    """Where there is no lift there is no history of it."""
    client = world.client()
    live(world, client, 2)
    (found,) = client.measure(looks=3)
    assert (found.state, found.looks) == ("no_holdout", ())


def test_fewer_than_none_are_refused(client: Client) -> None:
    """A number of looks below zero is no number of looks."""
    with pytest.raises(ConfigurationError, match="looks is -1"):
        client.measure(looks=-1)


@pytest.mark.parametrize("objective", [policy()["objectives"][0], REVENUE], ids=["first", "sum"])
def test_the_last_look_is_the_measurement(world: World, objective: dict[str, Any]) -> None:
    """What the last look says is what the measurement says (M5, M6)."""
    client = world.client(policy(holdouts=HALF, objectives=[objective]))
    live(world, client, 400)
    (found,) = client.measure(looks=7)
    last = found.looks[-1]
    assert last.state == found.state == "measured"
    assert said(last)[:-1] == said(found)[:-1]
    assert last.absolute is not None
    assert found.absolute is not None
    for name in ("estimate", "lower", "upper"):
        assert getattr(last.absolute, name) == pytest.approx(getattr(found.absolute, name))


def test_a_look_is_what_was_measured_then(client: Client, world: World) -> None:
    """Each look says what a measurement of that instant said, and nothing it learned later (M5)."""
    began = world.clock.now()
    then = {}
    for number in range(1, 5):
        for n, name in enumerate(people(client, [f"u-{number}-{n}" for n in range(60)])):
            show(client, name)
            if n % 3:
                client.emit("order_completed", subject=name)
        world.clock.set(began + number * 0.75 * DAY)
        (now,) = client.measure()
        then[now.as_of] = said(now)
        world.clock.move(HOUR)
    world.clock.set(began + 3.0 * DAY)
    (found,) = client.measure(looks=4)
    assert [said(look) for look in found.looks] == [then[look.as_of] for look in found.looks]
    assert {state for _, state, *_ in then.values()} == {"still_measuring", "measured"}


def put(client: Client, trials: list[Trial]) -> None:
    """Store trials as they are."""
    with embedded(client).store.write() as write:
        for trial in trials:
            write.put_trial((0, "default"), "default", trial)


@given(
    seed=st.integers(0, 10**6),
    number=st.integers(1, 400),
    treated=st.sampled_from([0.5, 0.5, 0.5, 0.9]),
    looks=st.integers(1, 12),
)
def test_every_look_agrees_with_a_measurement(
    seed: int, number: int, treated: float, looks: int
) -> None:
    """Whoever came when: a look and a measurement at its instant agree (M5, M6, M8)."""
    chance = random.Random(seed)
    world = World("memory://")
    client = world.client(policy(holdouts=HALF))
    compiled = embedded(client).compiled()
    assert compiled is not None
    (holdout,) = compiled.slots["hero"].holdouts
    began = world.clock.now()
    trials = [
        Trial(
            experiment="half",
            epoch=holdout.epoch,
            subject=f"u-{n}",
            arm="treated" if chance.random() < treated else "holdout",
            triggered_at=began + chance.choice([0.0, 0.5, 1.0, chance.uniform(0.0, 3.0)]) * DAY,
            policy_version="1",
            left_at=began if chance.random() < 0.05 else None,
            values={"orders": (1.0, 1, 0.0)} if chance.random() < 0.4 else {},
        )
        for n in range(number)
    ]
    put(client, trials)
    world.clock.set(began + 3.0 * DAY)
    found = client.measure(looks=looks)[0].looks
    for look in found:
        world.clock.set(look.as_of.timestamp())
        (then,) = client.measure()
        assert said(look) == said(then)
        assert 0 <= look.maturing <= look.subjects
        assert (look.absolute is not None) == (look.state == "measured")
    subjects = [look.subjects for look in found]
    assert subjects == sorted(subjects)
    world.close()


def test_no_interval_where_the_arms_cannot_be_trusted(client: Client, world: World) -> None:
    """A look whose arms have the wrong sizes gives no interval, one before may (M8)."""
    live(world, client, 200)
    world.clock.move(2 * DAY)
    (before,) = client.measure(looks=1)
    with embedded(client).store.read() as read:
        [trial] = [one for one in read.trials("default", "half") if one.subject == "u-0"]
    late = evolve(trial, arm="treated", triggered_at=world.clock.now() + HOUR)
    put(client, [evolve(late, subject=f"v-{n}") for n in range(600)])
    world.clock.move(DAY)
    (found,) = client.measure(looks=8)
    assert before.looks[-1].state == "measured"
    assert found.looks[-1].state == found.state == "not_trustworthy"
    assert found.looks[-1].absolute is None
    assert "measured" in {look.state for look in found.looks}


def test_who_is_triggered_later_is_not_in_a_measurement_of_before(
    client: Client, world: World
) -> None:
    """A measurement as of an instant counts nobody who came after it (M5)."""
    live(world, client, 4)
    world.clock.move(-2 * HOUR)
    (found,) = client.measure()
    assert sum(arm.subjects for arm in found.arms) == 3


def test_the_shares_are_those_of_what_was_chosen(client: Client, world: World) -> None:
    """Between two looks the treated were shown what the shares say, slot by slot."""
    looks = 5
    made = live(world, client, 40)
    (found,) = client.measure(looks=looks)
    shown: defaultdict[int, Counter[str]] = defaultdict(Counter)
    ends = [look.as_of for look in found.looks]
    for decision in made:
        look = next(n for n, end in enumerate(ends) if decision.decided_at <= end)
        if decision.holdout.arm == "treated":
            shown[look][decision.creative] += 1
    for n, look in enumerate(found.looks):
        assert look.shares == {
            "hero": {name: count / shown[n].total() for name, count in shown[n].items()}
        }
    assert sum(look.decisions for look in found.looks) == len(made)


def test_a_look_tells_what_fell_back(world: World, client: Client) -> None:
    """The share of fall-backs is of the decisions since the look before; of none there is none."""
    people(client, ["u-1"])
    show(client, "u-1")
    world.clock.move(DAY)
    client.decide("hero", subject="nobody-allowed")
    show(client, "u-1")
    world.clock.move(DAY)
    (found,) = client.measure(looks=4)
    assert [(look.decisions, look.fallback) for look in found.looks] == [
        (1, 0.0),
        (2, 0.5),
        (0, None),
        (0, None),
    ]
    assert found.looks[2].shares == {}


def test_what_does_not_count_is_in_no_look(world: World, client: Client) -> None:
    """Bots are in neither the decisions nor the shares of a look (F3)."""
    people(client, ["u-1"])
    show(client, "u-1")
    client.decide("hero", subject="u-1", traffic="bot")
    world.clock.move(DAY)
    (found,) = client.measure(looks=1)
    assert found.looks[0].decisions == 1
    assert found.excluded == {"bot": 1}


@pytest.mark.parametrize("looks", [0, 1, 9])
def test_the_decisions_are_read_once(looks: int) -> None:
    """However many looks, objectives and holdouts, they are scanned once, or never."""
    stores: list[Counting] = []

    def wrap(store: Store) -> Any:
        stores.append(Counting(store))
        return stores[-1]

    world = World("memory://", wrap=wrap)
    both = [{"id": name, "signal": f"{name}_done", "window_seconds": DAY} for name in ("a", "b")]
    weights = [{"id": "a", "weight": 1}, {"id": "b", "weight": 1}]
    client = world.client(
        policy(
            objectives=both,
            slots=[slot(objective=weights)],
            holdouts=[*HALF, {"id": "hero_only", "salt": "t", "share": 0.5, "scope": ["hero"]}],
        )
    )
    live(world, client, 10)
    assert len(client.measure(looks=looks)) == 4
    assert stores[-1].scans["decision"] == int(looks > 0)
    world.close()
