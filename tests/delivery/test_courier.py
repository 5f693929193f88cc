"""A batch is carried in order, split around what is at fault, and given up by age."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.delivery.courier import Courier
from clew.delivery.retry import Backoff
from clew.delivery.stretch import Batch, Stretch
from clew.errors import BackendRejectedError, BackendUnavailableError


class HandClock:
    """A wall clock that stands at `at`."""

    def __init__(self, at):
        self.at = at

    def now(self):
        return self.at


class Book:
    """A ledger that notes all, and stops the courier after so many waits."""

    def __init__(self, waits=100):
        self.settled, self.buried, self.waited, self.failures = [], [], [], []
        self._waits = waits

    def settle(self, records, /):
        self.settled += records.payloads

    def failed(self, error, /):
        self.failures.append(error)

    def bury(self, record, cause, reason, /):
        (payload,) = record.payloads
        self.buried.append((payload, cause, reason))

    def pause(self, seconds, /, *, is_asked=False):
        if seconds:
            self.waited.append(seconds)
        return len(self.waited) < self._waits


def batch(*payloads):
    """Records that were put at the instants 0, 1, 2 …"""
    return Batch([Stretch(0, None, 0, [(p, float(n), 0) for n, p in enumerate(payloads)])])


def courier(send, book, *, now=0.0, max_age_seconds=100.0):
    """A courier whose jitter is always half of the ceiling."""
    return Courier(
        send,
        book,
        backoff=Backoff(base_seconds=1.0, cap_seconds=4.0, random=lambda: 0.5),
        max_age_seconds=max_age_seconds,
        clock=HandClock(now),
    )


def test_a_batch_that_is_taken_is_settled(receiver):
    """One attempt, and all of it settled."""
    book = Book()
    courier(receiver, book).deliver(batch(b"a", b"b"))
    assert receiver.batches == [[b"a", b"b"]]
    assert book.settled == [b"a", b"b"]


def test_a_failure_that_passes_is_waited_out(receiver):
    """The same batch is tried again, after waits that double up to the cap."""
    book = Book()
    receiver.errors.extend([BackendUnavailableError()] * 4)
    courier(receiver, book).deliver(batch(b"a"))
    assert book.waited == [0.5, 1.0, 2.0, 2.0]
    assert len(book.failures) == 4
    assert book.settled == [b"a"]


def test_it_stops_when_it_is_told(receiver):
    """Told to stop while it waits, it leaves the batch neither settled nor buried."""
    book = Book(waits=2)
    receiver.errors.extend([OSError()] * 9)
    courier(receiver, book).deliver(batch(b"a"))
    assert len(receiver.attempts) == 2
    assert (book.settled, book.buried) == ([], [])


@given(st.integers(1, 40), st.data())
def test_poison_is_isolated(size, data):
    """Whichever records are at fault, just these are buried and all others arrive in order."""
    payloads = [b"%d" % n for n in range(size)]
    poison = data.draw(st.sets(st.sampled_from(payloads)))
    taken, book = [], Book()

    def send(part):
        if poison.intersection(part):
            raise BackendRejectedError("no")
        taken.extend(part)

    courier(send, book).deliver(batch(*payloads))
    assert taken == book.settled == [p for p in payloads if p not in poison]
    assert book.buried == [
        (p, "dead_letter", "BackendRejectedError: no") for p in payloads if p in poison
    ]


def test_a_record_too_old_is_given_up(receiver):
    """After a failure, what is older than the bound is buried, and the rest tried again."""
    book = Book()
    receiver.errors.append(BackendUnavailableError("down"))
    courier(receiver, book, now=101.5).deliver(batch(b"a", b"b", b"c"))
    assert [(p, cause) for p, cause, _ in book.buried] == [(b"a", "expired"), (b"b", "expired")]
    assert book.settled == [b"c"]


def test_an_old_record_has_its_attempt(receiver):
    """Age alone gives nothing up: a record that a dead process left long ago is tried once."""
    book = Book()
    courier(receiver, book, now=1e9).deliver(batch(b"a"))
    assert book.settled == [b"a"]


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt()])
def test_nothing_that_a_sender_raises_gets_out(receiver, error):
    """Even an exit raised in the sender is but a failed attempt."""
    book = Book()
    receiver.errors.append(error)
    courier(receiver, book).deliver(batch(b"a"))
    assert book.settled == [b"a"]


def test_what_is_asked_for_again_is_sent_again():
    """Records whose positions the receiver names wait out a backoff; the others are settled."""
    sent, book = [], Book()

    def send(payloads):
        sent.append(payloads)
        return [1, 3] if len(payloads) == 4 else None

    courier(send, book).deliver(batch(b"a", b"b", b"c", b"d"))
    assert sent == [[b"a", b"b", b"c", b"d"], [b"b", b"d"]]
    assert book.settled == [b"a", b"c", b"b", b"d"]
    assert book.waited == [0.5]


def test_records_asked_for_again_and_again_are_given_up_by_age():
    """A receiver that never takes a record does not hold up delivery for ever."""
    book = Book()
    courier(lambda payloads: range(len(payloads)), book, now=200.0).deliver(batch(b"a"))
    [(payload, cause, reason)] = book.buried
    assert (payload, cause) == (b"a", "expired")
    assert "asks for this record again" in reason
