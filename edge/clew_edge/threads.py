"""
Threads on which reports are made.

A report may look into the store. One that hangs must hold up neither the loop, nor the threads that
the application and Starlette share: so there are a few of our own, and what comes then queues. Nor
does it hold up the end of the process.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import ParamSpec, TypeVar

from clew.threads import Pool

__all__ = ["submit", "waited"]

P = ParamSpec("P")
T = TypeVar("T")

_pool = Pool(4)


def submit(call: Callable[P, T], *args: P.args, **named: P.kwargs) -> "Future[T]":
    """Have a call made on a thread, and do not wait for it."""
    return _pool.submit(partial(call, *args, **named))


async def waited(call: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Wait for a call on a thread."""
    return await asyncio.wrap_future(submit(call, *args, **named))
