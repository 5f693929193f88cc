"""What one request did not use, another may show: then nobody takes it back (RULES D8)."""

import asyncio
import threading
from functools import partial

import pytest

from clew import AsyncClient
from clew.memo import Memo
from clew.threads import submit
from client.worlds import World, people
from remote.standin import PATIENCE_SECONDS
from remote.worlds import DOCUMENT, LONG_MS, SOON_MS, eventually

DECIDE = "/clew/v1/decide"


def told(remote, client) -> list[tuple[str, str]]:
    """What the server has been told of decisions."""
    assert client.flush(PATIENCE_SECONDS) == 0
    return remote.outcomes()


def test_a_request_that_is_cancelled_voids_nothing_of_who_waits_with_it(remote):
    """Of a double click the browser cancels the first, and shows what the second gets."""
    remote.allow("u-1")
    client = remote.client()
    client.decide("paged", subject="u-2")
    both = AsyncClient.over(client)
    remote.server.hang()

    async def main():
        first = asyncio.create_task(both.decide("hero", subject="u-1"))
        await asyncio.to_thread(remote.server.reached.wait, PATIENCE_SECONDS)
        second = asyncio.create_task(both.decide("hero", subject="u-1"))
        kept = client._core.backend._deciding._cache.find("u-1")
        await asyncio.to_thread(
            eventually, lambda: sum(one.waiting.total() for one in kept.flights.values()) == 2
        )
        first.cancel()
        await asyncio.sleep(0)
        remote.server.go_on()
        return await second

    shown = asyncio.run(main())
    client.report(shown, "displayed")
    assert told(remote, client) == [(shown.id, "displayed")]
    assert remote.used("u-1") == [shown.id]


@pytest.mark.parametrize("where", ["embedded", "at a server"])
def test_what_was_prepared_in_vain_and_shown_elsewhere_stands(remote, where):
    """A page that ends without its slot leaves alone what another page of the person shows."""
    if where == "embedded":
        client = World("memory://").client(DOCUMENT)
        people(client, ["u-1"])
    else:
        remote.allow("u-1")
        client = remote.client()
    one, two = client.visitor("u-1"), client.visitor("u-1")
    one.prepare(["kept"])
    shown = two.decide("kept")
    one.finish()
    assert client.flush(PATIENCE_SECONDS) == 0
    assert [each.id for each in client.decisions("u-1")] == [shown.id]


def test_what_stands_in_for_itself_is_not_voided(remote, monkeypatch):
    """The answer came in time, and the thread that has it found itself late: it is shown."""
    remote.allow("u-1")
    client = remote.client()
    client.decide("paged", subject="u-2")
    backend, answers = client._core.backend, client._core.answers
    decide, void = backend.decide, answers.void
    has_answer, is_shown, is_over = (threading.Event() for _ in range(3))

    def slow(request):  # as on a machine whose threads wait for their turn
        made = decide(request)
        has_answer.set()
        assert is_shown.wait(PATIENCE_SECONDS)
        remote.clock.move(2 * PATIENCE_SECONDS)
        return made

    def voids(decisions):
        void(decisions)
        is_over.set()

    monkeypatch.setattr(backend, "decide", slow)
    monkeypatch.setattr(answers, "void", voids)
    memo = Memo(answers)
    asked = {"subject": "u-1", "context": None, "request_id": None, "anonymous_subject": None}
    asked |= {"session_id": None, "traffic": "human"}
    submit(partial(memo.fill, ["hero"], default=None, deadline_ms=LONG_MS, **asked))
    assert has_answer.wait(PATIENCE_SECONDS)
    memo.give_up(["hero"], None, **asked)
    shown = memo.made["hero"]
    is_shown.set()
    assert is_over.wait(PATIENCE_SECONDS)
    client.report(shown, "displayed")
    assert shown.reason == "stale"
    assert told(remote, client) == [(shown.id, "displayed")]


@pytest.mark.parametrize("tries", range(2, 5))
def test_a_request_that_is_late_is_left_to_its_next_try(remote, tries):
    """Under the application's own id the answer that came too late is what each try gets (D5)."""
    remote.allow("u-1")
    client = remote.client()
    client.decide("paged", subject="u-2")
    remote.server.hang()
    late = client.decide("hero", subject="u-1", request_id="r-1", deadline_ms=SOON_MS)
    remote.server.go_on()
    eventually(lambda: len(remote.recorded()) == 1 or not remote.server.reached.is_set())
    made = [
        client.decide("hero", subject="u-1", request_id="r-1", deadline_ms=LONG_MS)
        for _ in range(tries)
    ]
    assert late.reason == "deadline"
    assert len({one.id for one in made}) == 1
    assert told(remote, client) == []
