"""`clew measure` says what was earned, or why that is not known yet."""

import json
from collections.abc import Callable

from click.testing import Result

Run = Callable[..., Result]


def test_without_a_holdout_there_is_no_lift(imported: Run) -> None:
    """The state and what to do stand in the output; no interval is made up."""
    said = imported("measure").stdout
    assert "orders: no holdout" in said
    assert "declare one" in said
    assert "lift" not in said.replace("no lift", "")


def test_a_measurement_for_a_script(imported: Run) -> None:
    """With --json a list of measurements is printed."""
    [found] = json.loads(imported("measure", "orders", "--json").stdout)
    assert (found["objective"], found["state"]) == ("orders", "no_holdout")


def test_an_unknown_objective_is_refused(imported: Run) -> None:
    """A name that is no objective is told with those there are."""
    result = imported("measure", "order")
    assert result.exit_code == 1
    assert "it has: orders" in result.stderr


def test_an_unknown_holdout_measures_nothing(imported: Run) -> None:
    """Where no such holdout covers a slot, that is said."""
    said = imported("measure", "--holdout", "absent").stdout
    assert "orders: no holdout" in said or "nothing to measure" in said
