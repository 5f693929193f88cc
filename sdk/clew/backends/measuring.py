"""
From the stored trials to a measurement that can be believed, or says why it cannot (RULES M).

The unit is the triggered subject. Who is still inside the window is counted as maturing and enters
no sum; who left with a link enters none either. Nothing here looks at which creative was shown,
except the description of creatives, which is no test.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from clew.backends.base import Reading, Store, Trial
from clew.engine.compiled import CompiledHoldout, CompiledObjective, CompiledPolicy, CompiledSlot
from clew.engine.split import split_experiment
from clew.errors import ConfigurationError
from clew.measure.arms import ArmTotals
from clew.measure.lift import Lift, lift_of
from clew.measure.sample_ratio import sample_ratio
from clew.model.measurement import (
    ArmFigures,
    CreativeFigures,
    Effect,
    Measurement,
    SampleRatio,
)
from clew.model.words import Arm

__all__ = ["measure"]

_ARMS: tuple[Arm, ...] = ("treated", "holdout")
#: Reasons which mean that something else than a choice was shown.
_FALLBACKS = ("consent_denied", "no_eligible", "default", "deadline", "error", "unknown_slot")


def measure(
    store: Store,
    tenant: str,
    policy: CompiledPolicy,
    now: float,
    objective: str | None = None,
    *,
    holdout: str | None = None,
) -> list[Measurement]:
    """
    Measure every objective that a slot has, against every holdout that covers such a slot.

    Args:
        now: seconds since the epoch.
        objective: only this one.
        holdout: only against this one.

    Raises:
        ConfigurationError: the policy has no such objective, or no such holdout.
    """
    _check_known("objective", objective, policy.objectives)
    _check_known("holdout", holdout, policy.holdouts)
    found: list[Measurement] = []
    with store.read() as read:
        for name, slots in policy.slots_of_objective.items():
            if objective not in {None, name}:
                continue
            chosen = policy.objectives[name]
            against = {h.id: h for slot in slots for h in slot.holdouts}
            if holdout is not None:
                against = {name: h for name, h in against.items() if name == holdout}
            described = _Described(read, tenant, policy, chosen, slots)
            if not against:
                found.append(described.without_holdout(now))
            found += [described.against(h, now) for h in against.values()]
    return found


def _check_known(kind: str, name: str | None, known: Mapping[str, object]) -> None:
    if name is not None and name not in known:
        has = ", ".join(known) or "none"
        raise ConfigurationError(f"the policy has no {kind} {name!r}; it has: {has}")


class _Described:
    """One objective and the slots that pursue it."""

    def __init__(
        self,
        read: Reading,
        tenant: str,
        policy: CompiledPolicy,
        objective: CompiledObjective,
        slots: Iterable[CompiledSlot],
    ) -> None:
        self._read = read
        self._tenant = tenant
        self._policy = policy
        self._objective = objective
        self._slots = tuple(slots)
        self._sums = read.sums(tenant, f"objective:{objective.id}")
        self._figures = {slot.id: read.sums(tenant, f"figures:{slot.id}") for slot in self._slots}

    def without_holdout(self, now: float) -> Measurement:
        """Describe what was earned where nobody is held out, which no lift can be read from."""
        note = "no holdout covers these slots, so there is nothing to compare with: declare one"
        return Measurement(
            objective=self._objective.id,
            as_of=datetime.fromtimestamp(now, UTC),
            estimand=self._estimand(None),
            state="no_holdout",
            creatives=self._creatives(now),
            attributed=self._sums.get("attributed", 0.0),
            fallbacks=self._fallbacks(),
            excluded=self._excluded(),
            notes=(note,),
        )

    def against(self, holdout: CompiledHoldout, now: float) -> Measurement:
        """Compare the arms of one holdout."""
        trials = [
            trial
            for trial in self._read.trials(self._tenant, holdout.id)
            if trial.epoch == holdout.epoch and trial.left_at is None
        ]
        mature = self._mature(trials, now)
        totals = {arm: self._totals(mature, arm) for arm in _ARMS}
        triggered = Counter(trial.arm for trial in trials)
        ratio = _ratio(holdout, triggered)
        lift = Lift()
        state = "still_measuring"
        notes: list[str] = []
        if ratio is not None and not ratio.trustworthy:
            state = "not_trustworthy"
            notes.append(
                f"the arms have sizes that their shares do not give (p = {ratio.p:.2g}): something "
                "adds or removes subjects in one arm, so no lift is shown until it is found"
            )
        else:
            lift = lift_of(treated=totals["treated"], holdout=totals["holdout"])
            if lift.absolute is not None:
                state = "measured"
            else:
                notes.append("no interval before each arm has 20 converting subjects")
        notes += self._seen_apart(holdout)
        shown = self._read.sums(self._tenant, f"displays:{holdout.id}:{holdout.epoch}")
        decided = self._read.sums(self._tenant, f"decided:{holdout.id}:{holdout.epoch}")
        return Measurement(
            objective=self._objective.id,
            as_of=datetime.fromtimestamp(now, UTC),
            estimand=self._estimand(holdout),
            state=state,  # type: ignore[arg-type]
            holdout=holdout.id,
            epoch=holdout.epoch,
            arms=tuple(
                ArmFigures(
                    arm=arm,
                    subjects=triggered[arm],
                    maturing=triggered[arm] - totals[arm].subjects,
                    converting=totals[arm].converting,
                    total=totals[arm].total,
                    mean=totals[arm].total / totals[arm].subjects if totals[arm].subjects else None,
                    display_rate=min(shown.get(arm, 0.0) / decided[arm], 1.0)
                    if decided.get(arm)
                    else None,
                )
                for arm in _ARMS
            ),
            absolute=lift.absolute,
            relative=lift.relative,
            alpha=lift.alpha,
            n_star=lift.n_star,
            sample_ratio=ratio,
            creatives=self._creatives(now),
            attributed=self._sums.get("attributed", 0.0),
            fallbacks=self._fallbacks(),
            excluded=self._excluded(),
            late=int(self._sums.get("late", 0.0)),
            crossovers=int(self._read.sums(self._tenant, "crossovers").get("pairs", 0.0)),
            clipped=int(self._sums.get("clipped", 0.0)),
            notes=tuple(notes),
        )

    def _seen_apart(self, holdout: CompiledHoldout) -> list[str]:
        """Whether one arm is shown things more often than the other (M8), in words."""
        if holdout.holdout.serve == "nothing":
            return []
        sums = self._read.sums(self._tenant, f"seen:{holdout.id}:{holdout.epoch}")
        seen: dict[str, int] = {arm: int(sums.get(arm, 0.0)) for arm in _ARMS}
        ratio = _ratio(holdout, seen) if any(seen.values()) else None
        if ratio is None or ratio.trustworthy:
            return []
        note = (
            f"the arms are not displayed alike (treated {seen['treated']:,}, holdout "
            f"{seen['holdout']:,} subjects; p = {ratio.p:.2g}): displays of one arm are not "
            "reported, or what is shown keeps it from being seen"
        )
        return [note]

    def _mature(self, trials: Iterable[Trial], now: float) -> list[Trial]:
        """Those whose window is over, so that their value is fixed (M5)."""
        window = self._objective.objective.window_seconds
        return [t for t in trials if t.left_at is None and now > t.triggered_at + window]

    def _totals(self, mature: Iterable[Trial], arm: str) -> ArmTotals:
        subjects = converting = 0
        total = squares = magnitude = 0.0
        for trial in mature:
            if trial.arm != arm:
                continue
            value, outcomes, _ = trial.values.get(self._objective.id, (0.0, 0, 0.0))
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

    def _estimand(self, holdout: CompiledHoldout | None) -> str:
        objective = self._objective.objective
        what = {
            "first": "share of subjects with",
            "every": "number per subject of",
            "sum": f"{objective.currency or 'value'} per subject from",
        }[objective.count]
        against = (
            ""
            if holdout is None
            else f", treated minus held out ({holdout.id}, by assignment, whatever was then shown)"
        )
        return (
            f"{what} {objective.signal} within {objective.window_seconds:g} s of the first "
            f"decision that could have been personalised{against}"
        )

    def _intervals(self, slot: CompiledSlot, now: float) -> dict[str, Effect]:
        """Each creative of a `split` slot against its default; elsewhere there is no test (M9)."""
        if slot.slot.strategy != "split":
            return {}
        trials = self._read.trials(self._tenant, split_experiment(slot.id))
        mature = self._mature((t for t in trials if t.epoch == slot.split_epoch), now)
        default = self._totals(mature, slot.default.id)
        lifts = {
            name: lift_of(treated=self._totals(mature, name), holdout=default).absolute
            for name in slot.slot.shares
            if name != slot.default.id
        }
        return {name: effect for name, effect in lifts.items() if effect is not None}

    def _creatives(self, now: float) -> tuple[CreativeFigures, ...]:
        """Describe the creatives: shares, displays, inverse-propensity means."""
        found = []
        for slot in self._slots:
            figures = self._figures[slot.id]
            intervals = self._intervals(slot, now)
            drawn = {n[2:]: v for n, v in figures.items() if n.startswith("d:")}
            everything = sum(drawn.values())
            for name, decisions in sorted(drawn.items()):
                weight = figures.get(f"w:{name}", 0.0)
                found.append(
                    CreativeFigures(
                        slot=slot.id,
                        creative=name,
                        decisions=int(decisions),
                        share=decisions / everything,
                        displays=int(figures.get(f"s:{name}", 0.0)),
                        mean=figures.get(f"r:{name}", 0.0) / weight if weight else None,
                        interval=intervals.get(name),
                    )
                )
        return tuple(found)

    def _fallbacks(self) -> dict[str, float]:
        everything = sum(figures.get("decisions", 0.0) for figures in self._figures.values())
        counts = {
            reason: sum(f.get(f"reason:{reason}", 0.0) for f in self._figures.values())
            for reason in _FALLBACKS
        }
        return {reason: n / everything for reason, n in counts.items() if n}

    def _excluded(self) -> dict[str, int]:
        return {name: int(n) for name, n in self._read.sums(self._tenant, "excluded").items()}


def _ratio(holdout: CompiledHoldout, triggered: Mapping[str, int]) -> SampleRatio | None:
    share = holdout.holdout.share
    if not 0.0 < share < 1.0 or not triggered:
        return None
    return sample_ratio(triggered, {"treated": 1.0 - share, "holdout": share})
