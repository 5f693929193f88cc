"""
Group commit: requests that wait at the same time share one transaction, on one writer thread.

A transaction costs the same for one fact as for a hundred, and writers take turns anyhow. Whoever
waits is answered after the commit, never before.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue

import orjson
from attrs import frozen

from clew.errors import BackendUnavailableError
from clew.model.batch import ItemResult
from clew.model.problem import ErrorItem
from clew_edge.service.trouble import Faults

__all__ = ["Writer"]

#: Facts in one transaction, beyond which others wait for the next one.
GROUP_ITEMS = 2_000

#: Stores encoded batch items in order, all or none.
Append = Callable[[list[bytes]], list[ItemResult]]


@frozen
class _Job:
    """One request that waits."""

    items: Sequence[bytes]
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[list[ItemResult]]"


class Writer:
    """
    The one thread that stores.

    Args:
        append: as of a backend.
        name: of the thread.
    """

    def __init__(self, append: Append, name: str) -> None:
        self._append = append
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._is_closed = False
        self._faults = Faults("a fact could not be stored and was refused")
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    async def append(self, items: Sequence[bytes]) -> list[ItemResult]:
        """
        Store items, durably; gives one result each.

        Raises:
            BackendUnavailableError: nothing was stored, or not all; send the same again.
        """
        if self._is_closed:
            raise BackendUnavailableError("the service is ending")
        loop = asyncio.get_running_loop()
        job = _Job(items, loop, loop.create_future())
        self._jobs.put(job)
        return await job.future

    def close(self, timeout: float) -> None:
        """Take no more, and store what waits, as far as *timeout* seconds allow."""
        self._is_closed = True
        self._jobs.put(None)
        self._thread.join(timeout)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs = [job]
            count = len(job.items)
            while count < GROUP_ITEMS and not self._jobs.empty():
                another = self._jobs.get()
                if another is None:
                    self._jobs.put(None)
                    break
                jobs.append(another)
                count += len(another.items)
            self._commit(jobs)

    def _commit(self, jobs: list[_Job]) -> None:
        try:
            results = self._stored([item for job in jobs for item in job.items])
        except BaseException as error:  # noqa: BLE001 - whoever waits must hear of it
            for job in jobs:
                _tell(job, error)
            return
        at = 0
        for job in jobs:
            _tell(job, results[at : at + len(job.items)])
            at += len(job.items)

    def _stored(self, items: list[bytes]) -> list[ItemResult]:
        """Store a group; if something in it is at fault, in halves, until that is alone."""
        if not items:
            return []
        try:
            return self._append(items)
        except BackendUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - one fact at fault must not fail the others
            if len(items) == 1:
                self._faults.met(error)
                return [_rejected(items[0])]
        middle = len(items) // 2
        return self._stored(items[:middle]) + self._stored(items[middle:])


def _tell(job: _Job, result: "list[ItemResult] | BaseException") -> None:
    def settle() -> None:
        if job.future.done():  # whoever waited has gone
            return
        if isinstance(result, BaseException):
            job.future.set_exception(result)
        else:
            job.future.set_result(result)

    job.loop.call_soon_threadsafe(settle)


def _rejected(item: bytes) -> ItemResult:
    ((_, fact),) = orjson.loads(item).items()
    message = "the store cannot keep this fact; the server's log says why"
    fault = ErrorItem(pointer="", keyword="rejected", message=message)
    return ItemResult(id=fact["id"], status="refused", cause="rejected", errors=(fault,))
