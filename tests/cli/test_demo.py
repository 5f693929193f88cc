"""`clew demo` learns, measures and is honest about what it is."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result

from clew.cli.demo.screen import screen
from clew.cli.demo.world import World
from clew.cli.show import console

Run = Callable[..., Result]


def measured(run: Run, *words: object) -> Any:
    """The measurement at the end of a run."""
    result = run("demo", "--once", "--json", *words)
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def test_it_shows_a_lift_and_what_to_try(run: Run) -> None:
    """By default the interval excludes zero, and the end names three things to try."""
    result = run("demo", "--once")
    assert result.exit_code == 0
    for said in ("Simulated people in simulated time", "synthetic", "excludes zero"):
        assert said in result.stdout
    _, _, after = result.stdout.partition("Try next:")
    assert len(after.strip().splitlines()) == 3


def test_null_claims_nothing(run: Run) -> None:
    """With all creatives equally good the interval holds zero (M6)."""
    found = measured(run, "--null")
    assert found["absolute"]["lower"] < 0.0 < found["absolute"]["upper"]


def drawn(found: Any) -> dict[str, int]:
    """How often each creative was drawn."""
    return {one["creative"]: one["decisions"] for one in found["creatives"]}


def test_a_seed_gives_the_same_run(run: Run) -> None:
    """The same seed measures the same, another one something else."""
    one, same, other = (measured(run, "--visitors", 400, "--seed", seed) for seed in (1, 1, 2))
    for name in ("arms", "attributed", "sample_ratio"):
        assert one[name] == same[name]
    assert drawn(one) == drawn(same) != drawn(other)


def test_everybody_is_counted_at_the_end(run: Run) -> None:
    """At the end nobody is still inside the window (M5), and everybody has an arm."""
    found = measured(run, "--visitors", 300)
    assert sum(arm["subjects"] for arm in found["arms"]) == 300
    assert [arm["maturing"] for arm in found["arms"]] == [0, 0]


@pytest.fixture
def world() -> Any:
    """A small world in memory."""
    made = World.open("memory://", seed=3, null=False)
    with made.client:
        yield made


def test_the_screen_tells_who_is_maturing(world: World) -> None:
    """While it runs the screen shows the treated's traffic, and how many are still maturing."""
    world.live(50)
    picture = console()
    with picture.capture() as captured:
        picture.print(screen(world, world.measure()))
    said = captured.get()
    assert "50 people" in said
    assert "maturing (still inside their window): 50" in said
    assert abs(sum(world.shares.values()) - 1.0) < 1e-9


def test_nothing_is_lost(world: World) -> None:
    """The demo's traffic is taken whole: no loss is counted."""
    world.live(100)
    assert world.client.losses == {}
