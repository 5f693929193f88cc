"""
Small applications that end in every way: `python -m delivery.faults.programs CLIENT TASK URL …`.

CLIENT is `Client` or `AsyncClient`. Most tasks are written once for both: they yield what may wait
(a function, or what a method of the client has answered) and go on with what came of it, and None
to give way. For `AsyncClient` they run on a loop, and fail if anything holds that up.
"""

import asyncio
import json
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from array import array
from concurrent.futures import ProcessPoolExecutor
from importlib.machinery import PathFinder
from pathlib import Path
from types import CoroutineType, GeneratorType

from clew import AsyncClient, Client
from delivery.faults.on_loop import GUARD, HANGS_SECONDS
from loops import run_watched

CLIENTS = {"Client": Client, "AsyncClient": AsyncClient}


def opened(url, folder, **options):
    """A client whose facts on their way lie in a folder."""
    return CLIENTS[kind](url, spool=folder, **options)


def drive(steps):
    """Run a task to its end, on a loop if its client wants one; gives what it returns."""
    if kind == "AsyncClient":
        return run_watched(driven(steps), HANGS_SECONDS)
    answer = None
    try:
        while True:
            step = steps.send(answer)
            answer = step() if callable(step) else step
    except StopIteration as end:
        return end.value


async def driven(steps):
    """As `drive`, on the loop that runs."""
    answer = None
    try:
        while True:
            step = steps.send(answer)
            if callable(step):
                answer = await asyncio.to_thread(step)
            elif step is None:
                answer = await asyncio.sleep(0)
            else:
                answer = await step
    except StopIteration as end:
        return end.value


def emit_all(client, name, count):
    """Emit signals `<name>-0`, `<name>-1` …"""
    for n in range(count):
        client.emit("page_viewed", subject=f"u-{n % 50}", id=f"{name}-{n}", data={"path": "/"})


def emitting(client, name, count):
    """As `emit_all`, in steps."""
    for n in range(count):
        client.emit("page_viewed", subject=f"u-{n % 50}", id=f"{name}-{n}", data={"path": "/"})
        if n % 50 == 0:
            yield


def say(word):
    """Tell the test how far this has come."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def drain(url, folder):
    """The next start: deliver what others have left."""
    assert (yield opened(url, folder).close(GUARD)) == 0


def emit_and_wait(url, folder, count):
    """Emit, say so, and wait to be killed."""
    client = opened(url, folder)
    yield from emitting(client, "a", int(count))
    say("emitted")
    yield sys.stdin.read
    yield client.close()


def emit_and_flush(url, folder, count):
    """Emit, say so, and flush without end."""
    client = opened(url, folder)
    yield from emitting(client, "a", int(count))
    say("emitted")
    yield client.flush(86_400.0)


def emit_and_end(url, folder, count):
    """Emit and come to the end of the program, without a flush; tell when that was."""
    yield from emitting(opened(url, folder), "a", int(count))
    say(time.monotonic())


def emit_and_tell(url, folder, count):
    """Emit, deliver, and tell which of the heavier libraries that took."""
    client = opened(url, folder)
    yield from emitting(client, "a", int(count))
    assert (yield client.close(GUARD)) == 0
    say(json.dumps(sorted({"cattrs", "httpx", "jsonschema", "numpy"} & sys.modules.keys())))


def emit_from_memory(url, folder, count):
    """Emit with no disk and come to the end of the program; tell of the losses there."""
    client = opened(url, folder, durability="none", on_loss=lambda *loss: say(json.dumps(loss)))
    yield from emitting(client, "a", int(count))


def emit_and_stop(url, folder, count):
    """Emit and stop at once, so that nothing runs any more."""
    yield from emitting(opened(url, folder), "a", int(count))
    os._exit(0)


def emit_until_told(url, folder):
    """Emit without a pause until SIGTERM, at which the application closes its client and ends."""
    client = opened(url, folder)

    def end(*_):
        client.close(5.0)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    count = 0
    try:
        while True:
            client.emit("page_viewed", subject="u-1", id=f"a-{count}")
            count += 1
            if count == 100:
                say("under way")
    finally:
        say(count)


async def emit_on_a_loop_until_told(url, folder):
    """As `emit_until_told`, on a loop, which is told of SIGTERM."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    count = 0
    async with opened(url, folder) as client:
        while not told.is_set():
            client.emit("page_viewed", subject="u-1", id=f"a-{count}")
            count += 1
            if count == 100:
                say("under way")
            await asyncio.sleep(0)
    say(count)


def fork(url, folder, parent_count, child_count, ending):
    """Fork while the parent emits; the child emits too, and ends by `ending`."""
    client = opened(url, folder)
    busy = threading.Thread(target=emit_all, args=(client, "parent", int(parent_count)))
    busy.start()
    child = os.fork()
    if not child:
        drive(emit_in_a_child(client, int(child_count), ending))
        if ending == "exit":
            sys.exit(0)
        os._exit(0)
    yield busy.join
    assert (yield lambda: os.waitpid(child, 0)[1]) == 0
    assert (yield client.close(GUARD)) == 0


def emit_in_a_child(client, count, ending):
    """What the child of `fork` does, on a loop of its own: that of its parent is not its own."""
    yield from emitting(client, "child", count)
    if ending == "close":
        assert (yield client.close(GUARD)) == 0


def fork_after_a_loss(url, folder):
    """Lose a signal that is none, and fork; tell what child and parent have lost."""
    client = opened(url, folder)
    client.emit("no name", subject="u-1")
    child = os.fork()
    if not child:
        os._exit(client.losses.total())
    in_child = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    say(json.dumps([in_child, client.losses]))


class Pause:
    """Finds and loads one module for other threads than the main one, which may fork meanwhile."""

    def __init__(self, module):
        self.has_begun = threading.Event()
        self.is_over = threading.Event()
        self._module = module

    def find_spec(self, name, path=None, target=None):
        """Find the module as ever, to be loaded here."""
        if name != self._module or threading.current_thread() is threading.main_thread():
            return None
        spec = PathFinder.find_spec(name, path, target)
        self._loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec):
        """Make the module as ever."""
        return self._loader.create_module(spec)

    def exec_module(self, module):
        """Load the module once the fork is over, or if none comes."""
        self.has_begun.set()
        self.is_over.wait(0.5)
        self._loader.exec_module(module)


def fork_in_an_import(url, folder, module):
    """Fork while a thread of clew's imports a module, if it does; the child emits and delivers."""
    pause = Pause(module)
    sys.meta_path.insert(0, pause)
    client = asyncio.run(opened_on_a_loop(url, folder))
    emit_all(client, "parent", 1)
    while not pause.has_begun.wait(0.001) and module not in sys.modules:
        pass
    child = os.fork()
    if not child:
        emit_all(client, "child", 1)
        os._exit(client.flush(GUARD) + client.losses.total())
    pause.is_over.set()
    assert os.waitpid(child, 0)[1] == 0
    assert client.close(GUARD) == 0


async def opened_on_a_loop(url, folder):
    """A client that did not wait for what its threads do first."""
    return opened(url, folder)


def preload(url, folder, workers, count):
    """
    A server that opens its client before it forks its workers, as `gunicorn --preload` does.

    Each worker is told to end by SIGTERM, which nothing handles, as soon as it has emitted; the
    last one is started afterwards.
    """
    client = opened(url, folder)
    emit_all(client, "master", 1)
    for number in range(int(workers)):
        reading, writing = os.pipe()
        worker = os.fork()
        if not worker:
            drive(emitting(client, f"worker{number}", int(count)))
            os.write(writing, b"x")
            threading.Event().wait()
        os.read(reading, 1)
        os.kill(worker, signal.SIGTERM)
        os.waitpid(worker, 0)
    last = os.fork()
    if not last:
        emit_all(client, "last", 1)
        os._exit(drive(flushing(client)))
    assert os.waitpid(last, 0)[1] == 0
    assert drive(flushing(client)) == 0
    os._exit(0)


def flushing(client):
    """Flush; gives how many facts remain."""
    return (yield client.flush(GUARD))


def pool(url, folder, workers, count):
    """Emit in the processes of a pool, which end without any hook of ours being called."""
    global shared  # noqa: PLW0603 - the pool's processes inherit it
    shared = opened(url, folder)
    context = multiprocessing.get_context("fork")
    with context.Pool(int(workers)) as processes:
        processes.starmap(emit_shared, [(f"job{n}", int(count)) for n in range(2 * int(workers))])
        processes.close()
        processes.join()
    assert drive(flushing(shared)) == 0


def emit_shared(name, count):
    """What a process of the pool does."""
    emit_all(shared, name, count)


def processes(url, folder, way, count):
    """Emit in processes that Python starts one way or another, and beside them; tell how often."""
    os.environ.update(CLEW_URL=url, CLEW_SPOOL=folder)
    from delivery.faults.application import client

    is_over = threading.Event()
    rounds = 0

    def emit_beside():
        nonlocal rounds
        while not is_over.wait(0.005):
            emit_all(client, f"parent{rounds}", 20)
            rounds += 1

    emit_all(client, "before", 20)
    beside = threading.Thread(target=emit_beside)
    beside.start()
    # A process that starts from nothing opens its own client; all others inherit an open one.
    jobs = [(f"job{n}", int(count), way in {"spawn", "forkserver"}) for n in range(4)]
    if way == "executor":
        with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as executor:
            for future in [executor.submit(emit_in_child, *job) for job in jobs]:
                future.result(GUARD)
    else:
        context = multiprocessing.get_context(way.removesuffix(", loaded"))
        if way == "forkserver, loaded":
            context.set_forkserver_preload(["delivery.faults.application"])
        children = [context.Process(target=emit_in_child, args=job) for job in jobs]
        for child in children:
            child.start()
        for child in children:
            child.join(GUARD)
            assert child.exitcode == 0
    is_over.set()
    beside.join()
    assert client.close(GUARD) == 0
    say(rounds)


def emit_in_child(name, count, is_own):
    """What each of these processes does, with a client that is its own or was inherited."""
    from delivery.faults import application

    assert (application.opened_by == os.getpid()) == is_own
    application.emit(name, count)


def emit_on_a_small_disk(url, folder, count, file_bytes, pending_bytes):
    """Emit where no file may grow beyond a size, wait for the test, and tell what was lost."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(file_bytes), hard))
    client = opened(url, folder, max_pending_bytes=int(pending_bytes))
    yield from emitting(client, "a", int(count))
    say("emitted")
    yield sys.stdin.readline
    remaining = yield client.close(GUARD)
    say(json.dumps({"remaining": remaining, "losses": client.losses}))


def emit_on_a_full_disk(url, folder, count, pending_bytes):
    """As `emit_on_a_small_disk`, on a disk that is small itself."""
    return emit_on_a_small_disk(url, folder, count, resource.RLIM_INFINITY, pending_bytes)


def emit_many(url, folder, count, size, overflow, pending_bytes):
    """
    Emit much to a server that hangs; tell what each call, the disk and memory had to bear.

    Each signal has so many bytes of data beside all else.
    """
    told = []
    client = opened(
        url,
        folder,
        max_pending_bytes=int(pending_bytes) or None,
        overflow=overflow,
        on_loss=lambda cause, number: told.append((cause, number)),
    )
    emit_all(client, "warm", 100)
    yield client.flush(1.0)  # what the first request needs is loaded by then
    waits, works = (array("d", [0.0]) * int(count) for _ in range(2))  # not to be measured, too
    before = resident_bytes()
    for n in range(int(count)):
        data = {"path": "/" * int(size)}
        start = spent()
        client.emit("page_viewed", subject=f"u-{n % 50}", id=f"a-{n}", data=data)
        passed, worked, queued = (end - begun for end, begun in zip(spent(), start, strict=True))
        waits[n], works[n] = passed - worked - queued, worked
        if n % 50 == 0:
            yield
    document = {
        "waits": sorted(waits)[-10:],
        "busiest": sorted(works)[-4:],
        "grown": resident_bytes() - before,
        "disk": sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()),
        "waiting": (yield client.flush(0.0)),
        "losses": client.losses,
        "told": sum(number for _, number in told),
    }
    say(json.dumps(document))
    os._exit(0)


def spent():
    """
    What this thread has spent so far, in seconds: in all, at work, and waiting for a processor.

    What is left of the first without the others it has waited for something else, however busy the
    machine is.
    """
    _, queued, _ = map(int, Path("/proc/thread-self/schedstat").read_bytes().split())
    return time.perf_counter(), time.thread_time(), queued / 1e9


def resident_bytes():
    """What of this process is in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored in the background
    kind, task, *arguments = sys.argv[1:]
    steps = globals()[task](*arguments)
    if isinstance(steps, GeneratorType):
        drive(steps)
    elif isinstance(steps, CoroutineType):
        run_watched(steps, HANGS_SECONDS)
