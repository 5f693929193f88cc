"""What the workers of real servers emit, which are forked when the client is open, arrives once."""

import json
import os
import signal
import socket
import sys
from contextlib import contextmanager, nullcontext

import httpx
import pytest

from clew import Client
from delivery.faults.conftest import until
from delivery.faults.on_loop import GUARD

pytestmark = [
    pytest.mark.server,
    pytest.mark.parametrize("world", ["Client"], indirect=True),  # the applications choose theirs
]

#: What each request and each task emits, and each master before it forks.
COUNT, BEFORE = 200, 20

#: Answers so slowly that a worker ends before it has delivered all.
SLOW = {"latency": 0.05, "requests": 1_000}

#: Nobody has to be asked, so that all is kept.
POLICY = {
    "id": "shop",
    "version": "1",
    "purposes": [{"id": "service", "basis": "contract"}],
    "objectives": [{"id": "orders", "signal": "order_placed"}],
    "traits": [
        {"id": "views", "signal": "page_viewed", "aggregate": "count", "purpose": "service"}
    ],
    "slots": [
        {
            "id": "hero",
            "strategy": "bandit",
            "objective": "orders",
            "purpose": "service",
            "default": "plain",
            "sticky": "none",
        }
    ],
    "creatives": [
        {"id": name, "version": "1", "slots": ["hero"], "content": {"en": {"headline": name}}}
        for name in ("plain", "bold")
    ],
}


class Gunicorn:
    """gunicorn with two workers, over an application that is loaded before they are forked."""

    def __init__(self, world, door, application, options):
        #: How much was emitted under each name.
        self.emitted = {"master": BEFORE}
        self._world = world
        self._address = "http://{}:{}".format(*door.getsockname())
        words = [sys.executable, "-m", "gunicorn", "--preload", "--workers", 2]
        words += ["--bind", f"fd://{door.fileno()}", "--no-control-socket", *options, application]
        self._process = world.start(
            words, pass_fds=[door.fileno()], CLEW_URL=world.url, CLEW_SPOOL=world.spool
        )

    def ask(self):
        """Ask for a page, which emits; gives the worker that served it."""
        name = f"page{len(self.emitted)}"
        answer = httpx.get(f"{self._address}/{name}/{COUNT}", timeout=GUARD, trust_env=False)
        assert answer.status_code == 200
        self.emitted[name] = COUNT
        return int(answer.text)

    def ask_workers(self, number, known=()):
        """Ask until so many workers have served beside those that are known; gives all who have."""
        served = set()
        until(lambda: served.add(self.ask()) or len(served - set(known)) >= number, "the workers")
        return served

    def end(self):
        """Have it end in order."""
        self._process.send_signal(signal.SIGTERM)
        self._world.ended(self._process)


@contextmanager
def gunicorn(world, application="delivery.faults.web:wsgi", *options):
    """Have gunicorn serve, until the block ends and it does, in order."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        shop = Gunicorn(world, door, application, options)
        yield shop
        shop.end()


@pytest.mark.parametrize(
    ("workers", "application", "options"),
    [
        pytest.param(2, "delivery.faults.web:wsgi", [], id="sync"),
        pytest.param(
            5, "delivery.faults.web:wsgi", ["--max-requests", 2], id="sync, two requests each"
        ),
        pytest.param(
            2,
            "delivery.faults.web:wsgi",
            ["--worker-class", "gthread", "--threads", 2],
            id="gthread",
        ),
        pytest.param(2, "delivery.faults.web:asgi", ["--worker-class", "asgi"], id="asgi"),
        pytest.param(
            2,
            "delivery.faults.web:asgi",
            ["--worker-class", "uvicorn_worker.UvicornWorker"],
            id="uvicorn",
        ),
    ],
)
def test_the_workers_of_gunicorn(world, emitted, workers, application, options):
    """`--preload`: what the master emits before it forks, and its workers after, arrives once."""
    with world.served(SLOW):
        with gunicorn(world, application, *options) as shop:
            shop.ask_workers(workers)
        world.run("drain")
    assert set(world.taken()) == emitted(**shop.emitted)


def test_gunicorn_delivers_while_it_serves(world, emitted):
    """Master and workers deliver as they emit, and leave nothing for the next start."""
    with world.served(), gunicorn(world) as shop:
        shop.ask_workers(2)
        until(lambda: set(world.taken()) == emitted(**shop.emitted), "what was emitted")


@pytest.mark.parametrize("away", [True, False], ids=["away", "hanging"])
def test_gunicorn_serves_and_ends_while_nothing_is_delivered(world, emitted, away):
    """Requests are answered and gunicorn ends in order; the next start delivers everything."""
    hanging = nullcontext() if away else world.served({"status": "hang", "requests": 1_000})
    with hanging, gunicorn(world) as shop:
        shop.ask_workers(2)
    with world.served():
        assert world.taken() == {}
        world.run("drain")
    assert world.taken() == dict.fromkeys(emitted(**shop.emitted), 1)


def test_a_worker_of_gunicorn_that_is_killed(world, emitted):
    """What a worker emitted before SIGKILL is delivered by those that live on."""
    with world.served(SLOW), gunicorn(world) as shop:
        known = shop.ask_workers(2)
        os.kill(shop.ask(), signal.SIGKILL)
        shop.ask_workers(1, known)
        until(lambda: set(world.taken()) == emitted(**shop.emitted), "what was emitted")


@contextmanager
def celery(world, url, tasks, *options):
    """Have tasks done by two processes of Celery, until the block ends; gives what they told."""
    broker = world.folder / "broker"
    for name in ("queue", "processed"):
        (broker / name).mkdir(parents=True, exist_ok=True)
    done = broker / "done"
    done.write_text("")
    places = {"CLEW_URL": url, "CLEW_SPOOL": world.spool, "CLEW_BROKER": broker}
    # All are there before the worker is: this broker lets a task be taken while it is written.
    world.ended(
        world.start([sys.executable, "-m", "delivery.faults.tasks", json.dumps(tasks)], **places)
    )
    words = [sys.executable, "-m", "celery", "-A", "delivery.faults.tasks", "worker"]
    words += ["--pool", "prefork", "--concurrency", 2, "--loglevel", "WARNING"]
    words += ["--without-gossip", "--without-mingle", "--without-heartbeat", *options]
    worker = world.start(words, **places)
    until(lambda: done.read_text().count("\n") == len(tasks), "the tasks")
    yield [line.split() for line in done.read_text().splitlines()]
    worker.send_signal(signal.SIGTERM)
    world.ended(worker)


def views(number):
    """Tasks that emit, and how much under each name when Celery itself has emitted, too."""
    tasks = [("view", [f"task{n}", COUNT]) for n in range(number)]
    return tasks, {"master": BEFORE, **{name: count for _, (name, count) in tasks}}


def test_celery_delivers_while_it_works(world, emitted):
    """Both processes of the pool deliver what tasks emit, and their parent what it emitted."""
    tasks, counts = views(20)
    with world.served(), celery(world, world.url, tasks) as told:
        assert len({process for (process,) in told}) == 2
        until(lambda: set(world.taken()) == emitted(**counts), "what was emitted")


def test_a_process_of_celery_for_each_task(world, emitted):
    """What a process emits that ends with its task arrives, with the next start if not before."""
    tasks, counts = views(10)
    with world.served(SLOW):
        with celery(world, world.url, tasks, "--max-tasks-per-child", 1) as told:
            assert len({process for (process,) in told}) == 10
        world.run("drain")
    assert set(world.taken()) == emitted(**counts)


@pytest.mark.parametrize("options", [[], ["--max-tasks-per-child", 1]], ids=["lasting", "passing"])
def test_celery_over_a_file(world, options):
    """
    On SQLite, too, each signal counts once, and a request that is repeated is not drawn anew.

    Not even by the processes of another run, which have nothing of the first one but the file.
    """
    url = f"sqlite:///{world.folder}/shop.db"
    tasks = [("choose", [f"request{n}"]) for n in range(10)]
    with Client(url, policy=POLICY, spool=world.spool) as client:
        with celery(world, url, [*tasks, *views(10)[0]], *options) as told:
            pass
        assert client.flush(GUARD) == 0
        with celery(world, url, tasks, *options) as told_again:
            pass
        assert client.flush(GUARD) == 0
        signals = [client.profile(f"u-{n}").computed["views"] for n in range(50)]
        decisions = {one.request_id: one.id for one in client.decisions("u-1")}
    assert sum(signals) == BEFORE + 10 * COUNT
    assert sorted(decisions) == sorted(name for _, (name,) in tasks)
    assert decisions == dict(words for _, *words in told if words)
    assert decisions == dict(words for _, *words in told_again)
