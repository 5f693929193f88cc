"""
What the arms of a holdout say of each other, from their trials alone (RULES M).

A measurement and each of its looks are judged here, so that they cannot come to differ.
"""

from collections.abc import Iterable, Mapping

from attrs import frozen

from clew.backends.base import Trial
from clew.engine.compiled import CompiledHoldout, CompiledObjective
from clew.measure.arms import ArmTotals
from clew.measure.lift import Lift, lift_of
from clew.measure.sample_ratio import sample_ratio
from clew.model.measurement import SampleRatio, State
from clew.model.words import Arm

__all__ = ["ARMS", "Verdict", "judge", "matures_at", "ratio_of", "totals"]

ARMS: tuple[Arm, ...] = ("treated", "holdout")


@frozen(kw_only=True)
class Verdict:
    """What may be said of two arms."""

    state: State
    #: Empty where nothing may be said yet, or at all.
    lift: Lift
    ratio: SampleRatio | None


def judge(
    holdout: CompiledHoldout, triggered: Mapping[str, int], mature: Mapping[Arm, ArmTotals]
) -> Verdict:
    """
    Compare the arms, or say why they cannot be compared (M6, M8).

    Args:
        triggered: subjects by arm.
        mature: sums over those whose window is over, of each arm.
    """
    ratio = ratio_of(holdout, triggered)
    if ratio is not None and not ratio.trustworthy:
        return Verdict(state="not_trustworthy", lift=Lift(), ratio=ratio)
    lift = lift_of(treated=mature["treated"], holdout=mature["holdout"])
    state: State = "still_measuring" if lift.absolute is None else "measured"
    return Verdict(state=state, lift=lift, ratio=ratio)


def ratio_of(holdout: CompiledHoldout, subjects: Mapping[str, int]) -> SampleRatio | None:
    """Test the counts of the arms against the holdout's share; None where there is no choice."""
    share = holdout.holdout.share
    if not 0.0 < share < 1.0 or not subjects:
        return None
    return sample_ratio(subjects, {"treated": 1.0 - share, "holdout": share})


def matures_at(trial: Trial, objective: CompiledObjective) -> float:
    """After which instant a trial's value is fixed (M5), in seconds since the epoch."""
    return trial.triggered_at + objective.objective.window_seconds


def totals(mature: Iterable[Trial], arm: str, objective: CompiledObjective) -> ArmTotals:
    """Sum the values of an arm up."""
    subjects = converting = 0
    total = squares = magnitude = 0.0
    for trial in mature:
        if trial.arm != arm:
            continue
        value, outcomes, _ = trial.values.get(objective.id, (0.0, 0, 0.0))
        subjects += 1
        converting += outcomes > 0
        total += value
        squares += value * value
        magnitude += abs(value)
    return ArmTotals(
        subjects=subjects,
        converting=converting,
        total=total,
        squares=squares,
        magnitude=magnitude,
    )
