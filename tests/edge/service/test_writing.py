"""Group commit: who waits at the same time shares a transaction, and has an answer of its own."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from clew import BackendUnavailableError
from clew.model.batch import ItemResult
from clew_edge.service.writing import GROUP_ITEMS, Writer


def item(name: str) -> bytes:
    """An encoded item."""
    return orjson.dumps({"signal": {"id": name}})


class Store:
    """Takes groups; the first waits until it is let go, so that others gather behind it."""

    def __init__(self, poison: str = "") -> None:
        self.groups: list[list[str]] = []
        self.poison = poison
        self.goes = threading.Event()
        self.reached = threading.Event()

    def append(self, items: list[bytes]) -> list[ItemResult]:
        """Store all or none."""
        names = [orjson.loads(one)["signal"]["id"] for one in items]
        self.reached.set()
        assert self.goes.wait(60)
        if "sick" in names:
            raise BackendUnavailableError("sick")
        if self.poison in names:
            raise ValueError("poison")
        self.groups.append(names)
        return [ItemResult(id=name, status="applied") for name in names]


def gathered(store: Store, *requests: list[str]) -> list[Any]:
    """Send a request, and while it is stored all others; gives what each was answered."""
    writer = Writer(store.append, "writer")

    async def main() -> list[Any]:
        first = asyncio.ensure_future(writer.append([item("first")]))
        await asyncio.to_thread(store.reached.wait, 60)
        others = [asyncio.ensure_future(writer.append(list(map(item, one)))) for one in requests]
        await asyncio.sleep(0)
        store.goes.set()
        return (await asyncio.gather(first, *others, return_exceptions=True))[1:]

    try:
        return asyncio.run(main())
    finally:
        writer.close(60)


def statuses(answer: list[ItemResult]) -> list[tuple[str, str]]:
    """What became of each item."""
    return [(one.id, one.status) for one in answer]


def test_requests_share_a_transaction() -> None:
    """Requests that come while one is stored are stored together, in order; each has its own."""
    store = Store()
    answers = gathered(store, ["a", "b"], ["c"])
    assert store.groups == [["first"], ["a", "b", "c"]]
    assert list(map(statuses, answers)) == [
        [("a", "applied"), ("b", "applied")],
        [("c", "applied")],
    ]


def test_a_group_has_a_bound() -> None:
    """A group is closed when it is long enough; what came later is in the next."""
    store = Store()
    gathered(store, [f"a-{n}" for n in range(GROUP_ITEMS)], ["b"])
    assert [len(group) for group in store.groups] == [1, GROUP_ITEMS, 1]


def test_one_fact_at_fault_is_refused_alone() -> None:
    """A fact that the store cannot keep fails neither its request nor its group."""
    store = Store(poison="c")
    first, second = gathered(store, ["a", "b"], ["c", "d"])
    assert statuses(first) == [("a", "applied"), ("b", "applied")]
    assert statuses(second) == [("c", "refused"), ("d", "applied")]


def test_a_sick_store_is_told_to_everybody() -> None:
    """When the store does not answer, all of the group hear of it and send again."""
    answers = gathered(Store(), ["a"], ["sick"])
    assert [type(one) for one in answers] == [BackendUnavailableError] * 2


def test_the_end_waits_for_what_was_accepted() -> None:
    """Closing stores what waits; afterwards nothing is taken."""
    store = Store()
    store.goes.set()
    writer = Writer(store.append, "writer")

    async def main(then: Callable[[], None]) -> list[ItemResult]:
        waiting = asyncio.ensure_future(writer.append([item("a")]))
        await asyncio.sleep(0)
        await asyncio.to_thread(then)
        return await waiting

    assert statuses(asyncio.run(main(lambda: writer.close(60)))) == [("a", "applied")]
    with pytest.raises(BackendUnavailableError):
        asyncio.run(writer.append([item("b")]))


def test_facts_at_fault_are_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    """However many facts fail alike, the log has one traceback of it."""
    store = Store(poison="c")
    (answer,) = gathered(store, ["c"] * 50)
    assert statuses(answer) == [("c", "refused")] * 50
    [record] = caplog.records
    assert record.exc_info is not None
