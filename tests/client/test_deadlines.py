"""A store that hangs holds up neither the event loop nor an answer that has a deadline (D2, D8)."""

import asyncio

import pytest

from clew import AsyncClient
from clew.backends.embedded import Embedded
from clew.backends.memory import MemoryStore
from clew.threads import THREADS_MAX
from client.stores import (
    LATE_MS,
    SOON_MS,
    HandLoop,
    Hanging,
    outcomes,
    recorded,
    run_by_hand,
    until,
)


def test_a_late_answer_is_voided(hanging):
    """At the deadline the policy's default is the answer; the late one counts for nothing (D8)."""
    client, store = hanging
    client.decide("hero", subject=None)
    (before,) = recorded(client)

    async def main(loop: HandLoop) -> None:
        both = AsyncClient.over(client)
        store.hang()
        asking = loop.create_task(both.decide("hero", subject="u-1", deadline_ms=LATE_MS))
        await until(store.reached.is_set)
        loop.expire()
        decision = await asking
        assert (decision.reason, decision.creative, decision.token) == ("deadline", "plain", None)
        assert decision.get("headline") == "plain"
        store.go_on()
        await until(lambda: outcomes(client))

    run_by_hand(main)
    (late,) = recorded(client).keys() - {before}
    assert outcomes(client) == [(late, "voided")]
    assert client.decisions("u-1") == []


def test_a_kept_decision_stands(hanging):
    """A decision that was shown before is not voided because it came late this time (D8)."""
    client, store = hanging
    kept = client.decide("kept", subject="u-1")
    client.flush()  # else the outbox may be who reaches the store

    async def main(loop: HandLoop) -> None:
        both = AsyncClient.over(client)
        store.hang()
        slots = ["kept", "hero"]
        asking = loop.create_task(both.decide_all(slots, subject="u-1", deadline_ms=LATE_MS))
        await until(store.reached.is_set)
        loop.expire()
        assert [one.reason for one in (await asking).values()] == ["deadline", "deadline"]
        store.go_on()
        await until(lambda: outcomes(client))

    run_by_hand(main)
    made = recorded(client)
    assert [(made[name], type) for name, type in outcomes(client)] == [("hero", "voided")]
    assert client.decide("kept", subject="u-1").id == kept.id


def test_a_default_before_the_policy_was_seen():
    """As long as nothing is known of the policy, the caller's default is the content (D2)."""

    async def loop() -> None:
        store = Hanging(MemoryStore())
        async with AsyncClient(backend=Embedded(store)) as client:
            store.hang()
            decision = await client.decide(
                "hero", subject=None, default={"headline": "Hi"}, deadline_ms=SOON_MS
            )
            store.go_on()
        assert (decision.reason, decision.creative) == ("deadline", None)
        assert decision.get("headline") == "Hi"

    asyncio.run(loop())


def test_what_has_not_begun_never_does(hanging, busy):
    """A decision that no thread was free for by its deadline is not made at all."""
    client, _ = hanging

    async def loop() -> None:
        both = AsyncClient.over(client)
        decision = await both.decide("hero", subject="u-1", deadline_ms=SOON_MS)
        assert decision.reason == "deadline"
        busy.set()
        # It waits in the same queue, so when it is made the other would have been made before.
        assert (await both.decide("kept", subject="u-1")).reason == "bandit"

    asyncio.run(loop())
    assert list(recorded(client).values()) == ["kept"]
    assert outcomes(client) == []


@pytest.mark.parametrize("deadline_ms", [None, LATE_MS])
def test_nobody_gets_the_answer(hanging, deadline_ms):
    """When whoever waits is cancelled, the decision that nobody got is voided (D8)."""
    client, store = hanging

    async def loop() -> None:
        both = AsyncClient.over(client)
        store.hang()
        asking = asyncio.create_task(
            both.decide("hero", subject="u-1", deadline_ms=deadline_ms), name="asking"
        )
        await until(store.reached.is_set)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        store.go_on()
        await until(lambda: outcomes(client))

    asyncio.run(loop())
    (late,) = recorded(client)
    assert outcomes(client) == [(late, "voided")]


def test_the_loop_goes_on(hanging):
    """While more decisions hang than there are threads, the loop and its own threads are free."""
    client, store = hanging

    async def loop() -> None:
        both = AsyncClient.over(client)
        store.hang()
        asked = [
            asyncio.create_task(both.decide("hero", subject=f"u-{n}"))
            for n in range(2 * THREADS_MAX)
        ]
        await until(store.reached.is_set)
        for _ in range(1_000):
            await asyncio.sleep(0)
        assert await asyncio.to_thread(lambda: "free") == "free"
        assert not any(task.done() for task in asked)
        store.go_on()
        made = await asyncio.gather(*asked)
        assert {one.reason for one in made} == {"bandit", "consent_denied"}

    asyncio.run(loop())


def test_a_client_is_closed_while_no_thread_is_free(hanging, busy):
    """Closing waits for no thread that hangs."""
    client, _ = hanging
    assert asyncio.run(AsyncClient.over(client).close()) == 0
    assert not busy.is_set()


def test_misuse_is_raised_where_it_is_awaited(hanging):
    """What is a mistake of the program is raised, deadline or not."""
    client, _ = hanging

    async def loop() -> None:
        with pytest.raises(TypeError, match="context"):
            await AsyncClient.over(client).decide(
                "hero", subject="u-1", context=5, deadline_ms=LATE_MS
            )

    asyncio.run(loop())
