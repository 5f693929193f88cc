"""`clew demo`: what it runs, how long, and what to try next."""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import click
import httpx
from attrs import frozen
from rich.console import Console
from rich.live import Live

from clew.cli.demo.screen import screen
from clew.cli.demo.serving import served
from clew.cli.demo.shop import OBJECTIVE, TENANT, WINDOW_SECONDS, Shop, open_shop
from clew.cli.demo.visitors import Visitors
from clew.cli.show import console, print_json, tell
from clew.codec import to_json
from clew.model.measurement import Measurement

__all__ = ["ENOUGH", "Plan", "demo", "run"]

_NEXT = (
    "clew demo --once --null     all creatives equally good: see that no lift is claimed",
    "clew import FILE --map MAP  your own order history, as in examples/order_history",
    "clew policy describe PATH   your own policy, in plain sentences",
)

#: Enough that the lift is seen whatever the seed.
ENOUGH = 1_300
#: Without `--once`, a pause between two visitors, in seconds, so that one can watch.
_PAUSE = 0.02
#: Between two looks at the figures, in seconds.
_LOOK = 0.5


@frozen
class Plan:
    """What a run is asked for."""

    port: int
    #: None: as many as come.
    visitors: int | None
    once: bool
    null: bool
    seed: int
    as_json: bool
    window_seconds: float = WINDOW_SECONDS


@click.command()
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65_535))
@click.option(
    "--visitors",
    type=click.IntRange(1, 1_000_000),
    help=f"So many simulated visitors.  [default: {ENOUGH} with --once, else no end of them]",
)
@click.option("--once", is_flag=True, help="End after the visitors, with everybody counted.")
@click.option("--null", is_flag=True, help="Make all creatives equally good.")
@click.option("--seed", default=7, show_default=True, help="The same seed, the same visitors.")
@click.option("--json", "as_json", is_flag=True, help="Print the measurement as JSON at the end.")
def demo(
    *, port: int, visitors: int | None, once: bool, null: bool, seed: int, as_json: bool
) -> None:
    """
    Open a shop that runs clew, and watch it learn and measure.

    Simulated visitors come by over HTTP, and you may, too. Nothing of it is kept. Without --once
    the shop stays open until Ctrl-C (or SIGTERM). Port 0 is any that is free.
    """
    if once and visitors is None:
        visitors = ENOUGH
    run(Plan(port, visitors, once, null, seed, as_json))


def run(plan: Plan) -> None:
    """Open the shop, let the visitors come, and print what was found."""
    with _ended_as_by_ctrl_c(), TemporaryDirectory(prefix="clew-demo-") as folder, _quiet():
        url = f"sqlite:///{Path(folder) / 'demo.db'}"
        shop = open_shop(url, seed=plan.seed, window_seconds=plan.window_seconds)
        with shop.client, served(shop.app, plan.port) as address:
            http = httpx.AsyncClient(base_url=address, headers=shop.mark, trust_env=False)
            visitors = Visitors(http, plan.seed, plan.null)
            with suppress(KeyboardInterrupt):  # enough was seen
                asyncio.run(_open(plan, shop, address, visitors))
            found = _measured(shop)
            if plan.as_json:
                print_json(to_json(found))
                return
            console().print(screen(visitors, found))
    tell("Try next:")
    for line in _NEXT:
        tell(f"  {line}")


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """Take what else ends a process, as a service manager or a closed window does, as Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not ours
        return
    names = (name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
    before = {signal.Signals[name]: signal.getsignal(signal.Signals[name]) for name in names}
    ours = [number for number, handler in before.items() if handler == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _ctrl_c)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


def _ctrl_c(_: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does at the moment; behind a shell's `&` it does nothing, so end here."""
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


@contextmanager
def _quiet() -> Iterator[None]:
    """Log errors only: that visitors come without a consent, as they should, is no news here."""
    logger = logging.getLogger("clew")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _welcome(plan: Plan, address: str) -> None:
    until = ", until all visitors are counted" if plan.once else ""
    tell(f"A pizza shop is open at {address}{until}", style="bold")
    if not plan.once:
        tell("  Open it in two browsers, or in a private window, and allow personalising in both.")
    tell(f"  {address}/_clew/why      why you see what you see")
    tell(f"  {address}/_clew/measure  what it earned")
    tell(
        "The other visitors are simulated, over HTTP: their traffic is synthetic, in the tenant "
        f"{TENANT!r}, whose policy declares that it counts. An order counts for "
        f"{plan.window_seconds:g} s after the first decision.",
        style="dim",
    )


async def _open(plan: Plan, shop: Shop, address: str, visitors: Visitors) -> None:
    """Tell where the shop is, once the loop runs that ends well by Ctrl-C; then let them come."""
    if not plan.as_json:
        _welcome(plan, address)
    with _shown(shop, visitors, as_json=plan.as_json) as look:
        await _play(plan, visitors, look)


async def _play(plan: Plan, visitors: Visitors, look: Callable[[str], None]) -> None:
    """Send the visitors; then wait for the last window to end, or for Ctrl-C."""
    looked = time.monotonic()
    async with visitors.http:
        while plan.visitors is None or visitors.count < plan.visitors:
            await visitors.visit()
            if time.monotonic() > looked + _LOOK:
                look("")
                looked = time.monotonic()
            if not plan.once:
                await asyncio.sleep(_PAUSE)
    await _mature(plan.window_seconds, look)
    while not plan.once:
        look("the shop stays open; Ctrl-C ends it")
        await asyncio.sleep(_LOOK)


async def _mature(seconds: float, look: Callable[[str], None]) -> None:
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0.0:
        look(f"everybody is counted in {left:.0f} s")
        await asyncio.sleep(min(_LOOK, left))


def _measured(shop: Shop) -> Measurement:
    (found,) = shop.client.measure(OBJECTIVE)
    return found


@contextmanager
def _shown(shop: Shop, visitors: Visitors, *, as_json: bool) -> Iterator[Callable[[str], None]]:
    """Show the figures as they come where somebody looks; else the last screen says it all."""
    live = Console()
    if as_json or not live.is_terminal:
        yield lambda _: None
        return
    with Live(console=live, transient=True, auto_refresh=False) as picture:
        yield lambda waiting: picture.update(
            screen(visitors, _measured(shop), waiting=waiting), refresh=True
        )
