"""Losses are counted at once and told outside of locks."""

from clew.delivery.losses import SAID_SECONDS, Losses
from clew.testing.clock import HandClock


def test_losses_are_told_once():
    """Each loss reaches the callback once, with its cause and number; none is not a loss."""
    told = []
    losses = Losses(lambda cause, count: told.append((cause, count)))
    losses.add("overflow", 2)
    losses.add("overflow", 0)
    assert told == []
    losses.tell()
    losses.tell()
    assert told == [("overflow", 2)]
    assert losses.counts == {"overflow": 2}


def test_what_was_lost_is_told_where_it_is_known():
    """Whoever must know hears of each payload, outside of locks as well."""
    told = []
    losses = Losses(lost=told.append)
    losses.add("overflow", payload=b"a")
    losses.add("corrupt", 3)
    losses.add("expired", payload=b"b")
    assert told == []
    losses.tell()
    assert told == [b"a", b"b"]


def test_a_callback_that_raises_is_logged(caplog):
    """A faulty callback is told of once, and does not keep later losses from being told."""

    told = []

    def on_loss(cause, count):
        told.append(cause)
        raise RuntimeError(cause)

    losses = Losses(on_loss)
    losses.add("one")
    losses.add("two")
    losses.tell()
    losses.add("three")
    losses.tell()
    assert told == ["one", "two", "three"]
    assert [record.exc_info[1].args for record in caplog.records] == [("one",)]


def test_each_cause_is_logged_when_it_begins_and_now_and_then(caplog):
    """The log has the total and what it means, at most once a minute; others count their own."""
    clock = HandClock(1_000.0)
    losses = Losses(now=clock.now)
    for _ in range(SAID_SECONDS * 2 - 1):
        losses.add("overflow")
        losses.add("no_basis")
        losses.add("closed", 2)
        losses.tell()
        clock.move(1.0)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "1 facts were lost so far (overflow)",
        "2 facts were lost so far (closed)",
        "61 facts were lost so far (overflow)",
        "122 facts were lost so far (closed)",
    ]
