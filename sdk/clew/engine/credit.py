"""
Which decision earns what a person has done, and what it teaches (RULES L2, M1, F6).

Of each objective of a slot the latest outcomes are kept, as they were told: by a signal, which the
last counted decision earns whose window holds it, or of a decision itself. Facts come in any order:
the display after the purchase, the refund before it. So whenever something has changed, what is
earned is compared with what has been taught, and the difference is taught.

An outcome is a JSON object `{"id", "at", "worth"}`, where they apply with `items`: those of the
slot's items that it names; `decision`: which it was told of; and `taught`: the decision that it has
taught, with the `reward` and the value `attributed`, so that the same is taken back.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, TypeAlias

from attrs import define, field

from clew.engine.compiled import CompiledObjective, CompiledSlot
from clew.engine.counting import CHOSEN
from clew.engine.effects import Effects
from clew.engine.entries import Entry, Recall, decisions_of, find
from clew.engine.learn import LOGISTIC, converted
from clew.engine.person import Person

__all__ = ["OUTCOMES_KEPT", "WAITING_KEPT", "Credit", "part"]

Outcome: TypeAlias = dict[str, Any]

#: Outcomes of an objective that a slot keeps of one identity after they have taught, and reversals.
#: No person reaches it within a window, and whoever is none would make the profile grow for ever.
OUTCOMES_KEPT = 128
#: Those that teach nothing: their decision may be on its way, or its display; or they were taken
#: back, told twice, or are not the first where that alone counts.
WAITING_KEPT = 32


@define(slots=False)
class Credit:
    """
    The outcomes of one slot of a person, and the decisions that earn them.

    It looks at the decisions once: it is made after they have changed, and not used when they
    change again.
    """

    person: Person
    slot: CompiledSlot
    #: What is taught.
    effects: Effects
    recall: Recall
    #: By id, decisions that were looked up.
    _found: dict[str, Entry | None] = field(factory=dict, init=False)

    def tell(self, who: str, objective: CompiledObjective, outcome: Outcome) -> bool:
        """
        Keep an outcome that was told of one identity, and let a decision earn it.

        Returns:
            Whether it was heard of before: that it happened, or that it was taken back.
        """
        others = self._outcomes(objective.id)
        slots = self.person.documents[who].setdefault("outcomes", {})
        kept = slots.setdefault(self.slot.id, {}).setdefault(objective.id, [])
        insort(kept, outcome, key=_when)
        is_known = any(one["id"] == outcome["id"] for one in others)
        if is_known:
            self._settle(objective, [*others, outcome])
        else:  # the others are due to whom they were
            self._settle(objective, [outcome], others)
        self._make_room(kept)
        return is_known or self._is_reversed(objective, outcome["id"])

    def reverse(self, who: str, objective: CompiledObjective, name: str) -> None:
        """Note that an outcome is taken back, which may come later; nobody earns it (L2, M2)."""
        is_news = not self._is_reversed(objective, name)
        names = self.person.documents[who].setdefault("reversed", {}).setdefault(objective.id, [])
        if name not in names:  # by each identity that has told it: a link may be undone
            names.append(name)
            del names[:-OUTCOMES_KEPT]
        for slot in self.person.policy.slots_of_objective.get(objective.id, ()) if is_news else ():
            Credit(self.person, slot, self.effects, self.recall).settle()

    def settle(self) -> None:
        """Let decisions earn what is due to them, after something has changed."""
        current = {objective.id: objective for objective in self.slot.objectives}
        for name in self._objectives():
            if name in current:
                self._settle(current[name], self._outcomes(name))
                continue
            # The slot earns no more of it, and of what is void nothing stays.
            for outcome in self._outcomes(name):
                if "taught" in outcome and self._counted.get(outcome["taught"], 0.0) is None:
                    self._take_back(name, outcome)

    @cached_property
    def _counted(self) -> dict[str, float | None]:
        """By id, when each kept decision was counted; None where it teaches nothing."""
        entries = decisions_of(self.person, self.slot.id)
        return {entry["id"]: entry.get("counted") for entry in entries}

    @cached_property
    def _timeline(self) -> list[tuple[float, str]]:
        """When decisions were counted, and which, in order."""
        return sorted((at, name) for name, at in self._counted.items() if at is not None)

    def _objectives(self) -> list[str]:
        """The objectives that outcomes are kept of, whether the slot still has them or not."""
        documents = self.person.documents.values()
        kept = (document.get("outcomes", {}).get(self.slot.id, {}) for document in documents)
        return list(dict.fromkeys(name for objectives in kept for name in objectives))

    def _outcomes(self, objective: str) -> list[Outcome]:
        return [
            outcome
            for document in self.person.documents.values()
            for outcome in document.get("outcomes", {}).get(self.slot.id, {}).get(objective, ())
        ]

    def _settle(
        self,
        objective: CompiledObjective,
        outcomes: Sequence[Outcome],
        others: Sequence[Outcome] = (),
    ) -> None:
        """
        Teach what outcomes of an objective are to teach, beyond what they have taught.

        Args:
            others: more that are kept of it, of other ids; their earners are the same as before.
        """
        believed = _believed(outcomes)
        groups: dict[str | None, list[Outcome]] = {}
        for outcome in outcomes:
            if self._is_open(outcome):
                is_believed = outcome is believed[outcome["id"]]
                earner = self._earner(objective, outcome) if is_believed else None
                groups.setdefault(earner, []).append(outcome)
        for earner, group in groups.items():
            first = None
            if earner is not None and objective.objective.count == "first":
                group += [one for one in others if one.get("taught") == earner]
                first = min(group, key=_when)
            for outcome in group:
                is_due = first is None or outcome is first
                self._teach(objective, outcome, earner if is_due else None)

    def _is_reversed(self, objective: CompiledObjective, name: str) -> bool:
        documents = self.person.documents.values()
        return any(name in one.get("reversed", {}).get(objective.id, ()) for one in documents)

    def _is_open(self, outcome: Outcome) -> bool:
        """
        Whether it may teach another decision: what a forgotten one has learned stays.

        Else it would be the first outcome of a decision that it can no longer be moved to.
        """
        return "taught" not in outcome or outcome["taught"] in self._counted

    def _earner(self, objective: CompiledObjective, outcome: Outcome) -> str | None:
        """Which decision an outcome is due to (M1)."""
        if self._is_reversed(objective, outcome["id"]):
            return None
        at, decision = outcome["at"], outcome.get("decision")
        if decision is None:
            place = bisect_right(self._timeline, at, key=itemgetter(0)) - 1
            counted, decision = self._timeline[place] if place >= 0 else (None, None)
        else:
            counted = self._counted.get(decision)
        is_in_time = counted is not None and objective.is_in_window(counted, at)
        return decision if is_in_time else None

    def _teach(self, objective: CompiledObjective, outcome: Outcome, decision: str | None) -> None:
        """Let an outcome teach a decision, or none, instead of the one that it has taught."""
        if outcome.get("taught") == decision:
            return
        entry = None if decision is None else self._find(decision)
        if self._take_back(objective.id, outcome) and entry is not None:
            worth = outcome["worth"]
            is_binary = self.slot.model is LOGISTIC  # a single yes or no has no other reward (L5)
            outcome["taught"] = decision
            outcome["reward"] = 1.0 if is_binary else self.slot.terms[objective.id].of(worth)
            outcome["attributed"] = objective.clip(worth)
            _earn(objective.id, entry, outcome, 1.0, self.effects)

    def _take_back(self, objective: str, outcome: Outcome) -> bool:
        """Take back what an outcome has taught, if anything; false where no record has it."""
        if "taught" not in outcome:
            return True
        entry = self._find(outcome["taught"])
        if entry is None:
            return False
        _unlearn(objective, entry, outcome, self.effects)
        return True

    def _find(self, decision: str) -> Entry | None:
        if decision not in self._found:
            self._found[decision] = find(self.person, decision, self.recall)
        return self._found[decision]

    def _make_room(self, kept: list[Outcome]) -> None:
        """Forget the oldest, and those whose decision is forgotten: they have taught for good."""
        if len(kept) <= WAITING_KEPT:
            return
        waiting = [one for one in kept if "taught" not in one]
        taught = [one for one in kept if one.get("taught") in self._counted]
        stay = {id(one) for one in (*waiting[-WAITING_KEPT:], *taught[-OUTCOMES_KEPT:])}
        kept[:] = [one for one in kept if id(one) in stay]


def part(person: Person, anonymous: str, effects: Effects, recall: Recall) -> None:
    """
    Take back what an identity has taught decisions of the others, and they its own (I2).

    Afterwards they are two people, and each is settled. What decisions have learned that are not
    kept any more stays.
    """
    owners = {
        entry["id"]: who
        for who, document in person.documents.items()
        for where in ("slots", "older")
        for entries in document.get(where, {}).values()
        for entry in entries
    }
    for who, document in person.documents.items():
        for objectives in document.get("outcomes", {}).values():
            for objective, outcomes in objectives.items():
                for outcome in outcomes:
                    owner = owners.get(outcome.get("taught"))
                    if owner is None or (owner == anonymous) == (who == anonymous):
                        continue
                    entry = find(person, outcome["taught"], recall)
                    if entry is not None:
                        _unlearn(objective, entry, outcome, effects)


def _unlearn(objective: str, entry: Entry, outcome: Outcome, effects: Effects) -> None:
    """Take back what an outcome has taught, as it was taught."""
    _earn(objective, entry, outcome, -1.0, effects)
    for name in ("taught", "reward", "attributed"):
        del outcome[name]


def _earn(objective: str, entry: Entry, outcome: Outcome, times: float, effects: Effects) -> None:
    """Add an outcome to what was drawn; of a list, only to the items that it names."""
    reward, items = outcome["reward"], outcome.get("items")
    for arm in entry["arms"]:
        if items is None or arm["item"] is None or arm["item"] in items:
            effects.add(arm["key"], converted(arm["x"], reward), times)
    if entry["propensity"] and entry["reason"] in CHOSEN:
        figures = {f"r:{entry['creative']}": reward / entry["propensity"]}
        effects.add(f"figures:{entry['slot']}", figures, times)
    if entry["reason"] != "holdout":
        effects.add(f"objective:{objective}", {"attributed": outcome["attributed"]}, times)


def _when(outcome: Mapping[str, Any]) -> tuple[float, str]:
    return outcome["at"], outcome["id"]


def _believed(outcomes: Iterable[Outcome]) -> dict[str, Outcome]:
    """Of each id the one that counts: who names a decision is believed first, then who is early."""
    believed: dict[str, Outcome] = {}
    for outcome in outcomes:
        known = believed.setdefault(outcome["id"], outcome)
        if _rank(outcome) < _rank(known):
            believed[outcome["id"]] = outcome
    return believed


def _rank(outcome: Mapping[str, Any]) -> tuple[bool, float, float, str]:
    decision = outcome.get("decision")
    return decision is None, outcome["at"], outcome["worth"], decision or ""
