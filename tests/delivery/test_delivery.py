"""
Whatever happens in whatever order, every record is delivered, and none again once it is settled.
"""

import math
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from clew.clock import SystemClock
from clew.delivery.backlog import Backlog, count_records
from clew.delivery.courier import Courier
from clew.delivery.losses import Losses
from clew.delivery.retry import Backoff
from clew.delivery.spool import Spool


class Delivery(RuleBasedStateMachine):
    """One process after another on a folder, each putting, delivering, failing and dying."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.put_count = 0
        self.accepted = set()  # what the receiver took
        self.settled = set()
        self.troubles = []  # what befalls the next attempts; after them the receiver is well
        self.dies = False  # whether the process dies when they are over

    @initialize(memory=st.sampled_from([3, 20, 1000]), segment=st.sampled_from([60, 300, 10_000]))
    def start(self, memory, segment):
        """The first process, with bounds small enough to be met."""
        self.memory, self.segment = memory, segment
        self.open()

    def open(self):
        self.losses = Losses()
        self.spool = Spool(self.folder, segment_bytes=self.segment)
        self.backlog = Backlog(self.spool, max_memory_bytes=self.memory, losses=self.losses)
        self.courier = Courier(
            self.send, self, backoff=Backoff(), max_age_seconds=math.inf, clock=SystemClock()
        )
        for path in self.spool.orphans():
            extent = self.spool.adopt(path)
            if extent is not None:
                self.backlog.add_extent(extent, count_records(extent))

    def send(self, batch):
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble == "refused":
            raise ConnectionRefusedError
        assert self.settled.isdisjoint(batch), "delivered again though it was settled"
        self.accepted.update(batch)
        if trouble == "answer lost":
            raise ConnectionResetError

    def settle(self, records, /):
        self.backlog.settle(records)
        self.settled.update(records.payloads)

    def failed(self, error, /):
        pass

    def bury(self, record, cause, reason, /):
        raise AssertionError(f"given up: {record.payloads!r}, {cause}, {reason}")

    def pause(self, seconds, /, *, is_asked=False):
        return bool(self.troubles) or not self.dies

    @rule(count=st.integers(1, 12))
    def put(self, count):
        """Put some records."""
        for _ in range(count):
            assert self.backlog.add(b"%d" % self.put_count, 0.0) is None
            self.put_count += 1

    @rule(size=st.integers(1, 8))
    def deliver(self, size):
        """Deliver a batch to a receiver in good health."""
        self.courier.deliver(self.backlog.take(size, 1 << 20))

    @rule(
        size=st.integers(1, 8),
        troubles=st.lists(st.sampled_from(["refused", "answer lost"]), min_size=1, max_size=3),
        dies=st.booleans(),
    )
    def fail(self, size, troubles, dies):
        """
        Deliver a batch to a receiver in trouble, which gets well unless the process dies first.
        """
        self.troubles, self.dies = troubles, dies
        self.courier.deliver(self.backlog.take(size, 1 << 20))
        self.troubles, self.dies = [], False
        if dies:
            self.crash(b"")

    @rule(torn=st.sampled_from([b"", b"\xc1", b"\xc1rec" + b"\x07" * 20]))
    def crash(self, torn):
        """Die without a word, perhaps in the middle of a write, and start again."""
        current = self.spool._current
        self.spool.forget()
        if current is not None:
            with current.path.open("ab") as file:
                file.write(torn)
        self.open()

    @rule()
    def restart(self):
        """End cleanly, whatever is left, and start again."""
        self.spool.close()
        self.open()

    @invariant()
    def nothing_is_lost(self):
        """No loss is counted, and the count of what waits is right."""
        if self.put_count:
            assert not self.losses.counts
            assert self.backlog.count == self.put_count - len(self.settled)

    def teardown(self):
        """In the end a receiver in good health has every record, and the folder is empty."""
        if hasattr(self, "backlog"):
            while batch := self.backlog.take(5, 1 << 20):
                self.courier.deliver(batch)
            everything = {b"%d" % n for n in range(self.put_count)}
            assert self.accepted == self.settled == everything
            self.spool.close()
            assert list(self.folder.iterdir()) == []
        shutil.rmtree(self.folder)


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
