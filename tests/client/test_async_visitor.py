"""A visitor for asyncio: the same memo, on a loop that never waits."""

import asyncio
import threading
from functools import partial

import pytest
from attrs import evolve

from clew import AsyncClient, AsyncVisitor, threads
from clew.memo import Memo
from clew.threads import THREADS_MAX
from client.stores import (
    LATE_MS,
    PATIENCE_SECONDS,
    SOON_MS,
    HandLoop,
    outcomes,
    recorded,
    run_by_hand,
    until,
    wait_for,
)


def test_it_is_the_visitor(client):
    """Both faces of a visitor are one person, and share what was decided."""
    visitor = client.visitor("a-1", channel="web", context={"town": "Basel"})
    both = AsyncVisitor(visitor)

    async def loop() -> None:
        first = await both.decide("hero")
        assert visitor.decide("hero") is first
        assert both.asked == {"hero": first}
        await both.identify("u-1")
        assert (both.subject, both.anonymous_subject) == ("u-1", "a-1")
        assert (both.channel, both.context["town"]) == ("web", "Basel")
        both.emit("product_viewed", {"sku": "a"})
        assert (await both.profile()).computed["views"] == 1
        made = await both.decide_all(["hero", "none"])
        assert [one.reason for one in made.values()] == ["bandit", "unknown_slot"]
        assert both.report(made["hero"], "displayed", view_id="v-1") == "applied"
        await both.consent(withdraw=["personalise"])
        assert both.may_store is False
        assert (await both.decide("hero")).reason == "consent_denied"
        assert both.logout() == visitor.subject

    asyncio.run(loop())


def test_what_is_decided_needs_no_thread(hanging, busy):
    """A slot that was decided before is answered while every thread is taken."""
    client, _ = hanging
    visitor = client.visitor("u-1")
    ahead = visitor.decide("hero")

    async def loop() -> None:
        assert await AsyncVisitor(visitor).decide("hero") is ahead

    asyncio.run(loop())
    assert not busy.is_set()


def test_a_view_and_a_prefetch_decide_once(hanging):
    """A view in a thread that asks for what is being decided ahead waits for that decision."""
    client, store = hanging
    both = AsyncClient.over(client).visitor("u-1")

    async def loop() -> None:
        store.hang()
        ahead = asyncio.create_task(both.prepare(["hero", "kept"]))
        await until(store.reached.is_set)
        view = asyncio.create_task(asyncio.to_thread(both.visitor.decide, "hero"))
        markup = asyncio.create_task(both.decide("hero"))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not view.done()
        store.go_on()
        await ahead
        assert await view is await markup is both.decided["hero"]

    asyncio.run(loop())
    assert sorted(recorded(client).values()) == ["hero", "kept"]


def test_a_late_prefetch(hanging):
    """After the deadline markup and view have the default, and the late answer is void (D8)."""
    client, store = hanging
    client.decide("hero", subject=None)
    client.flush()  # else the outbox may be who reaches the store
    both = AsyncClient.over(client).visitor("u-1")

    async def main(loop: HandLoop) -> None:
        store.hang()
        ahead = loop.create_task(both.prepare(["hero"], deadline_ms=LATE_MS))
        await until(store.reached.is_set)
        loop.expire()
        await ahead
        decision = await both.decide("hero")
        assert (decision.reason, decision.creative) == ("deadline", "plain")
        store.go_on()
        await until(lambda: outcomes(client))
        assert both.visitor.decide("hero") is decision

    run_by_hand(main)
    assert [type for _, type in outcomes(client)] == ["voided"]


def test_a_view_has_its_own_deadline(hanging):
    """A view that waits for somebody else's decision waits until its deadline only (D2)."""
    client, store = hanging
    client.decide("hero", subject=None)
    client.flush()  # else the outbox may be who reaches the store
    both = AsyncClient.over(client).visitor("u-1")

    async def loop() -> None:
        store.hang()
        ahead = asyncio.create_task(both.prepare(["hero"], deadline_ms=LATE_MS))
        await until(store.reached.is_set)
        decision = await asyncio.to_thread(both.visitor.decide, "hero", deadline_ms=SOON_MS)
        assert decision.reason == "deadline"
        store.go_on()
        await ahead
        assert await both.decide("hero") is decision

    asyncio.run(loop())
    assert [type for _, type in outcomes(client)] == ["voided"]


@pytest.mark.parametrize("finish_first", [False, True])
@pytest.mark.parametrize("operation", ["decide_all", "prepare"])
def test_the_request_ends_while_it_is_decided(hanging, operation, finish_first):
    """What arrives when its request is over, or when whoever asked has gone, is voided (D8)."""
    client, store = hanging
    both = AsyncClient.over(client).visitor("u-1")

    async def loop() -> None:
        store.hang()
        asked = asyncio.create_task(getattr(both, operation)(["hero"]))
        await until(store.reached.is_set)
        if finish_first:
            both.visitor.finish()
        asked.cancel()
        await asyncio.wait((asked,))
        if not finish_first:
            both.finish()
        store.go_on()
        await until(lambda: outcomes(client))

    asyncio.run(loop())
    (late,) = recorded(client)
    assert outcomes(client) == [(late, "voided")]
    assert both.decided == {}


def test_an_answer_on_its_way_back(hanging):
    """An answer that is at the door when whoever asked goes, after the end, is voided (D8)."""
    client, store = hanging
    both = AsyncClient.over(client).visitor("u-1")

    async def loop() -> None:
        store.hang()
        asked = asyncio.create_task(both.decide("hero"))
        await until(store.reached.is_set)
        both.visitor.finish()
        store.go_on()
        wait_for(lambda: both.decided)  # the loop has not heard of it yet
        asked.cancel()
        await asyncio.wait((asked,))
        assert asked.cancelled()
        await until(lambda: outcomes(client))

    asyncio.run(loop())
    assert both.decided == {}


def test_what_somebody_else_has_stands(hanging):
    """A decision that a view has got is not voided because another who asked has gone (D8)."""
    client, store = hanging
    both = AsyncClient.over(client).visitor("u-1")

    async def loop() -> None:
        shown = await both.decide("hero")
        client.flush()  # else the outbox may be who reaches the store
        store.hang()
        asked = asyncio.create_task(both.decide_all(["hero", "kept"]))
        await until(store.reached.is_set)
        asked.cancel()
        await asyncio.wait((asked,))
        store.go_on()
        both.visitor.finish()
        await until(lambda: outcomes(client))
        assert both.asked == {"hero": shown}

    asyncio.run(loop())
    made = recorded(client)
    assert [made[name] for name, _ in outcomes(client)] == ["kept"]


def test_the_end_of_a_request_is_waited_for_by_nobody(hanging, busy):
    """`finish` comes back while every thread is taken, and is done when one is free (D8)."""
    client, _ = hanging
    both = AsyncVisitor(client.visitor("u-1"))
    both.visitor.prepare(["hero"])
    both.finish()
    assert outcomes(client) == []
    busy.set()
    asyncio.run(until(lambda: outcomes(client)))


def test_visitors_without_end(hanging):
    """More requests at once than there are threads each get their own decision."""
    client, _ = hanging
    barrier = threading.Barrier(THREADS_MAX + 1)
    wait = partial(barrier.wait, PATIENCE_SECONDS)
    started = [threads._deciding.submit(wait) for _ in range(THREADS_MAX)]

    async def loop() -> None:
        visitors = [AsyncClient.over(client).visitor("u-1") for _ in range(3 * THREADS_MAX)]
        asked = [asyncio.create_task(visitor.decide("hero")) for visitor in visitors]
        await asyncio.to_thread(barrier.wait, PATIENCE_SECONDS)
        made = await asyncio.gather(*asked)
        assert len({one.id for one in made}) == len(visitors)

    asyncio.run(loop())
    assert len({call.result() for call in started}) == THREADS_MAX


def test_a_decision_that_is_kept_meanwhile_is_not_voided(client):
    """While one thread decides nobody recalls; the same decision, kept, is no other one (D8)."""
    made = client.decide("hero", subject="u-1")
    core = Recalling(made)
    memo = core.memo = Memo(core)
    asked = {"default": None, "deadline_ms": None, "request_id": None, "traffic": "human"}
    whose = {"subject": "u-1", "context": {}, "anonymous_subject": None, "session_id": None}
    memo.take(["hero"], None)
    memo.fill(["hero"], **asked, **whose)
    assert core.recalled == [False]
    assert memo.recall(["none"], **asked, **whose)
    memo._made.pop("hero")
    assert memo.recall(["hero"], **asked, **whose)
    assert memo._keep({"hero": made}) == []
    assert core.voided == []


class Recalling:
    """A core that is asked to recall while it decides."""

    def __init__(self, made):
        self.made, self.memo = made, None
        self.recalled, self.voided = [], []

    def check_open(self):
        pass

    def decide(self, slots, **asked):
        self.recalled.append(self.memo.recall(slots, **asked))
        return {"hero": self.made}

    def recall(self, slots, **_):
        return {slot: evolve(self.made, cache="hit") for slot in slots}

    def void(self, decisions):
        self.voided += decisions
