"""The demo's shop and its visitors in this process, on a clock that is moved by hand."""

import asyncio
import random

import httpx
from attrs import frozen

from clew.cli.demo.shop import OBJECTIVE, WINDOW_SECONDS, Shop, open_shop
from clew.cli.demo.visitors import Visitors
from clew.model.measurement import Measurement
from clew.testing import HandClock

#: Mean time between two visitors, in seconds: windows end while others still come.
BETWEEN = 1.0


@frozen
class Played:
    """What a run came to."""

    visitors: Visitors
    found: Measurement
    losses: dict[str, int]


def browser(shop: Shop, **headers: str) -> httpx.AsyncClient:
    """Something that asks the shop for pages, without a network."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(shop.app), base_url="http://shop.test", headers=headers
    )


def play(seed: int, *, null: bool = False, visitors: int, mature: bool = True) -> Played:
    """Let visitors come to the shop of a seed; then, to *mature*, wait until all are counted."""
    clock = HandClock()
    shop = open_shop("memory://", seed=seed, clock=clock)
    for middleware in shop.app.user_middleware:
        # On a busy machine some decisions would be late, and not the same ones in each run.
        middleware.kwargs["deadline_ms"] = 60_000.0
    pauses = random.Random(f"pauses {seed}")

    async def come() -> Visitors:
        async with browser(shop, **shop.mark) as http:
            people = Visitors(http, seed, null)
            for _ in range(visitors):
                clock.move(pauses.expovariate(1.0 / BETWEEN))
                await people.visit()
            return people

    with shop.client:
        people = asyncio.run(come())
        if mature:
            clock.move(WINDOW_SECONDS + 1.0)
        (found,) = shop.client.measure(OBJECTIVE)
        return Played(people, found, dict(shop.client.losses))
