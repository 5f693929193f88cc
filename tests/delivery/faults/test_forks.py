"""Through every kind of fork each process delivers its own facts, and each fact comes once."""

import json

import pytest

#: Answers so slowly that a fork meets a request under way.
SLOW = {"latency": 0.05, "requests": 1_000}

#: For applications that choose their client themselves.
of_client = pytest.mark.parametrize("world", ["Client"], indirect=True)


@pytest.mark.parametrize(
    ("parent", "ending"),
    [
        pytest.param(1, "close", id="idle, close"),
        pytest.param(1_000, "os._exit", id="busy, os._exit"),
        pytest.param(1, "exit", id="idle, exit", marks=pytest.mark.slow),
        pytest.param(1, "os._exit", id="idle, os._exit", marks=pytest.mark.slow),
        pytest.param(1_000, "close", id="busy, close", marks=pytest.mark.slow),
        pytest.param(1_000, "exit", id="busy, exit", marks=pytest.mark.slow),
    ],
)
def test_a_fork_delivers_what_both_emit(world, emitted, parent, ending):
    """A child of a client that has emitted, or is just sending, is no worse off than its parent."""
    if (world.kind, ending) == ("AsyncClient", "exit"):
        pytest.skip("a child that ends its parent's loop wakes that no more: they share an epoll")
    with world.served(SLOW):
        world.run("fork", parent, 1_000, ending)
        world.run("drain")
    assert set(world.taken()) == emitted(parent=parent, child=1_000)


@of_client
@pytest.mark.parametrize("module", ["encodings.idna"])
def test_a_fork_in_the_middle_of_an_import(world, emitted, module):
    """A child is never left with half of a module that a thread of its parent was loading."""
    with world.served():
        world.run("fork_in_an_import", module)
    assert world.taken() == dict.fromkeys(emitted(parent=1, child=1), 1)


@of_client
def test_a_child_has_lost_nothing_yet(world):
    """A loss is counted in the process where it happened, and in no child of it."""
    assert json.loads(world.run("fork_after_a_loss")) == [0, {"refused": 1}]


def test_a_client_opened_before_the_workers_are_forked(world, emitted):
    """
    `gunicorn --preload`: a worker that is terminated leaves its facts to the next one.

    The master has no thread of clew's then, and is not started again for months.
    """
    with world.served(SLOW):
        world.run("preload", 3, 300)
    assert set(world.taken()) == emitted(master=1, worker0=300, worker1=300, worker2=300, last=1)


def test_the_processes_of_a_pool(world, emitted):
    """`multiprocessing` ends its processes without any hook; a flush of the parent delivers."""
    with world.served(SLOW):
        world.run("pool", 2, 200)
    assert set(world.taken()) == emitted(job0=200, job1=200, job2=200, job3=200)


@of_client
@pytest.mark.parametrize("way", ["fork", "forkserver", "forkserver, loaded", "spawn", "executor"])
def test_the_processes_that_python_starts(world, emitted, way):
    """However children are started, what they and their parent emit at the same time arrives."""
    with world.served(SLOW):
        rounds = int(world.run("processes", way, 200))
        world.run("drain")
    counts = {f"parent{n}": 20 for n in range(rounds)} | {f"job{n}": 200 for n in range(4)}
    assert set(world.taken()) == emitted(before=20, **counts)
