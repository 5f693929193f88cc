"""A world per test, once in memory and once in an SQLite file; one whose store can hang."""

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from clew import Client, threads
from clew.backends.base import Store
from clew.threads import THREADS_MAX
from client.stores import HUNG, PATIENCE_SECONDS, Hanging
from client.worlds import World


@pytest.fixture(params=["memory", "sqlite"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """An empty store, a clock that stands still, and no client yet."""
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/shop.db"
    world = World(url)
    yield world
    world.close()


@pytest.fixture
def client(world: World) -> Client:
    """A client over the standard policy, in whom `u-1` has allowed to personalise."""
    client = world.client()
    client.consent("u-1", grant=["personalise"], source="test")
    return client


@pytest.fixture
def hanging(world: World) -> Iterator[tuple[Client, Hanging]]:
    """A client over a store that can be made to hang, and `u-1` who may be personalised for."""
    stores: list[Hanging] = []

    def wrap(store: Store) -> Store:
        stores.append(Hanging(store))
        return stores[-1]  # type: ignore[return-value]

    world.wrap = wrap
    client = world.client(HUNG)
    client.consent("u-1", grant=["personalise"])
    yield client, stores[0]
    stores[0].go_on()


@pytest.fixture
def busy() -> Iterator[threading.Event]:
    """Every thread that may wait for a store is taken until the event is set."""
    free = threading.Event()
    wait = partial(free.wait, PATIENCE_SECONDS)
    pools = (threads._pool, threads._deciding)
    calls = [pool.submit(wait) for pool in pools for _ in range(THREADS_MAX)]
    yield free
    free.set()
    assert all(call.result() for call in calls)
