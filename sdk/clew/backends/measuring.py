"""
From the stored trials to a measurement that can be believed, or says why it cannot (RULES M).

The unit is the triggered subject. Who is still inside the window is counted as maturing and enters
no sum; who left with a link enters none either. Nothing here looks at which creative was shown,
except the description of creatives, which is no test.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from attrs import evolve

from clew.backends.base import Reading, Store, Trial
from clew.backends.comparing import ARMS, Verdict, judge, matures_at, ratio_of, totals
from clew.backends.history import FALLBACKS, History, replay
from clew.clock import instant, to_text
from clew.engine.compiled import CompiledHoldout, CompiledObjective, CompiledPolicy, CompiledSlot
from clew.engine.split import split_experiment
from clew.errors import ConfigurationError
from clew.measure.lift import lift_of
from clew.model.measurement import ArmFigures, CreativeFigures, Effect, Measurement

__all__ = ["measure"]

_UNSEEN = (
    "no display was reported, in either arm: without the page's script only `served` is known, and"
    " slots that count on `displayed` give the bandit nothing to learn from"
)


def measure(
    store: Store,
    tenant: str,
    policy: CompiledPolicy,
    now: float,
    objective: str | None = None,
    *,
    holdout: str | None = None,
    looks: int = 0,
) -> list[Measurement]:
    """
    Measure every objective that a slot has, against every holdout that covers such a slot.

    Args:
        now: seconds since the epoch.
        objective: only this one.
        holdout: only against this one.
        looks: at how many instants up to now to say what was known then.

    Raises:
        ConfigurationError: the policy has no such objective, or no such holdout; or the number of
            looks is below 0.
    """
    _check_known("objective", objective, policy.objectives)
    _check_known("holdout", holdout, policy.holdouts)
    if looks < 0:
        raise ConfigurationError(f"looks is {looks}: give how many looks there should be, or 0")
    now = instant(to_text(now))  # as facts are written, so that a decision of now is not after it
    found: list[tuple[Measurement, History | None]] = []
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
                found.append((described.without_holdout(now), None))
            for one in against.values():
                trials = described.trials(one, now)
                history = (
                    History(chosen, one, slots, trials, now=now, looks=looks)
                    if looks and trials
                    else None
                )
                found.append((described.against(one, trials, now), history))
    if histories := [history for _, history in found if history is not None]:
        replay(store, tenant, policy, histories)
    return [
        one if history is None else evolve(one, looks=tuple(history.looks()))
        for one, history in found
    ]


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
        notes = [note, *self._uncounted()]
        return Measurement(
            objective=self._objective.id,
            as_of=datetime.fromtimestamp(now, UTC),
            estimand=self._estimand(None),
            state="no_holdout",
            creatives=self._creatives(now),
            attributed=self._sums.get("attributed", 0.0),
            fallbacks=self._fallbacks(),
            excluded=self._excluded(),
            notes=tuple(notes),
        )

    def trials(self, holdout: CompiledHoldout, now: float) -> list[Trial]:
        """Who was triggered by now and has not left."""
        return [
            trial
            for trial in self._read.trials(self._tenant, holdout.id)
            if trial.epoch == holdout.epoch and trial.left_at is None and trial.triggered_at <= now
        ]

    def against(self, holdout: CompiledHoldout, trials: Sequence[Trial], now: float) -> Measurement:
        """Compare the arms of one holdout."""
        ripe = self._mature(trials, now)
        mature = {arm: totals(ripe, arm, self._objective) for arm in ARMS}
        triggered = Counter(trial.arm for trial in trials)
        verdict = judge(holdout, triggered, mature)
        shown = self._read.sums(self._tenant, f"displays:{holdout.id}:{holdout.epoch}")
        decided = self._read.sums(self._tenant, f"decided:{holdout.id}:{holdout.epoch}")
        notes = [*_why_not(verdict), *self._seen_apart(holdout), *self._uncounted()]
        if any(decided.values()):
            notes += self._never_seen(shown)
        return Measurement(
            objective=self._objective.id,
            as_of=datetime.fromtimestamp(now, UTC),
            estimand=self._estimand(holdout),
            state=verdict.state,
            holdout=holdout.id,
            epoch=holdout.epoch,
            arms=tuple(
                ArmFigures(
                    arm=arm,
                    subjects=triggered[arm],
                    maturing=triggered[arm] - sums.subjects,
                    converting=sums.converting,
                    total=sums.total,
                    mean=sums.total / sums.subjects if sums.subjects else None,
                    display_rate=min(shown.get(arm, 0.0) / decided[arm], 1.0)
                    if decided.get(arm)
                    else None,
                )
                for arm, sums in mature.items()
            ),
            absolute=verdict.lift.absolute,
            relative=verdict.lift.relative,
            alpha=verdict.lift.alpha,
            n_star=verdict.lift.n_star,
            sample_ratio=verdict.ratio,
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
        seen: dict[str, int] = {arm: int(sums.get(arm, 0.0)) for arm in ARMS}
        ratio = ratio_of(holdout, seen) if any(seen.values()) else None
        if ratio is None or ratio.trustworthy:
            return []
        note = (
            f"the arms are not displayed alike (treated {seen['treated']:,}, holdout "
            f"{seen['holdout']:,} subjects; p = {ratio.p:.2g}): displays of one arm are not "
            "reported, or what is shown keeps it from being seen"
        )
        return [note]

    def _uncounted(self) -> list[str]:
        """What says no number, or money in another currency (L5), in words."""
        count = int(self._sums.get("refused", 0.0))
        if not count:
            return []
        currency = self._objective.objective.currency
        what = f"no amount in {currency}" if currency else "no number"
        return [f"{count:,} outcomes say {what}, and count for nothing: see what sends them"]

    def _never_seen(self, shown: Mapping[str, float]) -> list[str]:
        """Whether displays are what counts and none was ever reported (L1), in words."""
        waiting = all(slot.slot.counts_on == "displayed" for slot in self._slots)
        return [_UNSEEN] if waiting and not any(shown.values()) else []

    def _mature(self, trials: Iterable[Trial], now: float) -> list[Trial]:
        """Those whose window is over, so that their value is fixed (M5)."""
        return [
            trial
            for trial in trials
            if trial.left_at is None and now > matures_at(trial, self._objective)
        ]

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
            f"{what} {objective.signal} within {_duration(objective.window_seconds)} of the first "
            f"decision that could have been personalised{against}"
        )

    def _intervals(self, slot: CompiledSlot, now: float) -> dict[str, Effect]:
        """Each creative of a `split` slot against its default; elsewhere there is no test (M9)."""
        if slot.slot.strategy != "split":
            return {}
        trials = self._read.trials(self._tenant, split_experiment(slot.id))
        mature = self._mature((t for t in trials if t.epoch == slot.split_epoch), now)
        default = totals(mature, slot.default.id, self._objective)
        lifts = {
            name: lift_of(treated=totals(mature, name, self._objective), holdout=default).absolute
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
            # What was drawn and then voided leaves a count of zero.
            drawn = {n[2:]: v for n, v in figures.items() if n.startswith("d:") and v}
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
            for reason in FALLBACKS
        }
        return {reason: n / everything for reason, n in counts.items() if n}

    def _excluded(self) -> dict[str, int]:
        return {name: int(n) for name, n in self._read.sums(self._tenant, "excluded").items()}


def _duration(seconds: float) -> str:
    """Write a window in the largest unit that it is a whole number of."""
    for unit, size in (("day", 86_400.0), ("hour", 3_600.0), ("minute", 60.0)):
        if seconds % size == 0.0:
            return f"{seconds / size:g} {unit}{'s' if seconds > size else ''}"
    return f"{seconds:g} seconds"


def _why_not(verdict: Verdict) -> list[str]:
    """Say why there is no interval, if there is none."""
    if verdict.state == "still_measuring":
        return ["no interval before each arm has 20 converting subjects"]
    if verdict.state == "not_trustworthy" and verdict.ratio is not None:
        note = (
            f"the arms have sizes that their shares do not give (p = {verdict.ratio.p:.2g}): "
            "something adds or removes subjects in one arm, so no lift is shown until it is found"
        )
        return [note]
    return []
