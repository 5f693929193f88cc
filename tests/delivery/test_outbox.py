"""The outbox takes records at once, delivers them in order, and says what it could not."""

import itertools
import os
import signal
import threading
from contextlib import nullcontext

import pytest

from clew.delivery import outbox as outboxes
from clew.delivery.backlog import count_records
from clew.delivery.outbox import Outbox
from clew.delivery.retry import Backoff
from clew.delivery.spool import Spool
from clew.delivery.stretch import Stretch
from clew.errors import BackendUnavailableError, ClosedError

#: Only ever waited for when something hangs, in seconds.
GUARD = 20.0


@pytest.fixture(params=["spool", "memory"])
def spool(request, tmp_path):
    """With a disk and without one, the outbox is to behave alike."""
    return Spool(tmp_path / "spool") if request.param == "spool" else None


@pytest.fixture
def opened():
    """Opens outboxes, and closes them after the test."""
    outboxes = []

    def open_outbox(*args, **kwargs):
        outboxes.append(Outbox(*args, **kwargs))
        return outboxes[-1]

    yield open_outbox
    for outbox in outboxes:
        outbox.close(0.0)


def in_thread(function, *args):
    """Run a function in a thread; the answer joins it and gives what it returned."""
    results = []
    thread = threading.Thread(target=lambda: results.append(function(*args)))
    thread.start()

    def join():
        thread.join(GUARD)
        assert results, "it hangs"
        return results[0]

    return join


def numbers(count):
    return [b"%d" % n for n in range(count)]


def test_records_are_delivered_in_order(receiver, spool, opened):
    """After a flush the receiver has every record once, in the order in which they were put."""
    outbox = opened(receiver, spool=spool, batch_count=7)
    for payload in numbers(1000):
        assert outbox.put(payload)
    assert outbox.flush(GUARD) == 0
    assert receiver.records == numbers(1000)
    assert max(map(len, receiver.batches)) <= 7
    assert outbox.pending == 0


def test_the_first_record_waits_for_company(receiver, spool, opened, timing):
    """Records that are put within the linger share a batch, which leaves when it is over."""
    outbox = opened(receiver, spool=spool, linger_seconds=0.05, timing=timing)
    outbox.put(b"a")
    outbox.put(b"b")
    timing.advance(0.05)
    receiver.wait_until_entered()
    assert receiver.attempts == [[b"a", b"b"]]


def test_what_comes_soon_wakes_nobody(receiver, spool, opened, timing):
    """After a batch the worker looks for the next records by itself, so that putting costs less."""
    outbox = opened(receiver, spool=spool, linger_seconds=0.25, timing=timing)
    outbox.put(b"first")
    timing.advance(0.25)
    receiver.wait_until_entered()
    timing.advance(0.25)
    timing.wait_for_sleeper(0.75)
    before = timing.wakings
    outbox.put(b"second")
    outbox.put(b"third")
    assert timing.wakings == before
    timing.advance(0.25)
    receiver.wait_until_entered()
    assert receiver.batches == [[b"first"], [b"second", b"third"]]


def test_who_has_slept_is_woken(receiver, spool, opened, timing):
    """A worker that has found nothing for a while sleeps, and the next record is not forgotten."""
    outbox = opened(receiver, spool=spool, linger_seconds=0.5, timing=timing)
    outbox.put(b"first")
    timing.advance(0.5)
    receiver.wait_until_entered()
    timing.advance(0.5)
    timing.advance(0.5)
    timing.wait_for_sleeper(1.5 + 30.0)
    outbox.put(b"second")
    timing.advance(0.5)
    receiver.wait_until_entered()
    assert receiver.batches == [[b"first"], [b"second"]]


def test_a_full_batch_does_not_linger(receiver, spool, opened, timing):
    """As soon as a batch is complete it leaves, without any time passing."""
    outbox = opened(receiver, spool=spool, batch_count=2, timing=timing)
    outbox.put(b"a")
    outbox.put(b"b")
    receiver.wait_until_entered()
    assert receiver.attempts == [[b"a", b"b"]]


def test_flush_does_not_linger(receiver, spool, opened, timing):
    """A flush delivers what there is, without any time passing."""
    outbox = opened(receiver, spool=spool, timing=timing)
    outbox.put(b"a")
    assert outbox.flush(1.0) == 0
    assert receiver.records == [b"a"]


def test_flush_keeps_its_deadline(receiver, spool, opened, timing):
    """While a send hangs, a flush returns at its deadline and says how many records remain."""
    outbox = opened(receiver, spool=spool, batch_count=2, timing=timing)
    receiver.gate.clear()
    for payload in numbers(5):
        outbox.put(payload)
    receiver.wait_until_entered()
    flushed = in_thread(outbox.flush, 3.0)
    timing.advance(3.0)
    assert flushed() == 5


@pytest.mark.parametrize(
    ("error", "tries_at_once"),
    [
        pytest.param(OSError("away"), True, id="it is away"),
        pytest.param(
            BackendUnavailableError("busy", retry_after=7.0), False, id="it asks for time"
        ),
    ],
)
def test_a_flush_tries_at_once(receiver, spool, opened, timing, error, tries_at_once):
    """Whoever flushes does not wait for the pause of a failing receiver to end, if it is ours."""
    backoff = Backoff(base_seconds=9.0, cap_seconds=9.0, random=lambda: 1.0)
    outbox = opened(receiver, spool=spool, batch_count=1, timing=timing, backoff=backoff)
    receiver.errors.append(error)
    outbox.put(b"1")
    timing.wait_for_sleeper(9.0 if tries_at_once else 16.0)
    assert len(receiver.attempts) == 1
    flushing = in_thread(outbox.flush, 60.0)
    if not tries_at_once:
        timing.wait_for_sleeper(60.0)
        assert len(receiver.attempts) == 1
        timing.advance(16.0)
    assert flushing() == 0
    assert receiver.records == [b"1"]


def test_flush_waits_for_no_later_records(spool, opened, timing):
    """Records that are put during a flush do not hold it up."""
    gates = {b"first": threading.Event(), b"later": threading.Event()}

    def send(batch):
        gates[batch[0]].wait(GUARD)

    outbox = opened(send, spool=spool, batch_count=1, timing=timing)
    outbox.put(b"first")
    flushed = in_thread(outbox.flush, 3.0)
    timing.wait_for_sleeper(3.0)
    outbox.put(b"later")
    gates[b"first"].set()
    assert flushed() == 0
    assert outbox.pending == 1
    gates[b"later"].set()


def test_close_keeps_its_deadline_and_the_records(receiver, tmp_path, opened, timing):
    """Closing while a send hangs leaves what is not delivered to the next outbox on the folder."""
    outbox = opened(receiver, spool=Spool(tmp_path), batch_count=2, timing=timing)
    receiver.gate.clear()
    for payload in numbers(5):
        outbox.put(payload)
    receiver.wait_until_entered()
    closed = in_thread(outbox.close, 3.0)
    timing.advance(3.0)
    assert closed() == 5
    assert outbox.losses == {}
    found = []
    heir = opened(found.extend, spool=Spool(tmp_path))
    assert heir.adopt() == 5
    assert heir.flush(GUARD) == 0
    assert found == numbers(5)


def test_closing_without_a_disk_counts_what_is_lost(receiver, opened, timing):
    """What memory alone had when the outbox was closed is counted, told and not delivered."""
    told = []
    outbox = opened(receiver, batch_count=2, timing=timing, on_loss=lambda *loss: told.append(loss))
    receiver.gate.clear()
    for payload in numbers(5):
        outbox.put(payload)
    receiver.wait_until_entered()
    assert outbox.endangered == 5
    assert outbox.close(0.0) == 5
    assert outbox.losses == {"closed": 5}
    assert told == [("closed", 5)]


def test_a_closed_outbox_takes_nothing(receiver, spool, opened, workers):
    """Putting after close is misuse; closing and flushing again is not."""
    outbox = opened(receiver, spool=spool)
    outbox.put(b"a")
    assert outbox.close(GUARD) == 0
    with pytest.raises(ClosedError, match="after close"):
        outbox.put(b"b")
    assert outbox.close(GUARD) == outbox.flush(GUARD) == 0
    assert receiver.records == [b"a"]
    assert workers() == []


def test_nothing_is_left_when_all_is_delivered(receiver, tmp_path, opened):
    """The folder is empty after a clean close."""
    outbox = opened(receiver, spool=Spool(tmp_path, segment_bytes=500))
    for payload in numbers(100):
        outbox.put(payload)
    assert outbox.close(GUARD) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_receiver_in_trouble_is_tried_again(receiver, spool, opened, timing):
    """
    After a failure that passes the batch waits out the backoff, and what follows waits behind it.
    """
    backoff = Backoff(base_seconds=1.0, random=lambda: 0.5)
    outbox = opened(receiver, spool=spool, batch_count=1, timing=timing, backoff=backoff)
    receiver.errors.extend([BackendUnavailableError("down"), ConnectionResetError()])
    outbox.put(b"a")
    outbox.put(b"b")
    timing.advance(0.5)
    timing.advance(1.0)
    assert outbox.flush(1.0) == 0
    assert receiver.attempts == [[b"a"], [b"a"], [b"a"], [b"b"]]
    assert receiver.records == [b"a", b"b"]


def test_poison_goes_to_the_dead_letters(receiver, spool, opened):
    """A record that is refused is handed over with the reason, counted, and does not come back."""
    dead = []
    outbox = opened(receiver, spool=spool, dead_letter=lambda *letter: dead.append(letter))
    receiver.poison = {b"3", b"8"}
    for payload in numbers(10):
        outbox.put(payload)
    assert outbox.close(GUARD) == 0
    assert dead == [(b"3", "ValueError: not a record"), (b"8", "ValueError: not a record")]
    assert outbox.losses == {"dead_letter": 2}
    assert receiver.records == [p for p in numbers(10) if p not in receiver.poison]
    if spool is not None:
        assert list(spool.directory.iterdir()) == []


def test_a_dead_letter_that_raises_does_not_stop_delivery(receiver, spool, opened, caplog):
    """A faulty dead-letter function is logged, and the next record delivered."""

    def dead_letter(payload, reason):
        raise RuntimeError(reason)

    outbox = opened(receiver, spool=spool, dead_letter=dead_letter)
    receiver.poison = {b"0"}
    outbox.put(b"0")
    outbox.put(b"1")
    assert outbox.flush(GUARD) == 0
    assert receiver.records == [b"1"]
    assert caplog.records[0].message == "dead_letter raised"


def bounded(spool):
    """Options with which ten records of one byte fit, of which one is taken at a time."""
    if spool is None:
        return {"max_memory_bytes": 9, "batch_count": 1}
    spool.max_bytes = 210
    return {"spool": spool, "batch_count": 1}


@pytest.mark.parametrize(
    ("overflow", "survivors", "taken"),
    [
        ("drop_oldest", [0, *range(5, 14)], [True] * 14),
        ("drop_newest", [*range(10)], [True] * 10 + [False] * 4),
    ],
)
def test_at_the_bound_something_gives_way(receiver, spool, opened, overflow, survivors, taken):
    """
    The oldest record that waits, or the new one, is dropped and counted; never the one in flight.
    """
    outbox = opened(receiver, overflow=overflow, **bounded(spool))
    receiver.gate.clear()
    answers = [outbox.put(b"0")]
    receiver.wait_until_entered()
    answers += [outbox.put(b"%x" % n) for n in range(1, 14)]
    assert answers == taken
    assert outbox.losses == {"overflow": 4}
    receiver.gate.set()
    assert outbox.close(GUARD) == 0
    assert receiver.records == [b"%x" % n for n in survivors]


def test_the_caller_waits_at_the_bound(receiver, spool, opened, timing):
    """With "block" a record that does not fit waits its time, and is lost if nothing moves."""
    options = bounded(spool)
    outbox = opened(receiver, overflow="block", block_seconds=2.0, timing=timing, **options)
    receiver.gate.clear()
    outbox.put(b"0")
    receiver.wait_until_entered()
    for n in range(1, 10):
        outbox.put(b"%x" % n)
    late = in_thread(outbox.put, b"a")
    timing.advance(2.0)
    assert late() is False
    assert outbox.losses == {"overflow": 1}
    assert outbox.put(b"c", waits=False) is False  # of whoever has no time
    assert outbox.losses == {"overflow": 2}
    patient = in_thread(outbox.put, b"b")
    receiver.gate.set()
    assert patient() is True
    assert outbox.close(1.0) == 0
    assert receiver.records == [*(b"%x" % n for n in range(10)), b"b"]


def test_room_is_noticed_as_soon_as_a_batch_leaves(opened):
    """
    A caller that waits for memory goes on when a batch is taken, not only when it is delivered.
    """
    gates = [threading.Event() for _ in range(3)]
    entered = threading.Event()

    def send(batch):
        entered.set()
        assert gates[int(batch[0])].wait(GUARD)

    outbox = opened(send, max_memory_bytes=1, batch_count=1, overflow="block", block_seconds=GUARD)
    outbox.put(b"0")
    assert entered.wait(GUARD)
    outbox.put(b"1")
    waiting = in_thread(outbox.put, b"2")
    gates[0].set()
    assert waiting() is True
    for gate in gates:
        gate.set()
    assert outbox.close(GUARD) == 0


def test_closing_frees_who_waits_at_the_bound(receiver, spool, opened, timing):
    """A caller that waits for room gives up when the outbox is closed."""
    options = bounded(spool)
    outbox = opened(receiver, overflow="block", block_seconds=9.0, timing=timing, **options)
    receiver.gate.clear()
    outbox.put(b"0")
    receiver.wait_until_entered()
    for n in range(1, 10):
        outbox.put(b"%x" % n)
    waiting = in_thread(outbox.put, b"a")
    timing.wait_for_sleeper(9.0)
    outbox.close(0.0)
    assert waiting() is False
    assert outbox.losses["overflow"] == 1


def test_a_record_larger_than_the_bound_is_refused(receiver, spool, opened):
    """One record that can never fit drops nothing else."""
    outbox = opened(receiver, spool=spool, max_memory_bytes=100)
    outbox.put(b"small")
    assert outbox.put(b"x" * 101) is False
    assert outbox.losses == {"too_large": 1}
    assert outbox.close(GUARD) == 0
    assert receiver.records == [b"small"]


def test_without_a_disk_to_write_on_records_are_delivered(receiver, tmp_path, opened):
    """
    A folder that cannot be made loses nothing by itself: records go from memory, and are in danger.
    """
    (tmp_path / "file").write_text("in the way")
    outbox = opened(receiver, spool=Spool(tmp_path / "file" / "spool"))
    receiver.gate.clear()
    assert [outbox.put(payload) for payload in numbers(10)] == [True] * 10
    assert outbox.endangered == 10
    assert outbox.losses == {}
    receiver.gate.set()
    assert outbox.close(GUARD) == 0
    assert receiver.records == numbers(10)
    assert outbox.losses == {}


def test_records_that_no_disk_took_are_lost_at_close(receiver, tmp_path, opened):
    """What the disk refused and nobody took is counted when the outbox is closed."""
    (tmp_path / "file").write_text("in the way")
    outbox = opened(receiver, spool=Spool(tmp_path / "file" / "spool"))
    receiver.gate.clear()
    for payload in numbers(10):
        outbox.put(payload)
    assert outbox.close(0.0) == 10
    assert outbox.losses == {"no_disk": 10}


def test_many_threads_put_and_nothing_is_lost(receiver, tmp_path, opened):
    """Records of several threads arrive once each, those of each thread in its order."""
    spool = Spool(tmp_path, durability="disk", segment_bytes=2000)
    outbox = opened(receiver, spool=spool, linger_seconds=0.0, max_memory_bytes=200)

    def put_all(name):
        for n in range(100):
            outbox.put(b"%d:%d" % (name, n))

    for join in [in_thread(put_all, name) for name in range(4)]:
        join()
    assert outbox.close(GUARD) == 0
    found = [tuple(map(int, payload.split(b":"))) for payload in receiver.records]
    assert sorted(found) == [(name, n) for name in range(4) for n in range(100)]
    for name in range(4):
        assert [n for who, n in found if who == name] == list(range(100))


def test_adopting_needs_a_spool(receiver, opened):
    """Without a disk there is nothing to adopt."""
    assert opened(receiver).adopt() == 0


def left_by_the_dead(folder, count):
    """Let a process that is no more have left records."""
    dead = Spool(folder)
    for payload in numbers(count):
        dead.append(payload, 0.0)
    dead.forget()


def test_a_flush_delivers_what_the_dead_left(receiver, tmp_path, opened):
    """Whoever flushes adopts; nothing need be put for it."""
    outbox = opened(receiver, spool=Spool(tmp_path))
    left_by_the_dead(tmp_path, 5)
    assert outbox.flush(GUARD) == 0
    assert receiver.records == numbers(5)


def test_an_idle_worker_looks_for_the_dead(receiver, tmp_path, opened, timing):
    """A process that goes on for months delivers what others left meanwhile."""
    outbox = opened(
        receiver, spool=Spool(tmp_path), batch_count=1, linger_seconds=1.0, timing=timing
    )
    outbox.put(b"mine")
    receiver.wait_until_entered()
    left_by_the_dead(tmp_path, 1)
    timing.advance(1.0)
    timing.advance(30.0)
    receiver.wait_until_entered()
    assert outbox.flush(1.0) == 0
    assert receiver.records == [b"mine", b"0"]


def test_the_worker_adopts_when_it_starts(receiver, tmp_path, opened):
    """A forked child, which never opened the folder, delivers what its predecessor left."""
    outbox = opened(receiver, spool=Spool(tmp_path), linger_seconds=0.0)
    left_by_the_dead(tmp_path, 1)
    outbox.put(b"mine")
    while b"0" not in itertools.chain(*receiver.attempts):
        receiver.wait_until_entered()
    assert outbox.flush(GUARD) == 0
    assert sorted(receiver.records) == [b"0", b"mine"]


def test_a_flush_waits_for_what_another_thread_adopts(receiver, tmp_path, opened, monkeypatch):
    """What is being adopted when a flush comes is delivered before the flush returns."""
    counting, counted = threading.Event(), threading.Event()

    def slowly(extent):
        counting.set()
        assert counted.wait(GUARD)
        return count_records(extent)

    monkeypatch.setattr(outboxes, "count_records", slowly)
    outbox = opened(receiver, spool=Spool(tmp_path))
    left_by_the_dead(tmp_path, 3)
    adopted = in_thread(outbox.adopt)
    assert counting.wait(GUARD)
    flushed = in_thread(outbox.flush, GUARD)
    counted.set()
    assert (adopted(), flushed()) == (3, 0)
    assert receiver.records == numbers(3)


def test_adopting_takes_no_longer_than_it_may(receiver, tmp_path, opened, timing):
    """Files that there was no time for are left for the next time."""
    outbox = opened(receiver, spool=Spool(tmp_path), timing=timing)
    for _ in range(3):
        left_by_the_dead(tmp_path, 1)
    with outbox._adopting:  # the worker adopts too, and would be quicker now and then
        assert [outbox.adopt(0.0) for _ in range(4)] == [1, 1, 1, 0]


class Interrupting(Spool):
    """A spool in the middle of whose writes a signal handler runs."""

    handler = staticmethod(lambda: None)

    def append(self, payload, at):
        segment = super().append(payload, at)
        self.handler()
        return segment

    def settle(self, extents):
        super().settle(extents)
        self.handler()


@pytest.mark.parametrize("name", ["flush", "close"])
def test_a_signal_handler_in_the_middle_of_a_put(receiver, tmp_path, opened, name):
    """A handler that flushes or closes there waits for nothing and breaks nothing."""
    spool = Interrupting(tmp_path)
    outbox = opened(receiver, spool=spool)
    outbox.put(b"0")
    answers = []
    spool.handler = lambda: answers.append(getattr(outbox, name)(GUARD))
    outbox.put(b"1")
    spool.handler = lambda: None
    assert answers in ([0], [1])
    assert not outbox.is_closed
    assert outbox.close(GUARD) == 0
    assert receiver.records == [b"0", b"1"]


@pytest.mark.parametrize("leaves", [False, True], ids=["returns", "raises"])
def test_a_signal_handler_that_puts_in_the_middle_of_a_put(receiver, tmp_path, opened, leaves):
    """What the handler puts follows what it has interrupted, also when it ends the program."""
    spool = Interrupting(tmp_path)
    outbox = opened(receiver, spool=spool, linger_seconds=GUARD)
    outbox.put(b"first")

    def handler():
        spool.handler = lambda: None
        assert outbox.put(b"last words")
        if leaves:
            raise SystemExit

    everything = [b"first", b"interrupted", b"last words"]
    spool.handler = handler
    with pytest.raises(SystemExit) if leaves else nullcontext():
        outbox.put(b"interrupted")
    assert outbox.close(GUARD) == 0
    assert receiver.records == ([b"first", b"last words"] if leaves else everything)
    # Nobody was told that it is safe, but it was written; whoever comes next finds it.
    heir = opened(receiver, spool=Spool(tmp_path))
    assert heir.flush(GUARD) == 0
    assert set(receiver.records) == set(everything)


@pytest.mark.parametrize("does", ["put", "flush"])
def test_a_signal_handler_while_a_record_gives_way(receiver, tmp_path, opened, does):
    """What it puts waits its turn, flushing there waits for nothing, and each loss is counted."""
    spool = Interrupting(tmp_path, max_bytes=90)
    outbox = opened(receiver, spool=spool, linger_seconds=GUARD)
    for record in numbers(3):
        outbox.put(record)

    def handler():
        spool.handler = lambda: None
        if does == "put":
            assert outbox.put(b"from the handler")
        assert outbox.flush(GUARD) == outbox.pending > 0

    spool.handler = handler
    assert outbox.put(b"3" * 20)  # two give way for it
    assert outbox.close(GUARD) == 0
    assert len(receiver.records) + outbox.losses["overflow"] == 4 + (does == "put")
    assert receiver.records[-1] == (b"from the handler" if does == "put" else b"3" * 20)
    backlog = outbox._backlog
    assert (backlog.count, backlog._cached_bytes, spool.pending_bytes) == (0, 0, 0)


def test_a_signal_handler_that_raises_leaves_no_wrong_count(receiver, spool, opened, monkeypatch):
    """The put that its exception cuts off is no more; others are taken and delivered."""
    outbox = opened(receiver, spool=spool, linger_seconds=GUARD)
    outbox.put(b"first")
    with monkeypatch.context() as interrupted:
        interrupted.setattr(Stretch, "takes", interrupt)
        with pytest.raises(KeyboardInterrupt):
            outbox.put(b"cut off")
    outbox.put(b"last")
    assert outbox.flush(GUARD) == 0
    assert receiver.records == [b"first", b"last"]
    backlog = outbox._backlog
    assert (backlog.count, backlog._cached_bytes, backlog._bare_bytes) == (0, 0, 0)


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_signal_handler_in_the_middle_of_a_flush(spool, opened):
    """A handler that closes while its own thread flushes finishes what the flush began."""
    handling = threading.Event()
    found = []

    def send(batch):
        os.kill(os.getpid(), signal.SIGUSR1)
        assert handling.wait(GUARD)
        found.extend(batch)

    def handler(*_):
        handling.set()
        assert outbox.close(GUARD) == 0

    outbox = opened(send, spool=spool, linger_seconds=GUARD)
    outbox.put(b"0")
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        assert outbox.flush(GUARD) == 0
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert outbox.is_closed
    assert found == [b"0"]


def test_what_is_given_up_after_the_end_is_not_buried_twice(
    receiver, tmp_path, opened, timing, workers
):
    """A send that fails for good when its outbox is closed leaves its record to the next one."""
    dead = []
    receiver.poison = {b"0"}
    receiver.gate.clear()
    outbox = opened(
        receiver,
        spool=Spool(tmp_path),
        batch_count=1,
        timing=timing,
        dead_letter=lambda *letter: dead.append(letter),
    )
    outbox.put(b"0")
    receiver.wait_until_entered()
    [worker] = workers()
    assert outbox.close(0.0) == 1
    receiver.gate.set()
    worker.join(GUARD)
    assert (dead, outbox.losses) == ([], {})


@pytest.mark.parametrize(
    ("is_heard", "silent_for", "waits"),
    [
        pytest.param(True, 0.0, 1.0, id="one that answers"),
        pytest.param(True, 0.4, 0.6, id="one that has been silent"),
        pytest.param(True, 1.5, 0.0, id="one that hangs"),
        pytest.param(False, 0.0, outboxes.FIRST_ANSWER_SECONDS, id="one that was just asked"),
        pytest.param(False, 1.5, 0.0, id="one that never answered"),
    ],
)
def test_the_end_waits_for_who_answers(
    receiver, tmp_path, opened, timing, is_heard, silent_for, waits
):
    """The end of the process has no time for a receiver that does not answer: the disk is safe."""
    outbox = opened(receiver, spool=Spool(tmp_path), batch_count=1, timing=timing)
    if is_heard:
        outbox.put(b"before")
        assert outbox.flush(GUARD) == 0
        receiver.wait_until_entered()
    receiver.gate.clear()
    outbox.put(b"0")
    receiver.wait_until_entered()
    if silent_for:
        flushed = in_thread(outbox.flush, silent_for)
        timing.advance(silent_for)
        assert flushed() == 1
    ended = in_thread(lambda: outbox.at_exit(1.0) or "ended")
    if waits:
        timing.advance(waits)
    assert ended() == "ended"
    assert (outbox.pending, outbox.losses) == (1, {})


def test_the_end_has_little_time_for_a_receiver_that_fails(receiver, tmp_path, opened, timing):
    """One that answered before and fails now is as one that never answered."""
    backoff = Backoff(base_seconds=9.0, random=lambda: 1.0)
    outbox = opened(receiver, spool=Spool(tmp_path), batch_count=1, timing=timing, backoff=backoff)
    outbox.put(b"before")
    assert outbox.flush(GUARD) == 0
    receiver.errors.append(BackendUnavailableError("away"))
    outbox.put(b"0")
    timing.wait_for_sleeper(9.0)
    ended = in_thread(lambda: outbox.at_exit(1.0) or "ended")
    timing.advance(outboxes.FIRST_ANSWER_SECONDS)
    assert ended() == "ended"


def test_the_end_waits_for_what_no_disk_has(receiver, opened, timing):
    """What memory alone has is worth all the time there is, though the receiver is silent."""
    outbox = opened(receiver, batch_count=1, timing=timing)
    receiver.gate.clear()
    outbox.put(b"0")
    receiver.wait_until_entered()
    ended = in_thread(lambda: outbox.at_exit(1.0) or "ended")
    timing.advance(1.0)
    assert ended() == "ended"
    assert outbox.losses == {"closed": 1}


def test_what_the_end_cannot_deliver_from_memory_is_counted(receiver, opened, caplog):
    """At the end of the process what no disk has is counted, told and logged."""
    told = []
    outbox = opened(receiver, on_loss=lambda *loss: told.append(loss))
    receiver.gate.clear()
    for payload in numbers(3):
        outbox.put(payload)
    outbox.at_exit(0.0)
    assert told == [("closed", 3)]
    [record] = caplog.records
    assert record.message.startswith("3 facts were lost so far (closed): in memory alone when")
