"""The end of a process, and whoever flushes or closes, are held up as long as is documented."""

import asyncio
import socket
import threading
import time
from inspect import isawaitable
from types import SimpleNamespace
from weakref import WeakSet

import pytest

from clew import AsyncClient, Client
from clew.delivery import lifecycle
from clew.delivery.outbox import Outbox
from clew.delivery.spool import Spool

#: Only ever waited for when something hangs, in seconds.
GUARD = 20.0


class Slow:
    """A member that takes its time at the end."""

    def __init__(self, timing, takes):
        self.given = None
        self._timing = timing
        self._takes = takes

    def at_exit(self, seconds):
        """As `Member.at_exit`."""
        self.given = seconds
        self._timing._now += self._takes


@pytest.fixture
def end(timing, monkeypatch):
    """Ends the process for some members alone, by the clock of the test, in a thread of its own."""
    monkeypatch.setattr(lifecycle, "time", SimpleNamespace(monotonic=timing.now))

    def end_for(*members):
        monkeypatch.setattr(lifecycle, "_members", WeakSet(members))
        thread = threading.Thread(target=lifecycle._at_exit, daemon=True)
        thread.start()

        def join():
            thread.join(GUARD)
            assert not thread.is_alive()

        return join

    return end_for


@pytest.fixture
def hanging(receiver, timing):
    """Opens outboxes whose receiver was asked for a record and never answers."""
    receiver.gate.clear()
    outboxes = []

    def open_outbox(folder=None):
        spool = None if folder is None else Spool(folder)
        outboxes.append(Outbox(receiver, spool=spool, batch_count=1, timing=timing))
        outboxes[-1].put(b"0")
        receiver.wait_until_entered()
        return outboxes[-1]

    yield open_outbox
    receiver.gate.set()
    for outbox in outboxes:
        outbox.close(0.0)


def test_all_together_hold_up_the_end_by_a_tenth_of_a_second(timing, end):
    """Each outbox has what those before it have left of 0.1 s, the last ones nothing."""
    members = [Slow(timing, 0.06) for _ in range(3)]
    end(*members)()
    assert sorted(one.given for one in members) == pytest.approx([0.0, 0.04, 0.1])


def test_a_receiver_that_never_answers_holds_up_the_end_by_half_of_that(
    hanging, tmp_path, timing, end
):
    """What the disk has waits 0.05 s for a first answer, by the clock that is moved by hand."""
    joined = end(hanging(tmp_path))
    timing.advance(0.05)
    joined()


def test_what_no_disk_has_holds_up_the_end_by_all_of_that(hanging, timing, end):
    """Memory alone waits 0.1 s for the receiver, and several outboxes no longer than one."""
    first, second = hanging(), hanging()
    joined = end(first, second)
    timing.advance(0.1)
    joined()
    assert [outbox.losses for outbox in (first, second)] == [{"closed": 1}] * 2


@pytest.fixture
def deaf():
    """Where a server takes connections, and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield "http://key@{}:{}".format(*server.getsockname())


async def timed(client, call):
    """Have a client flush or close for 0.1 s; gives how long that took."""
    client.emit("page_viewed", subject="u-1")
    began = time.monotonic()
    remaining = getattr(client, call)(0.1)
    if isawaitable(remaining):
        remaining = await remaining
    took = time.monotonic() - began
    assert remaining == 1
    if call == "flush" and isawaitable(closed := client.close(0.0)):
        await closed
    return took


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("durability", ["process", "none"])
@pytest.mark.parametrize("call", ["flush", "close"])
def test_flush_and_close_take_the_time_they_are_given(deaf, tmp_path, kind, durability, call):
    """
    While the server hangs both return when their time is over, by the clock of the machine.

    The quickest of several is looked at: a busy machine is slow now and then, a wait is always.
    """

    async def main():
        clients = [kind(deaf, durability=durability, spool=tmp_path / str(n)) for n in range(4)]
        return [await timed(client, call) for client in clients]

    assert 0.1 <= min(asyncio.run(main())) < 0.4
