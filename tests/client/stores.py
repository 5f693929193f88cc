"""A store that hangs, and what is to be seen of it while and after it does."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import orjson

from clew import Client
from clew.backends.base import Store
from client.worlds import creative, embedded, policy, slot

__all__ = [
    "HUNG",
    "LATE_MS",
    "PATIENCE_SECONDS",
    "SOON_MS",
    "HandLoop",
    "Hanging",
    "outcomes",
    "recorded",
    "run_by_hand",
    "until",
    "wait_for",
]

#: A slot that draws anew each time, and one that gives the same decision again.
HUNG = policy(
    slots=[slot(), slot("kept", sticky="session")],
    creatives=[creative(name, "hero", "kept") for name in ("plain", "fresh", "usual")],
)
#: So short that it passes while the store hangs, whatever the machine.
SOON_MS = 1.0
#: So long that no test waits for it to pass.
LATE_MS = 3_600_000.0

#: Long enough for the slowest machine; whoever waits in vain fails by it.
PATIENCE_SECONDS = 60


class Hanging:
    """A store whose calls wait while it is told to hang."""

    def __init__(self, store: Store) -> None:
        self.store = store
        #: Set once a call has been made that waits.
        self.reached = threading.Event()
        self._free = threading.Event()
        self._free.set()

    def hang(self) -> None:
        """From now on every call waits."""
        self.reached.clear()
        self._free.clear()

    def go_on(self) -> None:
        """Let everybody go on."""
        self._free.set()

    def __getattr__(self, name: str) -> Any:
        given = getattr(self.store, name)

        def call(*args: Any) -> Any:
            if not self._free.is_set():
                self.reached.set()
                assert self._free.wait(PATIENCE_SECONDS)
            return given(*args)

        return call


class HandLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is moved by hand."""

    _now = 0.0

    def time(self) -> float:
        """So many seconds since it began."""
        return self._now

    def expire(self) -> None:
        """Let every deadline pass that any test sets."""
        self._now += LATE_MS


def run_by_hand(main: Callable[[HandLoop], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine on a loop whose time is moved by hand."""
    loop = HandLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main(loop))


def wait_for(condition: Callable[[], Any]) -> None:
    """Hold this thread up until something holds that happens on other threads."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end


async def until(condition: Callable[[], Any]) -> None:
    """Give way to everybody else until something holds that happens on other threads."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0)


def outcomes(client: Client) -> list[tuple[str, str]]:
    """Of every stored outcome, the decision and the type."""
    client.flush()
    facts = map(orjson.loads, embedded(client).store.facts_of("default", "outcome"))
    return [(fact["decision"], fact["type"]) for fact in facts]


def recorded(client: Client) -> dict[str, str]:
    """By the id of every stored decision, its slot."""
    client.flush()
    facts = map(orjson.loads, embedded(client).store.facts_of("default", "decision"))
    return {fact["id"]: fact["slot"] for fact in facts}
