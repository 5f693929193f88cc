"""`clew measure` says what was earned, or why that is not known yet."""

import json
from collections.abc import Callable

import pytest
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


@pytest.mark.parametrize(
    ("words", "named"),
    [
        pytest.param(["order"], "it has: orders", id="objective"),
        pytest.param(["--holdout", "absent"], "no holdout 'absent'", id="holdout"),
    ],
)
def test_an_unknown_name_is_refused(imported: Run, words: list[str], named: str) -> None:
    """A name that the policy does not have is told with those there are."""
    result = imported("measure", *words)
    assert result.exit_code == 1
    assert named in result.stderr
