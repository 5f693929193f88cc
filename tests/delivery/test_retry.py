"""When it is tried again, and whether."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.delivery.retry import Backoff, is_retryable
from clew.errors import BackendRejectedError, BackendUnavailableError


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_within_its_ceiling(attempt, drawn):
    """However many failures, the wait lies between nothing and the doubled base or the cap."""
    backoff = Backoff(base_seconds=0.1, cap_seconds=5.0, random=lambda: drawn)
    ceiling = 5.0 if attempt > 9 else min(5.0, 0.1 * 2**attempt)
    assert backoff.delay(attempt, OSError()) == pytest.approx(drawn * ceiling)


def test_the_receivers_wish_is_the_least_wait():
    """`retry_after` is kept, with the jitter on top."""
    error = BackendUnavailableError("busy")
    error.retry_after = 7.0
    assert Backoff(random=lambda: 0.5).delay(0, error) == pytest.approx(7.05)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        pytest.param(BackendUnavailableError(), True, id="says so"),
        pytest.param(BackendRejectedError(), False, id="says not"),
        pytest.param(ConnectionResetError(), True, id="network"),
        pytest.param(TimeoutError(), True, id="timeout"),
        pytest.param(KeyError("id"), False, id="a fault of the batch"),
        pytest.param(asyncio.CancelledError(), True, id="no fault at all"),
    ],
)
def test_what_passes_is_retried(error, expected):
    """An error's own word decides, then whether it is a fault of the machine or the network."""
    assert is_retryable(error) is expected


def test_a_receiver_may_not_ask_for_ever():
    """What it asks for is honoured up to an hour."""
    error = BackendUnavailableError("busy", retry_after=1e9)
    assert Backoff(random=lambda: 0.0).delay(0, error) == 3_600.0
