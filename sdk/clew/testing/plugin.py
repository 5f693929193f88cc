"""The pytest plugin, found by itself: fixtures `clew_client` and `clew_clock`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from clew.testing.clock import HandClock
    from clew.testing.fake import FakeClient

__all__ = ["clew_client", "clew_clock"]


@pytest.fixture
def clew_clock() -> HandClock:
    """A clock that stands still until the test moves it."""
    from clew.testing.clock import HandClock

    return HandClock()


@pytest.fixture
def clew_client(clew_clock: HandClock) -> FakeClient:
    """A client that stores nothing, answers as the test fixes and records what it is told."""
    from clew.testing.fake import FakeClient

    return FakeClient(clock=clew_clock)
