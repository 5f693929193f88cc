"""Event loops that are watched: whatever holds one up is a fault of clew's."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

__all__ = ["WATCHED_SECONDS", "Watch", "run_watched"]

T = TypeVar("T")

#: Whatever holds a loop up for so many seconds is reported; a store or a server that hangs is
#: waited for longer, and a machine that is merely busy takes less.
WATCHED_SECONDS = 0.9


class Watch(logging.Handler):
    """
    Notes whatever holds a loop up while the block lasts, and fails at its end if anything did.

    Args:
        seconds: how long one step of the loop may take.
    """

    def __init__(self, seconds: float = WATCHED_SECONDS) -> None:
        super().__init__(logging.WARNING)
        self._seconds = seconds
        self._seen: list[str] = []

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch a loop that is about to run."""
        loop.set_debug(True)
        loop.slow_callback_duration = self._seconds

    def emit(self, record: logging.LogRecord) -> None:
        """Note what the loop says of a step; as `logging.Handler`."""
        if " took " in record.getMessage():
            self._seen.append(record.getMessage())

    def __enter__(self) -> Self:
        logging.getLogger("asyncio").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("asyncio").removeHandler(self)
        assert not self._seen, "\n".join(("the loop was held up", *self._seen))


def run_watched(main: Coroutine[Any, Any, T], seconds: float = WATCHED_SECONDS) -> T:
    """As `asyncio.run`; fails when anything has held the loop up for so many seconds."""
    with Watch(seconds) as watch, asyncio.Runner() as runner:
        watch.watch(runner.get_loop())
        return runner.run(main)
