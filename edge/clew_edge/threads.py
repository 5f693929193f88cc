"""
Threads on which reports are made.

A report may look into the store. One that hangs must hold up neither the loop, nor the threads that
the application and Starlette share: so there are a few of our own, and what comes then queues. Nor
does it hold up the end of the process for longer than a moment.
"""

import asyncio
import atexit
import os
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, ParamSpec, TypeVar

from clew.threads import Pool

__all__ = ["submit", "waited"]

P = ParamSpec("P")
T = TypeVar("T")

#: How long the end of the process waits for reports, in seconds.
END_SECONDS = 1.0

_pool = Pool(4)
_under_way: "set[Future[Any]]" = set()
# A child has nothing to wait for: what is under way is its parent's.
os.register_at_fork(after_in_child=_under_way.clear)


def submit(call: Callable[P, T], *args: P.args, **named: P.kwargs) -> "Future[T]":
    """Have a call made on a thread, and do not wait for it."""
    future = _pool.submit(partial(call, *args, **named))
    _under_way.add(future)
    future.add_done_callback(_under_way.discard)
    return future


async def waited(call: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Wait for a call on a thread."""
    return await asyncio.wrap_future(submit(call, *args, **named))


@atexit.register
def _finish() -> None:
    wait(tuple(_under_way), END_SECONDS)
