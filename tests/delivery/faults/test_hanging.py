"""While the server hangs an application emits on: nobody waits, nothing outgrows its bound."""

import json
import time

import pytest

from delivery.faults.programs import emit_all

MB = 1_000_000

#: What a signal of these tests takes on the disk beside its data, with its frame, in bytes.
RECORD_LEAST, RECORD = 100, 300

#: How much memory may grow: 4 MB of what waits are in it, and 4 MB of what a decision has to bring
#: along, with what Python needs for them.
GROWN_MOST = 20 * MB

#: How many signals, and how many bytes of data each has.
many = pytest.mark.parametrize(
    ("count", "size"),
    [
        pytest.param(6_000, 4_000, id="6000"),
        pytest.param(100_000, 1_000, id="100000", marks=pytest.mark.slow),
    ],
)


def emit_many(world, *options):
    """Emit while the server hangs; gives what it took."""
    with world.served({"status": "hang", "requests": 1_000}):
        return json.loads(world.run("emit_many", *options))


def check_waits(measured):
    """
    No call works or waits for 50 ms, but for three at most: the garbage, and a disk that is busy.

    Neither counts what the thread waits for a processor, whatever else the machine is busy with.
    """
    assert measured["busiest"][-4] < 0.05
    assert measured["waits"][-4] < 0.05
    assert measured["waits"][-1] < 3.0


@many
def test_everything_is_kept_on_disk(world, emitted, count, size):
    """At the default bound nothing is lost; the disk has it, memory a bounded part of it."""
    measured = emit_many(world, count, size, "drop_oldest", 0)
    check_waits(measured)
    assert (measured["losses"], measured["waiting"]) == ({}, count + 100)
    assert measured["disk"] < (count + 100) * (size + RECORD)
    assert measured["grown"] < GROWN_MOST < count * size
    with world.served():
        world.run("drain")
    assert world.taken() == dict.fromkeys(emitted(warm=100, a=count), 1)


@many
@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
def test_at_the_bound_facts_give_way(world, count, size, overflow):
    """At a bound of 500 KB the oldest or the newest give way, each counted and called back."""
    measured = emit_many(world, count, size, overflow, MB // 2)
    check_waits(measured)
    lost = measured["losses"]["overflow"]
    assert measured["losses"] == {"overflow": lost}
    assert measured["told"] == lost == count + 100 - measured["waiting"] > 0
    assert measured["disk"] < MB
    assert measured["grown"] < GROWN_MOST < count * size
    with world.served():
        world.run("drain")
    kept = {int(name[2:]) for name in world.taken() if name.startswith("a-")}
    # What gave way behind a batch that is under way comes back if the process dies before it.
    back = len(world.taken()) - measured["waiting"]
    assert 0 <= back <= MB // 8 // (size + RECORD_LEAST)
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
