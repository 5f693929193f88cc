"""The engine alone, beside a closure written by hand: three rules and a three-way split."""

import random
from typing import Any

import mmh3

from bench.harness import compare
from clew.backends.figures import Figures
from clew.backends.memory import MemoryStore
from clew.codec import from_json
from clew.engine.compile import compile_policy
from clew.engine.decide import decide
from clew.engine.person import Person, empty
from clew.engine.situation import Situation
from clew.model.policy import Policy

__all__ = ["main"]

_RULES = {
    "abroad": {"in": [{"var": "context.country"}, ["FR", "DE", "IT", "ES", "PT"]]},
    "senior": {">": [{"var": "context.age"}, 65]},
    "paying": {"==": [{"var": "context.plan"}, "gold"]},
}
_CONTEXT = {"country": "GB", "age": 30, "plan": "free"}


def _policy() -> dict[str, Any]:
    shares = {"a": 0.34, "b": 0.33, "c": 0.33}
    return {
        "id": "bench",
        "version": "1",
        "purposes": [{"id": "show", "basis": "contract"}],
        "objectives": [{"id": "orders", "signal": "order_completed"}],
        "segments": [{"id": name, "when": rule} for name, rule in _RULES.items()],
        "slots": [
            {
                "id": "hero",
                "strategy": "split",
                "objective": "orders",
                "default": "a",
                "purpose": "show",
                "shares": shares,
            }
        ],
        "creatives": [
            {"id": n, "version": "1", "slots": ["hero"], "content": {"en": {"headline": n}}}
            for n in shares
        ],
    }


def _by_hand(key: str, context: dict[str, Any]) -> str:
    if context["country"] in {"FR", "DE", "IT", "ES", "PT"}:
        return "abroad"
    if context["age"] > 65:
        return "senior"
    if context["plan"] == "gold":
        return "paying"
    at = mmh3.hash(f"split:hero:{key}", signed=False) / 2**32
    return "a" if at < 0.34 else "b" if at < 0.67 else "c"


def main() -> None:
    """Compare a compiled policy with the least that could do the work."""
    policy = compile_policy(from_json(Policy, _policy()))
    slot = policy.slots["hero"]
    person = Person(policy, "u-42", {"u-42": empty()})
    figures = Figures(MemoryStore(), "default")
    at = Situation(
        view=person.view("show", 0.0, _CONTEXT),
        basis="contract",
        key="u-42",
        now=0.0,
        uniform=random.random,
        learned=figures,
        trials={},
    )
    compare(
        "engine: 3 rules, 3-way split",
        {
            "by hand": lambda: _by_hand("u-42", _CONTEXT),
            "clew engine": lambda: decide(policy, slot, at),
        },
        floor="by hand",
        at_most={"clew engine": 15.0},
    )


if __name__ == "__main__":
    main()
