"""The threads on which clients for asyncio wait for the store."""

import asyncio
import re
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from clew.threads import THREADS_MAX, submit, waited, within
from client.stores import PATIENCE_SECONDS, HandLoop, run_by_hand, until

WORD: ContextVar[str] = ContextVar("WORD")


def test_a_call_has_the_context_of_whoever_makes_it():
    """Context variables are those of the task that waits, and what is set stays on the thread."""

    def change() -> str:
        before = WORD.get()
        WORD.set("changed")
        return before

    async def loop() -> None:
        WORD.set("mine")
        assert await waited(change) == "mine"
        assert WORD.get() == "mine"

    asyncio.run(loop())


def test_what_a_call_raises_is_raised_where_it_is_awaited():
    """An exception comes out of the waiting, whichever kind."""

    async def loop() -> None:
        with pytest.raises(ZeroDivisionError):
            await waited(divmod, 1, 0)
        with pytest.raises(KeyboardInterrupt):
            await within(None, _interrupt)
        assert await waited(divmod, 7, 2) == (3, 1)

    asyncio.run(loop())


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_so_many_calls_wait_at_once():
    """As many calls as there are threads run side by side, one more has its turn after them."""
    barrier = threading.Barrier(THREADS_MAX)
    calls = [submit(barrier.wait, PATIENCE_SECONDS) for _ in range(THREADS_MAX)]
    assert {call.result(PATIENCE_SECONDS) for call in calls} == set(range(THREADS_MAX))
    assert submit(lambda: "after").result(PATIENCE_SECONDS) == "after"
    ours = [one for one in threading.enumerate() if re.fullmatch(r"clew-\d+", one.name)]
    assert all(one.daemon for one in ours)
    assert len(ours) >= THREADS_MAX


def test_a_call_that_takes_too_long_goes_on():
    """After its time the waiting ends and tells so; the call goes on to its end."""
    begun, free, done = threading.Event(), threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        assert free.wait(PATIENCE_SECONDS)
        done.set()

    async def main(loop: HandLoop) -> None:
        waiting = asyncio.create_task(within(0.001, call))
        await until(begun.is_set)  # before, its time would only keep it from beginning
        loop.expire()
        assert not await waiting
        free.set()
        await until(done.is_set)
        assert await within(None, lambda: None)

    run_by_hand(main)


def test_a_call_that_has_not_begun_never_does(busy):
    """After its time a call that no thread was free for is not made any more."""
    made = []

    async def loop() -> None:
        assert not await within(0.001, made.append, "late")
        task = asyncio.create_task(within(None, made.append, "cancelled"))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
        busy.set()
        assert await within(None, made.append, "last")

    asyncio.run(loop())
    assert made == ["last"]


CHILD = """
import os
from {module} import submit
assert submit(os.getpid).result(60) == os.getpid()
child = os.fork()
if child == 0:
    os._exit(0 if submit(os.getpid).result(60) == os.getpid() else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""

REPORTING = f"""
import atexit, threading
from clew_edge import threads
threads.END_SECONDS = {PATIENCE_SECONDS}
is_ending = threading.Event()
for _ in range(3):
    threads.submit(lambda: (is_ending.wait(), print("made", flush=True)))
atexit.register(is_ending.set)
"""

STUCK = """
import threading
from {module} import submit
begun = threading.Event()
submit(lambda: (begun.set(), threading.Event().wait()))
begun.wait(60)
"""


def test_reports_are_made_before_the_process_ends():
    """What a page has to say of its decisions is said, though the server ends just then."""
    ended = subprocess.run(
        [sys.executable, "-c", REPORTING],
        timeout=PATIENCE_SECONDS,
        check=True,
        capture_output=True,
    )
    assert ended.stdout.count(b"made") == 3


@pytest.mark.parametrize(
    "program", [pytest.param(CHILD, id="a child"), pytest.param(STUCK, id="a call that hangs")]
)
@pytest.mark.parametrize("module", ["clew.threads", "clew_edge.threads"])
def test_the_process(module, program):
    """A child has threads of its own, and a call that hangs does not hold up the end."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program.format(module=module)],
        timeout=PATIENCE_SECONDS,
        check=False,
        capture_output=True,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
