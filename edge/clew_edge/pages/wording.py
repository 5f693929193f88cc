"""
The words of the why page: what a decision holds, said as one person would say it to another.

Nothing here adds to what the decision's explanation says. Where chance chose, the words say so.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from clew.model.decision import ConsentGround, Decision
from clew.model.profile import Permission

__all__ = ["ago", "chance", "context", "ground", "method", "name", "purpose", "shown", "value"]

_LEARNING = "Chosen to learn"
_METHODS = {
    "bandit": "Works best so far",
    "split": "Part of a comparison",
    "priority": "First of what fits you",
    "pinned": "What you usually take",
    "holdout": "The standard page, as for everybody in the comparison group",
    "consent_denied": "The standard page, with nothing about you",
    "moment": "Important for you now",
    "override": "Set by hand",
    "preview": "A preview",
    "stale": "As chosen before",
}
_STANDARD = "The standard page"

_GROUNDS = {
    "consent": "you allowed it",
    "contract": "it is part of what you ordered from us",
    "legal_obligation": "the law asks for it",
    "vital_interests": "it protects somebody's life",
    "public_task": "it serves a public task",
    "legitimate_interests": "we have a legitimate interest, and you may object",
}

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
#: Texts that are addresses say nothing to a reader.
_ADDRESSES = ("http://", "https://", "/", "#")
#: And names of colours, pictures and items are meant for the page, where there is more to read.
_CODE = re.compile(r"[a-z0-9_-]+")


def method(decision: Decision) -> str:
    """Say in a few words how it was chosen."""
    if decision.reason == "bandit" and _is_learning(decision):
        return _LEARNING
    return _METHODS.get(decision.reason, _STANDARD)


def _is_learning(decision: Decision) -> bool:
    """Whether something else looked better, or nothing was known that tells the choices apart."""
    explored = decision.explanation.method
    scores = [[candidate.score for candidate in draw.candidates] for draw in decision.draws]
    return (
        (explored is not None and explored.exploration)
        or any(len(each) > 1 and len(set(each)) == 1 for each in scores)
        or not any(draw.rounds for draw in decision.draws)
    )


def chance(decision: Decision) -> str | None:
    """Say how likely it was, where chance had a part in it."""
    share = decision.propensity
    if decision.reason not in {"bandit", "split"} or share is None or share == 1.0:
        return None
    of_hundred = round(share * 100)
    if of_hundred in {0, 100}:
        return "fewer than 1 in 100" if of_hundred == 0 else "more than 99 in 100"
    return f"{of_hundred} in 100"


def shown(decision: Decision) -> list[str]:
    """Give the texts of what was chosen, those of a list's entries in their order."""
    contents = [entry.content or {"item": entry.item} for entry in decision.items]
    return [text for content in contents or [decision.content] for text in _texts(content)]


def _texts(content: Mapping[str, Any]) -> Iterable[str]:
    texts = [
        each
        for each in content.values()
        if isinstance(each, str) and each and not each.startswith(_ADDRESSES)
    ]
    return [text for text in texts if not _CODE.fullmatch(text)] or texts


def context(decision: Decision) -> list[tuple[str, str]]:
    """Give what the request itself told, and the decision looked at."""
    told = decision.reads.context
    return [(name(path), value(told.get(path))) for path in decision.explanation.context_used]


def purpose(used: ConsentGround) -> str:
    """Say what a decision used data for, and on which ground."""
    named = name(used.purpose)
    return f"{named}." if used.basis is None else f"{named}: {_GROUNDS[used.basis]}."


def name(path: str) -> str:
    """
    Say the name of a slot, a purpose or a trait as words.

    >>> name("computed.views_30d")
    'views 30d'
    """
    return path.rpartition(".")[2].replace("_", " ").replace("-", " ")


def value(given: Any) -> str:
    """Say a value: numbers in short, truths as yes and no, collections by their entries."""
    match given:
        case None:
            return "not known"
        case bool():
            return "yes" if given else "no"
        case float():
            return f"{given:.6g}"
        case Mapping():
            return ", ".join(f"{name(key)}: {value(each)}" for key, each in given.items())
        case list() | tuple():
            return ", ".join(value(each) for each in given)
        case _:
            return str(given)


def ground(permission: Permission) -> str:
    """Say whether a purpose is permitted, why, and since when."""
    since = "" if permission.occurred_at is None else f" on {_date(permission.occurred_at)}"
    match permission.state:
        case "withdrawn":
            return f"No: you withdrew this{since}."
        case "objected":
            return f"No: you objected to this{since}."
        case "granted" if permission.permitted:
            return f"Yes: you allowed this{since}."
    if permission.permitted and permission.basis is not None:
        return f"Yes: {_GROUNDS[permission.basis]}."
    return "No: you have not allowed this, so it is not done."


def _date(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


def ago(at: datetime, now: datetime) -> str:
    """Say how long ago something was, roughly."""
    seconds = (now - at).total_seconds()
    if seconds < _MINUTE:
        return "just now"
    for unit, length, longer in (("minute", _MINUTE, _HOUR), ("hour", _HOUR, _DAY)):
        if seconds < longer:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return _date(at)
