"""A world per test, once in memory and once in an SQLite file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from clew import Client
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
