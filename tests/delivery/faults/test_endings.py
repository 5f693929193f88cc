"""However a process ends, what it emitted with process durability is delivered once, by its id."""

import json
import signal
import time

import pytest

from delivery.faults.conftest import GUARD

COUNT = 2_000

#: A round trip that makes sure that a process ends before it has delivered all.
SLOW = {"latency": 0.05, "requests": 1_000}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["SIGKILL", "SIGTERM"])
def test_a_process_that_is_killed_loses_nothing(world, emitted, number):
    """Killed 50 ms after its last emit, by a signal that nothing handles; then the next start."""
    # The first batch is taken, and the next one never, so that it cannot have delivered all.
    with world.served({"requests": 1}, {"status": "hang", "requests": 1_000}):
        child = world.application("emit_and_wait", COUNT)
        assert child.stdout.readline() == "emitted\n"
        time.sleep(0.05)
        child.send_signal(number)
        world.ended(child, -number)
        assert set(world.taken()) < emitted(a=COUNT)
    with world.served():
        world.run("drain")
    assert set(world.taken()) == emitted(a=COUNT)


def test_a_signal_handler_of_the_application_may_close(world, emitted):
    """
    Who closes the client when a signal tells them to end neither hangs nor loses a fact.

    Without a loop that is in the middle of an emit.
    """
    task = {"Client": "emit_until_told", "AsyncClient": "emit_on_a_loop_until_told"}[world.kind]
    with world.served():
        child = world.application(task)
        assert child.stdout.readline() == "under way\n"
        child.send_signal(signal.SIGTERM)
        count = int(world.ended(child))
        world.run("drain")
    # The emit that the signal interrupted did not return; it may have been delivered none the less.
    assert emitted(a=count) <= set(world.taken()) <= emitted(a=count + 1)


@pytest.mark.parametrize("task", ["emit_and_end", "emit_and_stop"], ids=["exit", "os._exit"])
def test_a_process_that_ends_without_a_flush_loses_nothing(world, emitted, task):
    """What the end of the process did not deliver, the next start does."""
    with world.served(SLOW):
        world.run(task, COUNT)
        world.run("drain")
    assert set(world.taken()) == emitted(a=COUNT)


def test_a_server_that_hangs_does_not_hold_up_the_end(world, emitted):
    """The end comes within 0.2 s of the last emit, and the next start delivers everything."""
    with world.served({"status": "hang", "requests": 1_000}):
        child = world.application("emit_and_end", COUNT)
        last_emit = float(child.stdout.readline())
        world.ended(child)
        ended = time.monotonic()
        assert world.taken() == {}
    with world.served():
        world.run("drain")
    assert set(world.taken()) == emitted(a=COUNT)
    # With room for a busy machine; the server would have been waited for for 10 s.
    assert ended - last_emit < 2.0


def test_who_waits_for_a_server_that_hangs_may_be_interrupted(world, emitted):
    """Ctrl-C ends a process that flushes for ever, and the next start delivers everything."""
    with world.served({"status": "hang", "requests": 1_000}):
        child = world.application("emit_and_flush", COUNT)
        assert child.stdout.readline() == "emitted\n"
        child.send_signal(signal.SIGINT)
        world.ended(child, -signal.SIGINT)
    with world.served():
        world.run("drain")
    assert set(world.taken()) == emitted(a=COUNT)


def test_delivering_loads_little(world, emitted):
    """A process that lives for a moment has the time to deliver: what is heavy is not loaded."""
    with world.served():
        assert json.loads(world.run("emit_and_tell", 10)) == []
    assert world.taken() == dict.fromkeys(emitted(a=10), 1)


@pytest.mark.parametrize("stage", [{}, {"status": "hang"}], ids=["well", "hanging"])
def test_without_durability_the_end_counts_what_it_does_not_deliver(world, stage):
    """With `durability="none"` whatever the end has no time for is told to `on_loss`."""
    with world.served(*filter(None, [stage])):
        cause, lost = json.loads(world.run("emit_from_memory", 200) or '["closed", 0]')
    assert cause == "closed"
    # A batch that is on its way at the very end is counted lost, though the server may take it.
    assert len(world.taken()) + lost >= 200
    assert lost == 200 or not stage
    assert not world.spool.exists()


def test_a_record_that_was_cut_short_is_passed_over(world, emitted):
    """A process that dies in the middle of a write loses what it had not emitted yet, alone."""
    with world.served({"status": 503, "seconds": 1_000}):
        world.run("emit_and_stop", COUNT)
    [segment] = world.spool.rglob("*.seg")
    with segment.open("ab") as file:
        file.write(b"\xc1rec" + b"\x07" * 40)
    with world.served(), world.client() as client:
        assert client.flush(GUARD) == 0
        assert client.losses == {}
    assert world.taken() == dict.fromkeys(emitted(a=COUNT), 1)


def test_the_dead_are_delivered_once_whoever_comes(world, emitted):
    """Several processes that start at once on a folder share what is left there."""
    with world.served({"status": 503, "seconds": 1_000}):
        for _ in range(3):
            world.run("emit_and_stop", 300)
    with world.served():
        heirs = [world.application("drain") for _ in range(4)]
        for heir in heirs:
            world.ended(heir)
    assert set(world.taken()) == emitted(a=300)
    assert set(world.taken().values()) == {3}, "each of the three emitted the same ids"


def test_two_processes_share_a_folder(world, emitted):
    """Two live processes deliver their own facts, and leave each other's alone."""
    with world.served(SLOW), world.client() as client:
        other = world.application("emit_and_wait", COUNT)
        assert other.stdout.readline() == "emitted\n"
        for n in range(COUNT):
            client.emit("page_viewed", subject="u-1", id=f"b-{n}")
        assert client.flush(GUARD) == 0
        other.stdin.close()
        assert other.wait(GUARD) == 0
    assert world.taken() == dict.fromkeys(emitted(a=COUNT, b=COUNT), 1)
