"""What the tests of delivery share: time moved by hand, and a receiver that can be told to fail."""

import threading
from collections import deque

import pytest

#: Only ever waited for when something hangs, in seconds.
GUARD = 20.0


class HandTiming:
    """Stands still until it is advanced."""

    def __init__(self):
        self._now = 0.0
        self._changed = threading.Condition()
        self._sleepers = []
        #: How often a sleeper has woken, for whatever reason.
        self.wakings = 0

    def now(self):
        return self._now

    def wait(self, condition, seconds, /):
        sleeper = (condition, None if seconds is None else self._now + seconds)
        with self._changed:
            self._sleepers.append(sleeper)
            self._changed.notify_all()
        condition.wait()
        with self._changed:
            self._sleepers.remove(sleeper)
            self.wakings += 1

    def wait_for_sleeper(self, moment):
        """Return once somebody waits for just that moment."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._due(moment), GUARD), "nobody waits for it"

    def advance(self, seconds):
        """Move on, once somebody waits for just that moment."""
        moment = self._now + seconds
        self.wait_for_sleeper(moment)
        with self._changed:
            self._now = moment
            due = self._due(moment)
        for condition in due:
            with condition:
                condition.notify_all()

    def _due(self, moment):
        return [c for c, until in self._sleepers if until == pytest.approx(moment)]


class Receiver:
    """
    Keeps what it is sent; fails as often as it is told, and waits at its gate while it is shut.
    """

    def __init__(self):
        self.batches = []
        self.attempts = []
        self.errors = deque()
        self.poison = set()
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Semaphore(0)

    def __call__(self, batch):
        self.attempts.append(list(batch))
        self.entered.release()
        assert self.gate.wait(GUARD), "the gate was never opened"
        if self.errors:
            raise self.errors.popleft()
        if self.poison.intersection(batch):
            raise ValueError("not a record")
        self.batches.append(list(batch))

    @property
    def records(self):
        return [payload for batch in self.batches for payload in batch]

    def wait_until_entered(self):
        assert self.entered.acquire(timeout=GUARD), "nothing was sent"


@pytest.fixture
def workers():
    """Gives the threads of outboxes that the test has started and that run still."""
    others = set(threading.enumerate())

    def started():
        running = set(threading.enumerate()) - others
        return [thread for thread in running if thread.name == "clew-outbox"]

    return started


@pytest.fixture
def timing():
    return HandTiming()


@pytest.fixture
def receiver():
    one = Receiver()
    yield one
    one.gate.set()
