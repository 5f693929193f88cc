"""Worlds for properties: an empty one per example, in memory or in an SQLite file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from client.worlds import World

Make = Callable[[], World]


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes an empty world for each example."""
    made: list[World] = []

    def anew() -> World:
        if made:
            made[-1].close()
        path = f"{tmp_path}/{len(made)}.db"
        made.append(World("memory://" if request.param == "memory" else f"sqlite:///{path}"))
        return made[-1]

    yield anew
    for world in made[-1:]:
        world.close()
