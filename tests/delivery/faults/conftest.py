"""A world to fail in: a counting server in a process of its own, applications in theirs."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from clew import Client
from delivery.faults.on_loop import GUARD, OnLoop

HERE = Path(__file__).parent
TESTS = HERE.parents[1]


def until(condition, what):
    """Wait for a condition; gives what it answers."""
    deadline = time.monotonic() + GUARD
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)
    return answer


class World:
    """
    One server at one address, which may be away, and one folder of facts on their way.

    Args:
        kind: which client its applications use, by its name.
    """

    def __init__(self, kind, folder):
        self.kind = kind
        self.folder = folder
        self.spool = folder / "spool"
        self.notes = folder / "notes"
        self.notes.mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://key@127.0.0.1:{self.port}"
        self.children = []

    def serve(self, *stages):
        """Start the server; gives its process."""
        script = [sys.executable, HERE / "server.py", str(self.port), self.notes]
        server = self.start([*script, json.dumps(stages)])
        assert server.stdout.readline(), "the server did not start"
        return server

    @contextmanager
    def served(self, *stages):
        """A server for as long as the block lasts."""
        server = self.serve(*stages)
        try:
            yield
        finally:
            self.stop(server)

    def command(self, task, *arguments):
        """What runs one of the small applications."""
        words = (self.kind, task, self.url, self.spool, *arguments)
        return [sys.executable, "-m", "delivery.faults.programs", *map(str, words)]

    def application(self, task, *arguments):
        """Start one of the small applications; gives its process."""
        return self.start(self.command(task, *arguments))

    def run(self, task, *arguments):
        """Run an application to its end; gives the last line it told."""
        return self.ended(self.application(task, *arguments))

    def ended(self, child, code=0):
        """Wait for an application; gives the last line it told."""
        told, _ = child.communicate(timeout=GUARD)
        assert child.returncode == code
        return told.splitlines()[-1] if told else None

    def client(self, **options):
        """A client in the process of the test; one for asyncio has a loop that is watched."""
        kind = {"Client": Client, "AsyncClient": OnLoop}[self.kind]
        return kind(self.url, spool=self.spool, **options)

    def taken(self):
        """How often the server has taken each id."""
        return Counter((self.notes / "taken").read_text().split())

    def answers(self):
        """When the server answered what, as (seconds, status)."""
        lines = (self.notes / "answers").read_text().splitlines()
        return [(float(at), status) for at, status, _ in map(str.split, lines)]

    def start(self, command, *, pass_fds=(), **environment):
        """Start a process that, with all that it forks, does not outlive the test."""
        child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path])}
            | {name: str(value) for name, value in environment.items()},
            pass_fds=pass_fds,
            start_new_session=True,
        )
        self.children.append(child)
        return child

    def stop(self, child):
        """Kill a process and what it has forked, unless it has ended."""
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(GUARD)
        child.stdin.close()
        child.stdout.close()


@pytest.fixture(params=["Client", "AsyncClient"])
def world(request, tmp_path):
    """A world of its own for each test and each client."""
    one = World(request.param, tmp_path)
    yield one
    for child in one.children:
        one.stop(child)


@pytest.fixture
def emitted():
    """The ids that an application emits under names, by their counts."""
    return lambda **counts: {f"{name}-{n}" for name in counts for n in range(counts[name])}
