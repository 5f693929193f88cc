"""Numbers are written as people write them."""

from typing import Any

import pytest

from clew.cli.show import age, amount, percent, several


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(2539.2300000000014, "2,539.23", id="rounded"),
        pytest.param(109, "109", id="whole"),
        pytest.param(1200.0, "1,200", id="no-empty-decimals"),
        pytest.param(True, "yes", id="boolean"),
        pytest.param(None, "", id="nothing"),
        pytest.param(["a", 1.5], "a, 1.50", id="list"),
    ],
)
def test_values_are_readable(value: Any, text: str) -> None:
    """Thousands stand apart, and no number has more than two decimals."""
    assert amount(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(59.4, "59 seconds", id="seconds"),
        pytest.param(60.0, "1 minute", id="one"),
        pytest.param(5400.0, "1.5 hours", id="part"),
        pytest.param(172_800.0, "2 days", id="days"),
    ],
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    """A duration stands in its largest unit."""
    assert age(seconds) == text


def test_shares_are_percent() -> None:
    """A share stands as percent; an absent one is empty."""
    assert (percent(0.0481), percent(1.0, 0), percent(None)) == ("4.8 %", "100 %", "")


def test_things_are_counted() -> None:
    """One thing is singular."""
    assert (several(1, "row"), several(0, "row")) == ("1 row", "0 rows")
