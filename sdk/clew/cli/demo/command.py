"""`clew demo`: what it runs, how long, and what to try next."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.live import Live

from clew.cli.demo.screen import screen
from clew.cli.demo.world import World
from clew.cli.show import console, print_json, tell
from clew.codec import to_json

__all__ = ["demo"]

_NEXT = (
    "clew demo --once --null     all creatives equally good: see that no lift is claimed",
    "clew import FILE --map MAP  your own order history, as in examples/order_history",
    "clew policy describe PATH   your own policy, in plain sentences",
)

#: People between two looks at the figures.
_STEP = 250
#: Without `--once`, a pause after each step, in seconds, so that one can watch.
_PAUSE = 1.0


@click.command()
@click.option("--once", is_flag=True, help="End after so many visitors, with everybody counted.")
@click.option("--visitors", default=4000, show_default=True, type=click.IntRange(1, 1_000_000))
@click.option("--seed", default=7, show_default=True, help="The same seed gives the same run.")
@click.option("--null", is_flag=True, help="Make all creatives equally good.")
@click.option("--json", "as_json", is_flag=True, help="Print the measurement as JSON at the end.")
def demo(*, once: bool, visitors: int, seed: int, null: bool, as_json: bool) -> None:
    """
    Watch clew learn and measure: simulated people in simulated time.

    Nothing of it is kept. Without --once it goes on until Ctrl-C.
    """
    with TemporaryDirectory(prefix="clew-demo-") as folder:
        world = World.open(f"sqlite:///{Path(folder) / 'demo.db'}", seed=seed, null=null)
        with world.client:
            try:
                with _shown(world, as_json=as_json) as look:
                    _run(world, visitors if once else None, look)
            except KeyboardInterrupt:
                pass
            world.wait()
            found = world.measure()
            if as_json:
                print_json(to_json(found))
                return
            console().print(screen(world, found))
    tell("Try next:")
    for line in _NEXT:
        tell(f"  {line}")


def _run(world: World, visitors: int | None, look: Callable[[], None]) -> None:
    while visitors is None or world.visitors < visitors:
        world.live(_STEP if visitors is None else min(_STEP, visitors - world.visitors))
        look()
        if visitors is None:
            time.sleep(_PAUSE)


@contextmanager
def _shown(world: World, *, as_json: bool) -> Iterator[Callable[[], None]]:
    """Show the world as it goes where somebody looks; else the last screen says it all."""
    live = Console()
    if as_json or not live.is_terminal:
        yield lambda: None
        return
    with Live(console=live, transient=True, auto_refresh=False) as picture:
        yield lambda: picture.update(screen(world, world.measure()), refresh=True)
