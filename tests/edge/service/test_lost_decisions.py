"""What `clew serve` has decided and nobody has heard of is taken back (RULES D8)."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clew import Client, Decision
from clew.backends.sqlite import SqliteStore
from client.worlds import policy, slot
from edge.service.flaky import Way, flaky
from edge.service.serving import KEY, PATIENCE_SECONDS, Served

#: Counted as soon as it is decided: what nobody gets would teach that nobody likes it.
POLICY = policy(slots=[slot(counts_on="served")])
SECOND_MS = 1_000.0


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server process."""
    with Served(tmp_path, POLICY) as server:
        yield server


def lost(client: Client, _served: Served, way: Way) -> Decision:
    """Decide, and lose the answer on its way."""
    way.fail("lost")
    return client.decide("hero", subject="ada", deadline_ms=PATIENCE_SECONDS * 1_000.0)


def late(client: Client, served: Served, _way: Way) -> Decision:
    """Decide by a server that is held up for longer than a page waits."""
    assert served.process is not None
    os.kill(served.process.pid, signal.SIGSTOP)
    try:
        return client.decide("hero", subject="ada", deadline_ms=SECOND_MS / 10)
    finally:
        os.kill(served.process.pid, signal.SIGCONT)


@pytest.mark.parametrize(("ask", "reason"), [(lost, "error"), (late, "deadline")])
def test_what_nobody_heard_of_teaches_nothing(
    served: Served,
    tmp_path: Path,
    ask: Callable[[Client, Served, Way], Decision],
    reason: str,
) -> None:
    """The answer never came, or too late: the server's arms have counted the next one alone."""
    with flaky(served.port) as way:
        url = way.url.replace("http://", f"http://{KEY}@")
        with Client(url, spool=tmp_path / "spool") as client:
            client.consent("ada", grant=["personalise"])
            assert ask(client, served, way).reason == reason
            ends_at = time.monotonic() + PATIENCE_SECONDS
            while counts(served) != {"decisions": 0.0, "voided": 1.0}:
                assert time.monotonic() < ends_at, counts(served)
                client.flush(PATIENCE_SECONDS)
            shown = client.decide("hero", subject="ada", deadline_ms=PATIENCE_SECONDS * 1_000.0)
            assert (shown.cache, shown.reason) == ("miss", "bandit")


def counts(served: Served) -> dict[str, float]:
    """How many decisions of the slot count, how many of them as served, and how many do not."""
    store = SqliteStore(served.database)
    try:
        with store.read() as read:
            found = read.sums("shop", "figures:hero")
    finally:
        store.close()
    taught = {name: value for name, value in found.items() if name.startswith("s:") and value}
    named = {name: found.get(name, 0.0) for name in ("decisions", "voided")}
    return named | taught
