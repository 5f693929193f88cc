"""What came of decisions, reported to a real `clew serve`: proven, and told of."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from clew import AsyncClient, Client, Decision
from client.worlds import policy
from remote.serving import Serving, serving
from remote.standin import PATIENCE_SECONDS


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One server for all tests of this file."""
    with serving(tmp_path_factory.mktemp("served"), policy()) as server:
        yield server


@pytest.fixture
def client(server: Serving, tmp_path: Path) -> Iterator[Client]:
    """A client of it, whose decisions have all the time in the world."""
    url = f"{server.url}?deadline_ms={PATIENCE_SECONDS * 1_000}"
    with Client(url, spool=tmp_path / "spool") as client:
        yield client


def decided(client: Client, subject: str) -> Decision:
    """A decision for somebody who allows it."""
    client.consent(subject, grant=["personalise"])
    decision = client.decide("hero", subject=subject)
    assert decision.token is not None
    return decision


def test_a_token_that_was_made_up_counts_for_nothing(client: Client) -> None:
    """The server verifies what a token proves: a known id alone is no proof (RULES K2)."""
    decision = decided(client, "u-forged")
    name, expiry, signature = str(decision.token).split(".")
    other = str(decided(client, "u-other").token)
    made_up = [
        f"{name}.{expiry}.{'A' * 43}",
        f"{name}.7fffffff.{signature}",
        f"{name}.{other.partition('.')[2]}",
    ]
    for token in made_up:
        assert client.report(token, "converted", value=250.0, wait=PATIENCE_SECONDS) == "refused"
    assert client.losses == {"token": 3}
    [found] = client.decisions("u-forged")
    assert found.id == decision.id
    assert client.report(str(decision.token), "interacted", wait=PATIENCE_SECONDS) == "applied"


def test_who_waits_is_told_what_became_of_it(client: Client) -> None:
    """With `wait` the answer is the server's; without, the report is on its way (`queued`)."""
    decision = decided(client, "u-wait")

    def report(type: str, **more: str) -> str:
        return client.report(decision, type, wait=PATIENCE_SECONDS, **more)

    assert client.report(decision, "displayed") == "queued"
    assert report("interacted", id="o-wait") == "applied"
    assert report("interacted", id="o-wait") == "duplicate"
    assert report("converted", currency="euro") == "refused"
    assert client._core.outbox.awaited == {}
    with pytest.raises(TypeError, match="wait is a number of seconds"):
        client.report(decision, "displayed", wait="soon")  # type: ignore[arg-type]


def test_who_waits_under_asyncio_is_told_too(client: Client) -> None:
    """The same words for asyncio, and nothing remains of whoever gave up waiting."""
    decision = decided(client, "u-loop")

    async def main() -> None:
        both = AsyncClient.over(client)
        said = [
            await both.report(decision, "interacted", id="o-loop", wait=PATIENCE_SECONDS)
            for _ in range(2)
        ]
        assert said == ["applied", "duplicate"]
        waiting = asyncio.ensure_future(both.report(decision, "displayed", wait=60.0))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    assert client._core.outbox.awaited == {}
