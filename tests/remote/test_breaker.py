"""The circuit breaker: closed, open, and the probe between."""

from hypothesis import given
from hypothesis import strategies as st

from clew.backends.http.breaker import Breaker


class Time:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at


def opened(time: Time) -> Breaker:
    """A breaker after three failures in a row."""
    breaker = Breaker(time.now, failures=3, pause_seconds=1.0, pause_max_seconds=4.0)
    assert [breaker.failed() for _ in range(3)] == [False, False, True]
    return breaker


def test_failures_in_a_row_open_it():
    """A success between failures counts them anew."""
    breaker = Breaker(Time().now, failures=2)
    for _ in range(5):
        assert not breaker.failed()
        assert not breaker.succeeded()
    assert breaker.allows()


def test_open_it_lets_one_probe_through():
    """After the pause one request may go, and no other before the next pause is over."""
    time = Time()
    breaker = opened(time)
    assert not breaker.allows()
    time.at = 1.0
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    assert breaker.succeeded()
    assert [breaker.allows() for _ in range(3)] == [True] * 3


def test_a_failed_probe_doubles_the_pause():
    """Each probe that fails waits twice as long as the one before, up to a bound."""
    time = Time()
    breaker = opened(time)
    waits = []
    for _ in range(5):
        began = time.at
        while not breaker.allows():
            time.at += 0.5
        waits.append(time.at - began)
        breaker.failed()
    assert waits == [1.0, 2.0, 4.0, 4.0, 4.0]


def test_a_probe_of_which_nothing_is_heard_is_repeated():
    """A lost probe does not keep the circuit open for ever."""
    time = Time()
    breaker = opened(time)
    time.at = 1.0
    assert breaker.allows()
    time.at = 2.0
    assert breaker.allows()


def test_a_wish_to_be_left_alone_opens_it_at_once():
    """One failure that says when to come back is enough, and is kept within the bound."""
    time = Time()
    breaker = Breaker(time.now, failures=3, pause_seconds=1.0, pause_max_seconds=4.0)
    assert breaker.failed(retry_after=3.0)
    time.at = 2.9
    assert not breaker.allows()
    time.at = 3.0
    assert breaker.allows()
    breaker.failed(retry_after=3_600.0)
    time.at = 7.0
    assert breaker.allows()


@given(st.lists(st.sampled_from(["fail", "succeed", "wait", "ask"]), max_size=60))
def test_it_never_stays_shut_for_longer_than_its_bound(steps):
    """Whatever happened, a request is let through after the longest pause."""
    time = Time()
    breaker = Breaker(time.now, failures=2, pause_seconds=0.5, pause_max_seconds=8.0)
    for step in steps:
        match step:
            case "fail":
                breaker.failed()
            case "succeed":
                breaker.succeeded()
                assert breaker.allows()
            case "wait":
                time.at += 0.3
            case "ask":
                breaker.allows()
    time.at += 8.0
    assert breaker.allows()
