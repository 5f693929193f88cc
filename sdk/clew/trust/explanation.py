"""
Why something was shown, said from the record of the decision and the policy that made it.

Honesty is the rule of this file: a choice made by chance says so, and no sentence names a datum
that the decision did not look at.

Source of the demand: GDPR Article 15(1)(h) and CJEU C-203/22 (the procedure and the data actually
used, intelligibly).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from clew.engine.compiled import CompiledCreative, CompiledPolicy
from clew.logic import Rule, describe
from clew.model.decision import DataUsed, DataWithheld, Explanation, Method

__all__ = ["explain", "explained"]

_SIMPLE = {
    "split": "we are comparing versions, and you were given one of them by chance, once for all",
    "no_eligible": "nothing more fitting was available for you here",
    "default": "this is what everybody sees here",
    "pinned": "this is what you usually take",
    "suppressed": "other messages are held back for you at the moment",
    "capped": "you have seen the others often enough for now",
    "unknown_slot": "nothing is planned for this place",
    "deadline": "choosing took too long, so you see the standard version",
    "error": "something failed on our side, so you see the standard version",
    "stale": "we could not ask again, so you see what was chosen before",
}


def explain(policy: CompiledPolicy, decision: Mapping[str, Any]) -> Explanation:
    """As `explained`, as a value."""
    found = explained(policy, decision)
    return Explanation(
        because=tuple(found.get("because", ())),
        data_used=tuple([DataUsed(**each) for each in found.get("data_used", ())]),
        data_withheld=tuple([DataWithheld(**each) for each in found.get("data_withheld", ())]),
        context_used=tuple(found.get("context_used", ())),
        method=Method(**found["method"]),
    )


def explained(policy: CompiledPolicy, decision: Mapping[str, Any]) -> dict[str, Any]:
    """
    Explain a recorded decision, in wire form: each decision that a server shows has one.

    Args:
        policy: the version that made it.
        decision: its record, in wire form.
    """
    reads = decision.get("reads", {})
    explores = _explores(decision)
    method = {
        "kind": decision["reason"],
        "name": decision["slot"],
        "version": f"{policy.policy.id} {policy.policy.version}",
    }
    if decision.get("propensity") is not None:
        method["propensity"] = decision["propensity"]
    if explores:
        method["exploration"] = explores
    parts: dict[str, Any] = {}
    if because := list(_because(policy, decision, explores=explores)):
        parts["because"] = because
    if "profile" in reads and (used := list(_used(policy, reads["profile"]))):
        parts["data_used"] = used
    if withheld := reads.get("withheld"):
        purpose = decision["consent"]["purpose"]
        parts["data_withheld"] = [
            {"field": path, "reason": _withheld(policy, path, purpose)} for path in withheld
        ]
    if context := reads.get("context"):
        parts["context_used"] = sorted(context)
    parts["method"] = method
    return parts


def _used(policy: CompiledPolicy, profile: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, value in sorted(profile.items()):
        if value is None:
            continue
        used = {"field": path, "value": value}
        trait = policy.traits.get(path)
        if trait is not None:
            used["purpose"] = trait.purpose
            if trait.plain is not None:
                used["plain"] = trait.plain
        yield used


def _withheld(policy: CompiledPolicy, path: str, purpose: str) -> str:
    """Why a datum was left alone: it serves another purpose, or the person's word."""
    trait = policy.traits.get(path)
    if trait is None:
        return "not permitted"
    if not policy.purposes.covers(trait.purpose, purpose):
        return f"kept for the purpose {trait.purpose!r}, and this was for {purpose!r}"
    return f"no permission for the purpose {trait.purpose!r}"


def _because(
    policy: CompiledPolicy, decision: Mapping[str, Any], *, explores: bool
) -> Iterator[str]:
    reason = decision["reason"]
    if reason == "consent_denied":
        yield (
            f"you have not allowed the purpose {decision['consent']['purpose']!r}, "
            "so nothing we know of you was used"
        )
        return
    if reason == "holdout":
        yield (
            "you belong to a small group, drawn by chance, that gets the standard version "
            "so that we can tell whether the others are any better"
        )
        return
    yield from _conditions(policy, decision)
    if reason in {"bandit", "priority"}:
        yield _chosen(policy, decision, explores=explores)
    elif reason in _SIMPLE:
        yield _SIMPLE[reason]


def _chosen(policy: CompiledPolicy, decision: Mapping[str, Any], *, explores: bool) -> str:
    if decision["reason"] == "priority":
        return "of what fits you, this comes first"
    if explores or _all_alike(decision) or not _has_learned(decision):
        return "we are trying this with some visitors to learn what helps"
    told_apart = {
        name.partition("=")[0] for draw in decision.get("draws", ()) for name in draw["features"]
    }
    known = [trait.plain or trait.id for path, trait in policy.traits.items() if path in told_apart]
    if known:
        return f"it has helped visitors like you most, going by {_joined(known)}"
    return "it has helped visitors most so far"


def _conditions(policy: CompiledPolicy, decision: Mapping[str, Any]) -> Iterator[str]:
    """What the creative's own condition asked for, in the person's words."""
    slot = policy.slots.get(decision["slot"])
    creatives: tuple[CompiledCreative, ...] = slot.creatives if slot else ()
    chosen = next((c for c in creatives if c.id == decision.get("creative")), None)
    if chosen is None or chosen.when is None:
        return
    member_of = set(decision.get("segments", ()))
    named = [
        (name, rule) for name, rule in policy.segments if name in chosen.when.literals & member_of
    ]
    for name, rule in named:
        plain = next((s.plain for s in policy.policy.segments if s.id == name), None)
        yield plain or in_words(policy, rule)
    if not named:
        yield in_words(policy, chosen.when)


def in_words(policy: CompiledPolicy, rule: Rule) -> str:
    """A rule as a sentence, with the traits' plain names."""
    sentence = describe(rule)
    for trait in policy.traits.values():
        if trait.plain:
            sentence = re.sub(rf"\b{re.escape(trait.id)}\b", trait.plain, sentence)
    return sentence


def _explores(decision: Mapping[str, Any]) -> bool:
    """Whether something else was expected to do better than what was drawn."""
    return any(draw["predicted"] < max(_scores(draw)) for draw in decision.get("draws", ()))


def _all_alike(decision: Mapping[str, Any]) -> bool:
    """Whether nothing told the candidates apart, so that chance alone chose."""
    draws = decision.get("draws", ())
    for draw in draws:
        scores = _scores(draw)
        if len(scores) == 1 or len(set(scores)) > 1:
            return False
    return bool(draws)


def _has_learned(decision: Mapping[str, Any]) -> bool:
    """Whether any decision of the slot had been counted when this one was drawn."""
    return any(draw["rounds"] for draw in decision.get("draws", ()))


def _scores(draw: Mapping[str, Any]) -> list[float]:
    return [candidate["score"] for candidate in draw["candidates"]]


def _joined(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
