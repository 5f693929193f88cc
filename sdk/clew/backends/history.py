"""
How a measurement came about: what it would have said at each of several instants before now.

A look uses what was known and mature at its instant (RULES M5), and is judged as the measurement
is, so that it gives no interval where there was none to give. Values are exact: what is told after
a window has closed never enters one.

Two things are known as they are now, not as they were. Who left with a link, or came back when it
was undone, is out of every look or in every one. And the decisions are those that were recorded: of
one that was voided later the shares still tell.

Memory is that of the trials and of one count per look, slot and creative. Whatever the number of
looks, the recorded decisions are read once.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from attrs import Factory, define

from clew.backends.base import Store, Trial
from clew.backends.comparing import ARMS, judge, matures_at, totals
from clew.clock import instant
from clew.engine.compiled import CompiledHoldout, CompiledObjective, CompiledPolicy, CompiledSlot
from clew.engine.counting import CHOSEN
from clew.measure.arms import ArmTotals
from clew.model.measurement import Look
from clew.model.words import Arm

__all__ = ["FALLBACKS", "History", "replay"]

#: Reasons which mean that something else than a choice was shown.
FALLBACKS = ("consent_denied", "no_eligible", "default", "deadline", "error", "unknown_slot")


@define
class _Traffic:
    """The decisions between two looks."""

    decisions: int = 0
    fallbacks: int = 0
    #: By slot: how often each creative was chosen for a treated subject.
    chosen: dict[str, Counter[str]] = Factory(dict)

    def add(self, decision: Mapping[str, Any], *, treated: bool) -> None:
        """Count one decision."""
        self.decisions += 1
        self.fallbacks += decision["reason"] in FALLBACKS
        creative = decision.get("creative")
        if treated and creative and decision["reason"] in CHOSEN:
            self.chosen.setdefault(decision["slot"], Counter())[creative] += 1

    def shares(self) -> dict[str, dict[str, float]]:
        """By slot: the share of each creative."""
        return {
            slot: {name: n / counts.total() for name, n in sorted(counts.items())}
            for slot, counts in sorted(self.chosen.items())
        }


class History:
    """The looks at one objective against one holdout."""

    def __init__(
        self,
        objective: CompiledObjective,
        holdout: CompiledHoldout,
        slots: Iterable[CompiledSlot],
        trials: Sequence[Trial],
        *,
        now: float,
        looks: int,
    ) -> None:
        """
        Set up evenly spaced looks: the last is now, and the first trigger is as long before the
        first look as that is before the second.

        Args:
            trials: those of the measurement, at least one.
            now: seconds since the epoch.
            looks: how many, at least 1.
        """
        self._objective = objective
        self._holdout = holdout
        self._slots = frozenset(slot.id for slot in slots)
        self._trials = trials
        self._since = min(trial.triggered_at for trial in trials)
        step = (now - self._since) / looks
        self._instants = [*(self._since + step * n for n in range(1, looks)), now]
        self._traffic = [_Traffic() for _ in self._instants]

    def take(self, decision: Mapping[str, Any], at: float) -> None:
        """Count a decision made at an instant, if it belongs here."""
        if decision["slot"] in self._slots and self._since <= at <= self._instants[-1]:
            traffic = self._traffic[bisect_left(self._instants, at)]
            traffic.add(decision, treated=self._treated(decision))

    def looks(self) -> Iterator[Look]:
        """Give the looks, oldest first."""
        triggered: Counter[str] = Counter()
        mature: dict[Arm, ArmTotals] = {arm: ArmTotals() for arm in ARMS}
        came, ripened = self._by_look()
        for at, new, ripe, traffic in zip(
            self._instants, came, ripened, self._traffic, strict=True
        ):
            triggered.update(trial.arm for trial in new)
            mature = {arm: mature[arm] + totals(ripe, arm, self._objective) for arm in ARMS}
            verdict = judge(self._holdout, triggered, mature)
            yield Look(
                as_of=datetime.fromtimestamp(at, UTC),
                state=verdict.state,
                subjects=triggered.total(),
                maturing=triggered.total() - sum(arm.subjects for arm in mature.values()),
                absolute=verdict.lift.absolute,
                decisions=traffic.decisions,
                fallback=traffic.fallbacks / traffic.decisions if traffic.decisions else None,
                shares=traffic.shares(),
            )

    def _by_look(self) -> tuple[list[list[Trial]], list[list[Trial]]]:
        """Give who was triggered, and who became mature, since the look before each look."""
        came: list[list[Trial]] = [[] for _ in self._instants]
        ripened: list[list[Trial]] = [[] for _ in self._instants]
        for trial in self._trials:
            came[bisect_left(self._instants, trial.triggered_at)].append(trial)
            look = bisect_right(self._instants, matures_at(trial, self._objective))
            if look < len(ripened):
                ripened[look].append(trial)
        return came, ripened

    def _treated(self, decision: Mapping[str, Any]) -> bool:
        ours = (self._holdout.id, self._holdout.epoch, "treated")
        return bool(decision.get("measured")) and any(
            (one["id"], one["epoch"], one["arm"]) == ours for one in decision["assignments"]
        )


def replay(store: Store, tenant: str, policy: CompiledPolicy, histories: Sequence[History]) -> None:
    """Show every recorded decision that counts to the histories, in one scan."""
    for body in store.facts_of(tenant, "decision"):
        decision = orjson.loads(body)
        if decision.get("traffic", "human") in policy.traffic:
            at = instant(decision["decided_at"])
            for history in histories:
                history.take(decision, at)
