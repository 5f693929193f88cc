"""
The threads on which clients for asyncio wait for the store: of a process, those for decisions and
those for all else.

They are clew's own: the event loop's default pool is small, and a store that hangs would take it
from the application. They are daemons, so that such a store does not hold up the end of the
process either; whatever must survive it is in the spool before anybody waits.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeAlias, TypeVar
from weakref import WeakSet

__all__ = ["THREADS_MAX", "Pool", "alone", "submit", "waited", "within"]

P = ParamSpec("P")
T = TypeVar("T")

#: How many calls wait for a store at once; further ones queue.
THREADS_MAX = 16

_Call: TypeAlias = tuple["Future[Any]", Callable[[], Any]]


class Pool:
    """
    Daemon threads, started as they are needed; the same calls as of an `Executor`, in short.

    Threads are not in the child of a fork, and what they were to do is the parent's: there the pool
    begins anew.

    Args:
        threads_max: how many calls run at once; further ones queue.
    """

    def __init__(self, threads_max: int = THREADS_MAX) -> None:
        self._threads_max = threads_max
        self._begin()
        _pools.add(self)

    def _begin(self) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._starting = threading.Lock()
        self._started = 0

    def submit(self, call: Callable[[], T]) -> "Future[T]":
        """Have a thread make the call, in the context of whoever submits it."""
        future: Future[T] = Future()
        self._calls.put((future, partial(copy_context().run, call)))
        if not self._idle.acquire(blocking=False):
            self._start()
        return future

    def close(self) -> None:
        """Let the threads go once what was submitted is done; nothing is submitted after it."""
        with self._starting:
            for _ in range(self._started):
                self._calls.put(None)

    def _start(self) -> None:
        with self._starting:
            if self._started < self._threads_max:
                self._started += 1
                name = f"clew-{self._started}"
                threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            _answer(*call)
            del call  # or an idle thread would keep what it was given
            self._idle.release()


def _answer(future: "Future[Any]", call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - it is raised where the call is awaited
        future.set_exception(error)
    else:
        future.set_result(result)


_pools: "WeakSet[Pool]" = WeakSet()
_pool = Pool()
#: Decisions are waited for by pages, and nobody's profile that hangs keeps one waiting.
_deciding = Pool()


def _after_fork_in_child() -> None:
    for pool in tuple(_pools):
        pool._begin()  # noqa: SLF001 - this file's own


os.register_at_fork(after_in_child=_after_fork_in_child)


def submit(call: Callable[P, T], *args: P.args, **named: P.kwargs) -> "Future[T]":
    """Have a call made on a thread, and do not wait for it."""
    return _pool.submit(partial(call, *args, **named))


async def waited(call: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """Wait for a call on a thread."""
    return await asyncio.wrap_future(submit(call, *args, **named))


async def alone(call: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """
    Wait for a call on a thread of its own, which is free though all others wait for a store.

    When whoever waits is cancelled the call goes on, and holds up neither the end of the event loop
    nor that of the process, as it would on a thread of the loop's.
    """
    pool = Pool(1)
    future = pool.submit(partial(call, *args, **named))
    pool.close()
    return await asyncio.wrap_future(future)


async def within(
    seconds: float | None, call: Callable[P, object], *args: P.args, **named: P.kwargs
) -> bool:
    """
    Wait for a decision to be made on a thread, so many seconds at most; whether it has ended.

    A call that has not begun by then never does; one that has goes on, and nobody hears of it. The
    same holds when whoever waits is cancelled.
    """
    future = asyncio.wrap_future(_deciding.submit(partial(call, *args, **named)))
    try:
        await asyncio.wait((future,), timeout=seconds)
    finally:
        future.cancel()
    if future.cancelled():
        return False
    future.result()
    return True
