"""What the demo promises of its last screen holds whatever the seed (M5, M6)."""

import pytest

from clew.cli.demo.command import ENOUGH
from clew.model.measurement import Measurement
from cli.demos import play

FEW = range(1)
MANY = range(100)


def measured(seed: int, *, null: bool) -> Measurement:
    """What a run of the usual size comes to."""
    return play(seed, null=null, visitors=ENOUGH).found


def excludes_zero(found: Measurement) -> bool:
    """Whether the interval, which is always there, holds a difference only."""
    assert found.absolute is not None, found.notes
    assert min(arm.converting for arm in found.arms) >= 20
    return found.absolute.lower > 0.0 or found.absolute.upper < 0.0


@pytest.mark.parametrize("seed", FEW)
def test_a_lift_is_seen(seed: int) -> None:
    """Where creatives differ the treated order more, and the interval says so."""
    found = measured(seed, null=False)
    assert excludes_zero(found)
    assert found.absolute is not None
    assert found.absolute.lower > 0.0


@pytest.mark.parametrize("seed", FEW)
def test_null_claims_nothing(seed: int) -> None:
    """Where all creatives are equally good the interval holds zero."""
    assert not excludes_zero(measured(seed, null=True))


@pytest.mark.slow
def test_lifts_are_seen_whatever_the_seed() -> None:
    """In at least 99 of 100 runs the interval excludes zero, and each shows one."""
    assert sum(excludes_zero(measured(seed, null=False)) for seed in MANY) >= 99


@pytest.mark.slow
def test_null_claims_are_few_whatever_the_seed() -> None:
    """With equally good creatives at most 5 of 100 intervals exclude zero, and each run has one."""
    assert sum(excludes_zero(measured(seed, null=True)) for seed in MANY) <= 5
