"""The same client for asyncio."""

import asyncio
import sqlite3
import time
from contextlib import closing

import pytest

from clew import AsyncClient, Client
from clew.errors import ClosedError
from client.worlds import policy
from loops import run_watched


@pytest.fixture(params=["memory", "sqlite"])
def url(request, tmp_path):
    """Where the data lies."""
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/shop.db"


def test_the_whole_loop(url):
    """Consent, signal, decision, outcome and figures, awaited where they may wait (C01)."""

    async def loop() -> None:
        async with AsyncClient(url, policy=policy()) as client:
            await client.consent("u-1", grant=["personalise"], source="test")
            client.emit("product_viewed", subject="a-1")
            client.emit("product_viewed", subject="u-1")
            client.emit("product_viewed", subject=None)
            assert await client.identify("a-1", "u-1") == "a-1"
            decision = await client.decide("hero", subject="u-1")
            assert decision.reason == "bandit"
            assert client.report(decision, "displayed") == "applied"
            assert await client.report(decision, "converted", id="o-1", wait=5) == "applied"
            assert client.report(decision.token, "converted", id="o-1") == "duplicate"
            assert (await client.profile("u-1")).computed["views"] == 1
            (measured,) = await client.measure("orders")
            assert measured.attributed == 1.0
            await client.unmerge("a-1", "u-1")
            assert await client.flush() == 0
            assert client.losses == {"no_basis": 1, "no_subject": 1}
            assert [one.id for one in await client.decisions("u-1")] == [decision.id]
            assert len(await client.derive_keys("cookie")) == 1

    asyncio.run(loop())


def test_decisions_run_side_by_side(url):
    """Many decisions at once are each their own."""

    async def loop() -> None:
        async with AsyncClient(url, policy=policy()) as client:
            names = [f"u-{n}" for n in range(20)]
            for name in names:
                await client.consent(name, grant=["personalise"])
            made = await asyncio.gather(*(client.decide("hero", subject=name) for name in names))
            assert [decision.subject for decision in made] == names
            run = [one async for one in client.decide_many("hero", names, request_prefix="may")]
            again = [one async for one in client.decide_many("hero", names, request_prefix="may")]
            assert [one.id for one in run] == [one.id for one in again]
            both = await client.decide_all(["hero", "none"], subject="u-1")
            assert [both["hero"].reason, both["none"].reason] == ["bandit", "unknown_slot"]

    asyncio.run(loop())


def test_a_closed_client_raises(url):
    """Using a client after closing it is a mistake of the program."""

    async def loop() -> None:
        client = AsyncClient(url, policy=policy())
        assert await client.close() == 0
        assert await client.close() == 0
        with pytest.raises(ClosedError):
            await client.decide("hero", subject="u-1")

    asyncio.run(loop())


def test_a_visitor_of_an_async_client(url):
    """A visitor is held and asked like that of a client."""

    async def loop() -> None:
        async with AsyncClient(url, policy=policy()) as client:
            visitor = client.visitor("u-1", channel="web")
            assert client.logout() != client.logout()
            assert (await visitor.decide("hero")).reason == "consent_denied"

    asyncio.run(loop())


def test_a_client_has_two_faces(url):
    """Over a client that is open already everything is shared, and closing one closes both."""
    client = Client(url, policy=policy())

    async def loop() -> None:
        other = AsyncClient.over(client)
        await other.consent("u-1", grant=["personalise"])
        assert client.decide("hero", subject="u-1").reason == "bandit"
        await other.close()

    asyncio.run(loop())
    with pytest.raises(ClosedError):
        client.decide("hero", subject="u-1")


def test_a_file_that_another_process_writes_to_holds_up_no_loop(tmp_path):
    """Emitting, reporting and deciding wait for no writer, however long its transaction (C01)."""
    url = f"sqlite:///{tmp_path}/shop.db"
    with Client(url, policy=policy()) as other:
        other.consent("u-1", grant=["personalise"])
        shown = other.decide("hero", subject="u-1").token

    async def main() -> None:
        async with AsyncClient(url, policy=policy()) as client:
            with closing(sqlite3.connect(tmp_path / "shop.db")) as writer:
                writer.execute("BEGIN IMMEDIATE")
                assert client.report(shown, "displayed") == "applied"
                for number in range(100):
                    client.emit("product_viewed", subject=f"u-{number}")
                    await asyncio.sleep(0)
                decision = await client.decide("hero", subject="u-1")
                assert (decision.reason, client.report(decision, "displayed")) == (
                    "bandit",
                    "applied",
                )
                # Of what was kept, nothing can be stored yet; to wait for it blocks nobody else.
                assert await client.flush(0.1) > 0
            assert await client.flush(60.0) == 0
            assert (await client.profile("u-1")).computed["views"] == 1

    run_watched(main())


def test_the_loop_ends_though_a_flush_was_given_up(tmp_path):
    """Whoever flushes and is cancelled leaves nothing behind that the end of the loop waits for."""
    client = Client(f"sqlite:///{tmp_path}/shop.db", policy=policy())
    client.consent("u-1", grant=["personalise"])

    async def main() -> None:
        client.emit("product_viewed", subject="u-1")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(AsyncClient.over(client).flush(60.0), 0.1)

    with closing(sqlite3.connect(tmp_path / "shop.db")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        run_watched(main())
        # With room for a busy machine; what was given up goes on for a minute.
        assert time.monotonic() - began < 30.0
    assert client.close(60.0) == 0
