"""The client for asyncio over a server that hangs: the loop goes on, and everybody is answered."""

import asyncio
import threading
from functools import partial

import pytest

from clew import AsyncClient, ClosedError, threads
from clew.threads import THREADS_MAX, submit
from loops import run_watched
from remote.standin import PATIENCE_SECONDS
from remote.worlds import SOON_MS


def test_a_server_that_hangs_never_blocks_the_loop(remote):
    """Opening, emitting, deciding, reporting and closing leave the loop free all the while."""
    remote.allow("u-1")
    client = remote.client()
    known = client.decide("hero", subject="u-1")
    remote.server.hang()

    async def main() -> None:
        url = f"{remote.server.url}?deadline_ms={SOON_MS}"
        both = AsyncClient(url, spool=remote.folder / "other")
        for number in range(100):
            both.emit("product_viewed", subject=f"u-{number}")
        assert both.report(known, "displayed") == "queued"
        visitor = both.visitor("u-1", channel="web")
        made = await asyncio.gather(
            *(both.decide("hero", subject=f"u-{n}") for n in range(3 * THREADS_MAX)),
            visitor.decide("kept", deadline_ms=SOON_MS),
        )
        assert {one.reason for one in made} <= {"deadline", "error"}
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(both.profile("u-1"), 0.1)
        assert await both.close(0.1) > 0

    run_watched(main())


def test_the_watchdog_barks():
    """What holds the loop up is seen, so the test above can fail."""
    with pytest.raises(AssertionError, match="held up"):
        run_watched(asyncio.sleep(0), seconds=0.0)


def test_what_is_kept_needs_no_thread(remote):
    """A kept decision is answered by the loop itself, though every thread waits for something."""
    remote.allow("u-1")
    url = f"{remote.server.url}?deadline_ms={PATIENCE_SECONDS * 1_000}"
    client = AsyncClient(url, spool=remote.folder / "other")  # here it waits for the policy
    release = threading.Event()

    async def main() -> None:
        async with client:
            first = await client.decide("hero", subject="u-1")
            wait = partial(release.wait, PATIENCE_SECONDS)
            waiting = [threads._deciding.submit(wait) for _ in range(THREADS_MAX)]
            for kept in (
                client.decide("hero", subject="u-1"),
                client.visitor("u-1").decide("hero"),
            ):
                again = await asyncio.wait_for(kept, PATIENCE_SECONDS)
                assert (again.id, first.cache, again.cache) == (first.id, "miss", "hit")
            assert not any(each.done() for each in waiting)
            release.set()
            with pytest.raises(TypeError, match="default is a mapping"):
                await client.decide("hero", subject="u-1", default="none")
        with pytest.raises(ClosedError):
            await client.decide("hero", subject="u-1")

    asyncio.run(main())


def test_the_last_known_good_stands_in_though_no_thread_is_free(remote):
    """Who has no time to wait for a thread gets what was good before; else the default (D2)."""
    remote.allow("u-1")
    release = threading.Event()
    opened = remote.client()  # here it waits for the policy

    async def main() -> None:
        async with AsyncClient.over(opened) as client:
            first = await client.decide("hero", subject="u-1")
            remote.clock.move(60.0)
            wait = partial(release.wait, PATIENCE_SECONDS)
            waiting = [threads._deciding.submit(wait) for _ in range(THREADS_MAX)]
            made = await client.decide("hero", subject="u-1", deadline_ms=SOON_MS)
            assert (made.reason, made.id) == ("stale", first.id)
            made = await client.decide("hero", subject="u-2", deadline_ms=SOON_MS)
            assert (made.reason, made.creative) == ("deadline", "plain")
            assert not any(each.done() for each in waiting)
            release.set()

    asyncio.run(main())


def test_a_decision_waits_for_nobodys_profile(remote):
    """However many calls wait for something else, a decision is made on threads of its own."""
    remote.allow("u-1")
    release = threading.Event()

    async def main() -> None:
        async with AsyncClient.over(remote.client()) as client:
            waiting = [submit(release.wait, PATIENCE_SECONDS) for _ in range(THREADS_MAX)]
            decision = await asyncio.wait_for(
                client.decide("hero", subject="u-1"), PATIENCE_SECONDS / 2
            )
            assert decision.reason == "bandit"
            assert not any(each.done() for each in waiting)
            release.set()

    asyncio.run(main())


def test_the_same_words_under_asyncio(remote):
    """What is awaited goes to the server, and comes back as over a file."""

    async def main() -> None:
        url = f"{remote.server.url}?deadline_ms={PATIENCE_SECONDS * 1_000}"
        async with AsyncClient(url, spool=remote.folder / "other") as client:
            await client.consent("u-1", grant=["personalise"])
            client.emit("product_viewed", subject="u-1")
            decision = await client.decide("paged", subject="u-1")
            assert decision.creative == "viewer"
            assert await client.report(decision, "displayed", wait=PATIENCE_SECONDS) == "applied"
            assert await client.identify("a-1", "u-1") == "a-1"
            assert (await client.profile("a-1")).traits["views"] == 1
            assert [one.id for one in await client.decisions("u-1")] == [decision.id]

    asyncio.run(main())
    assert [kind for _, kind in remote.outcomes()] == ["displayed"]
