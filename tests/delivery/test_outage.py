"""A receiver that takes nothing is told of when it lasts, now and then, and when it is over."""

import logging

import pytest

from clew.delivery.outage import AGAIN_SECONDS, LASTS_SECONDS, Outage
from clew.testing.clock import HandClock


@pytest.fixture
def clock():
    """A clock moved by hand."""
    return HandClock(1_000.0)


@pytest.fixture
def outage(clock):
    """Of a receiver that has been well so far."""
    return Outage(clock.now)


def test_a_moment_is_not_told_of(outage, clock, caplog):
    """What passes within seconds is nobody's business, however often it comes."""
    for _ in range(10):
        outage.failed(ConnectionRefusedError("no"), 3)
        clock.move(LASTS_SECONDS - 1.0)
        outage.failed(ConnectionRefusedError("no"), 3)
        outage.over()
    assert not caplog.records


def test_what_lasts_is_told_of_now_and_then_and_at_its_end(outage, clock, caplog):
    """Each outage is told of: why, how much waits, and after how long it was over."""
    for _ in range(2):
        caplog.clear()
        outage.failed(ConnectionRefusedError("the store is away"), 3)
        for waiting in range(400):
            clock.move(1.0)
            outage.failed(ConnectionRefusedError("the store is away"), waiting)
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == 1 + int((400 - LASTS_SECONDS) // AGAIN_SECONDS)
        assert said[0] == (
            "nothing has been taken for 5 s; 4 facts wait, and are sent when it is: "
            "the store is away"
        )
        outage.over()
        outage.over()
        assert [record.getMessage() for record in caplog.records][len(said) :] == [
            "facts are taken again, after 400 s"
        ]
        assert all(record.levelno == logging.WARNING for record in caplog.records)
