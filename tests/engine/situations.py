"""Policies, persons and situations in short, for the pure engine."""

from collections.abc import Iterable, Mapping
from typing import Any

from clew.clock import instant, to_text
from clew.codec import from_json
from clew.engine.compile import compile_policy
from clew.engine.compiled import CompiledPolicy
from clew.engine.fold import fold_consent, fold_decision, fold_signal
from clew.engine.learn import Arm, Prior
from clew.engine.outcomes import fold_outcome
from clew.engine.person import Person, empty
from clew.engine.situation import Situation
from clew.model.policy import CatalogueItem, Policy
from client.worlds import policy

__all__ = ["NOW", "Nothing", "compiled", "fold", "granted", "person", "signal", "situation"]

#: 2026-01-01T12:00:00Z, in seconds since the epoch.
NOW = 1_767_268_800.0


def compiled(document: Mapping[str, Any] | None = None, **changes: Any) -> CompiledPolicy:
    """A compiled policy: the standard shop with changes, or the document given."""
    return compile_policy(from_json(Policy, {**(document or policy()), **changes}))


class Nothing:
    """What has been learned and counted before anything was, or the tallies given."""

    version = 7

    def __init__(self, tallies: Mapping[str, Mapping[str, float]] | None = None) -> None:
        self.tallies = tallies or {}

    def arm(self, _: str, prior: Prior, /) -> Arm:
        return Arm(prior)

    def tally(self, key: str, /) -> Mapping[str, float]:
        return self.tallies.get(key, {})

    def item(self, catalogue: str, item: str, /) -> CatalogueItem | None:
        return None

    def age(self, now: float, /) -> float:
        return 0.5


def granted(
    state: str = "granted", purpose: str = "personalise", at: float = 0.0
) -> dict[str, Any]:
    """A consent record."""
    return {
        "id": f"c-{purpose}-{state}-{at}",
        "purpose": purpose,
        "state": state,
        "occurred_at": to_text(NOW + at),
    }


def signal(kind: str, at: float = 0.0, name: str = "s-1", **data: Any) -> dict[str, Any]:
    """A signal in wire form, as it is after permission has been stamped."""
    return {
        "id": name,
        "type": kind,
        "subject": "u-1",
        "occurred_at": to_text(NOW + at),
        "received_at": to_text(NOW + at),
        "data": data,
        "purposes": ["personalise", "ads"],
        "basis": "consent",
    }


def person(law: CompiledPolicy, *facts: Mapping[str, Any], subject: str = "u-1") -> Person:
    """A person to whom some facts have been folded, allowing to personalise."""
    made = Person(law, subject, {subject: empty()})
    fold_consent(made, subject, granted(at=-1e6))
    for fact in facts:
        fold(made, fact)
    return made


def fold(whom: Person, fact: Mapping[str, Any]) -> Any:
    """Fold a fact of any kind."""
    if "decided_at" in fact:
        return fold_decision(whom, fact, instant(fact["decided_at"]))
    if "decision" in fact:
        return fold_outcome(whom, fact)
    if "state" in fact:
        return fold_consent(whom, whom.subject, fact)
    return fold_signal(whom, whom.subject, fact)


def situation(
    whom: Person,
    place: str = "hero",
    *,
    context: Mapping[str, Any] | None = None,
    uniform: Iterable[float] = (0.5,) * 9,
    at: float = 0.0,
    **more: Any,
) -> Situation:
    """A request for a slot by a person."""
    slot = whom.policy.slots[place]
    ground = whom.grounds.get(slot.purpose)
    draws = iter(uniform)
    given: dict[str, Any] = {
        "view": whom.view(slot.purpose, NOW + at, context or {}),
        "basis": ground.basis if ground is not None and ground.permitted else None,
        "key": whom.subject,
        "now": NOW + at,
        "uniform": lambda: next(draws),
        "learned": Nothing(),
        "trials": whom.trials,
        **more,
    }
    return Situation(**given)
