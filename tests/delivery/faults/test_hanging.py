"""While the server hangs an application emits on: nobody waits, nothing outgrows its bound."""

import json
import time

import pytest

from delivery.faults.programs import emit_all

MB = 1_000_000

#: What a signal of these tests takes on the disk, with its frame, in bytes.
RECORD_LEAST, RECORD = 100, 300

many = pytest.mark.parametrize("count", [6_000, pytest.param(100_000, marks=pytest.mark.slow)])


def emit_many(world, count, overflow, pending_bytes):
    """Emit while the server hangs; gives what it took."""
    with world.served({"status": "hang", "requests": 1_000}):
        return json.loads(world.run("emit_many", count, overflow, pending_bytes))


def check_waits(measured):
    """
    No call is busy for 50 ms, but for three at most that collect garbage; none waits for an answer.

    Work is what the calling thread itself does, whatever else the machine is busy with.
    """
    assert measured["busiest"][0] < 0.05
    assert measured["slowest"] < 3.0


@many
def test_everything_is_kept_on_disk(world, emitted, count):
    """At the default bound nothing is lost; the disk has it, memory a bounded part of it."""
    measured = emit_many(world, count, "drop_oldest", 0)
    check_waits(measured)
    assert (measured["losses"], measured["waiting"]) == ({}, count + 100)
    assert measured["disk"] < (count + 100) * RECORD
    assert measured["grown"] < 64 * MB
    with world.served():
        world.run("drain")
    assert world.taken() == dict.fromkeys(emitted(warm=100, a=count), 1)


@many
@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
def test_at_the_bound_facts_give_way(world, count, overflow):
    """At a bound of 500 KB the oldest or the newest give way, each counted and called back."""
    measured = emit_many(world, count, overflow, MB // 2)
    check_waits(measured)
    lost = measured["losses"]["overflow"]
    assert measured["losses"] == {"overflow": lost}
    assert measured["told"] == lost == count + 100 - measured["waiting"] > 0
    assert measured["disk"] < MB
    assert measured["grown"] < 40 * MB
    with world.served():
        world.run("drain")
    kept = {int(name[2:]) for name in world.taken() if name.startswith("a-")}
    # What gave way behind a batch that is under way comes back if the process dies before it.
    back = len(world.taken()) - measured["waiting"]
    assert 0 <= back <= MB // 8 // RECORD_LEAST
    assert (count - 1 in kept) == (overflow == "drop_oldest")


def test_flush_and_close_keep_their_time(world):
    """Both end when their time is over, and say how many facts remain."""
    with world.served({"status": "hang", "requests": 1_000}), world.client() as client:
        emit_all(client, "a", 100)
        began = time.monotonic()
        assert client.flush(0.2) == 100
        assert client.close(0.2) == 100
        # With room for a busy machine; the server would have been waited for for 10 s.
        assert time.monotonic() - began < 5.0


def test_whoever_blocks_waits_no_longer_than_told(world):
    """With `block` a call waits its time for room, then the new fact gives way."""
    with (
        world.served({"status": "hang", "requests": 1_000}),
        world.client(max_pending_bytes=20_000, overflow="block", block_seconds=0.01) as client,
    ):
        for n in range(100):
            client.emit("page_viewed", subject="u-1", id=f"a-{n}", data={"path": "/" * 100})
        assert 0 < client.losses["overflow"] < 100
        assert client.flush(0.0) + client.losses["overflow"] == 100
        client.close(0.0)
