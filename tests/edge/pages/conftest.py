"""A shop's client behind the least application."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from clew import AsyncClient
from clew.testing import HandClock
from client.worlds import policy
from edge.pages.sites import Site


@pytest.fixture
def clock() -> HandClock:
    """The time of the test."""
    return HandClock("2026-11-21T12:00:00Z")


@pytest.fixture
def make_site(clock: HandClock) -> Iterator[Any]:
    """Make a site over a policy; its visitor `u-1` has allowed to personalise."""
    made: list[Site] = []

    def make(**changes: Any) -> Site:
        site = Site(AsyncClient("memory://", policy=policy(**changes), clock=clock), clock)
        site.consent(grant=["personalise"])
        made.append(site)
        return site

    yield make
    for site in made:
        asyncio.run(site.client.close())


@pytest.fixture
def site(make_site: Any) -> Site:
    """The shop of the standard policy."""
    return make_site()


@pytest.fixture(scope="module")
def shared_site() -> Iterator[Site]:
    """One shop for all examples of a property."""
    clock = HandClock("2026-11-21T12:00:00Z")
    site = Site(AsyncClient("memory://", policy=policy(), clock=clock), clock)
    site.consent(grant=["personalise"])
    yield site
    asyncio.run(site.client.close())
