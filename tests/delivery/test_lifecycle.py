"""Outboxes live through forks and the end of their process."""

import gc
import signal
import subprocess
import sys
import weakref
from collections import Counter

import pytest

from clew.delivery.outbox import Outbox
from clew.delivery.spool import Spool

#: Only ever waited for when something hangs, in seconds.
GUARD = 20.0

PRELUDE = """
import os, signal, sys, threading
from clew.delivery.outbox import Outbox
from clew.delivery.spool import Spool
folder, sink = sys.argv[1:]
out = os.open(sink, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def write(batch):
    os.write(out, b"".join(payload + b"\\n" for payload in batch))
def put_all(outbox, name, count):
    for n in range(count):
        outbox.put(b"%s-%d" % (name, n))
"""


@pytest.fixture
def run(tmp_path):
    """Runs a program which writes what is delivered to a file; the answer is its return code."""

    def run_program(program):
        arguments = [str(tmp_path / "spool"), str(tmp_path / "sink")]
        command = [sys.executable, "-c", PRELUDE + program, *arguments]
        return subprocess.run(command, check=False, timeout=GUARD).returncode

    return run_program


@pytest.fixture
def delivered(tmp_path):
    """Counts what the program delivered."""

    def count():
        sink = tmp_path / "sink"
        return Counter(sink.read_bytes().split()) if sink.exists() else Counter()

    return count


@pytest.fixture
def left(tmp_path):
    """Counts what another process can adopt."""

    def count():
        found = Counter()
        heir = Outbox(found.update, spool=Spool(tmp_path / "spool"))
        heir.adopt()
        assert heir.close(GUARD) == 0
        return found

    return count


def records(**counts):
    """One each of the records that `put_all` puts under these names."""
    return Counter(b"%s-%d" % (name.encode(), n) for name in counts for n in range(counts[name]))


@pytest.mark.parametrize("durability", ["process", "disk", None])
def test_forks_of_a_busy_process_deliver_everything_once(run, delivered, left, durability):
    """While two threads put and one sends, three children are forked: each record arrives once."""
    spool = f"Spool(folder, durability={durability!r})" if durability else "None"
    assert (
        run(f"""
outbox = Outbox(write, spool={spool}, batch_count=5, linger_seconds=0.001)
threads = [threading.Thread(target=put_all, args=(outbox, name, 300)) for name in (b"a", b"b")]
for thread in threads:
    thread.start()
children = []
for name in (b"c", b"d", b"e"):
    child = os.fork()
    if not child:
        put_all(outbox, name, 100)
        os._exit(outbox.close({GUARD}))
    children.append(child)
for thread in threads:
    thread.join()
codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
sys.exit(sum(codes) + outbox.close({GUARD}))
""")
        == 0
    )
    assert delivered() == records(a=300, b=300, c=100, d=100, e=100)
    assert left() == {}


def test_a_fork_in_the_middle_of_a_send_sends_nothing_twice(run, delivered, left):
    """The batch in flight is the parent's; the child delivers its own records meanwhile."""
    assert (
        run(f"""
gate, entered = threading.Event(), threading.Event()
def send(batch):
    entered.set()
    gate.wait()
    write(batch)
outbox = Outbox(send, spool=Spool(folder), batch_count=1)
put_all(outbox, b"parent", 5)
entered.wait()
child = os.fork()
if not child:
    gate = threading.Event()
    gate.set()
    assert outbox.pending == 0
    put_all(outbox, b"child", 5)
    os._exit(outbox.close({GUARD}))
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert outbox.pending == 5
gate.set()
sys.exit(code + outbox.close({GUARD}))
""")
        == 0
    )
    assert delivered() == records(parent=5, child=5)
    assert left() == {}


def test_a_child_that_skips_its_end_leaves_its_records(run, delivered, left):
    """What a child put before `os._exit` is adopted, while its parent's stays its own."""
    assert (
        run(f"""
gate = threading.Event()
def send(batch):
    gate.wait()
    write(batch)
outbox = Outbox(send, spool=Spool(folder))
put_all(outbox, b"parent", 5)
child = os.fork()
if not child:
    put_all(outbox, b"child", 5)
    os._exit(0)
os.waitpid(child, 0)
heir = Outbox(write, spool=Spool(folder))
assert heir.adopt() == 5
assert heir.close({GUARD}) == 0
assert outbox.pending == 5
gate.set()
sys.exit(outbox.close({GUARD}))
""")
        == 0
    )
    assert delivered() == records(parent=5, child=5)
    assert left() == {}


def test_a_child_starts_without_its_parents_losses(run):
    """Losses are counted where they happened."""
    assert (
        run("""
outbox = Outbox(write, max_memory_bytes=1)
outbox.put(b"too large")
child = os.fork()
if not child:
    os._exit(outbox.losses.total())
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
sys.exit(0 if (code, outbox.losses.total()) == (0, 1) else 1)
""")
        == 0
    )


def test_a_fork_may_come_from_a_callback(run, delivered):
    """No lock is held while something is called back, so that it may fork."""
    assert (
        run(f"""
def on_loss(cause, count):
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
outbox = Outbox(write, max_memory_bytes=10, on_loss=on_loss)
outbox.put(b"far too large")
outbox.put(b"small")
sys.exit(outbox.close({GUARD}))
""")
        == 0
    )
    assert delivered() == {b"small": 1}


def test_a_child_keeps_no_lock_on_dead_letters(run):
    """Dead letters that were open at a fork are free once the parent lets go of them."""
    assert (
        run("""
from pathlib import Path
from clew.delivery.dead_letters import DeadLetters
letters = DeadLetters(Path(folder))
letters.add(b"1", "refused")
reading, writing = os.pipe()
try:
    with letters.emptying():
        if not os.fork():
            os.close(writing)
            os.read(reading, 1)
            os._exit(0)
        raise InterruptedError
except InterruptedError:
    with letters.emptying() as again:
        assert len(again) == 1
""")
        == 0
    )


def test_the_end_of_a_process_delivers_what_it_can(run, delivered, left):
    """Without a flush or a close, a receiver in good health has everything, and no file is left."""
    assert (
        run(f"""
from clew.delivery import lifecycle, outbox
lifecycle.EXIT_SECONDS = outbox.FIRST_ANSWER_SECONDS = {GUARD}  # a busy machine has time as well
put_all(o := Outbox(write, spool=Spool(folder)), b"a", 50)
""")
        == 0
    )
    assert delivered() == records(a=50)
    assert left() == {}


def test_a_process_ends_though_its_receiver_hangs(run, delivered, left):
    """A send that never returns does not hold up the end, and its records are adopted."""
    assert (
        run("""
outbox = Outbox(lambda batch: threading.Event().wait(), spool=Spool(folder))
put_all(outbox, b"a", 50)
""")
        == 0
    )
    assert delivered() == {}
    assert left() == records(a=50)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_process_that_is_killed_leaves_its_records(run, delivered, left, number):
    """However a process is ended, what was put and not delivered is adopted."""
    code = run(f"""
outbox = Outbox(write, spool=Spool(folder), linger_seconds={GUARD})
put_all(outbox, b"a", 50)
os.kill(os.getpid(), {int(number)})
""")
    assert code == -number
    assert delivered() == {}
    assert left() == records(a=50)


def test_a_closed_outbox_is_not_kept_alive(tmp_path):
    """Nothing that watches for forks or the end holds on to an outbox."""
    outbox = Outbox(lambda batch: None, spool=Spool(tmp_path))
    outbox.put(b"a")
    outbox.close(GUARD)
    reference = weakref.ref(outbox)
    del outbox
    gc.collect()
    assert reference() is None
