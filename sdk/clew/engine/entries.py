"""
The decisions that a person's document keeps: the latest of each slot whole, older ones in short.

A whole entry says what was drawn and what came of it: it can be repeated, counted, and credited
with signals. Of an older one only what came of it is kept; an outcome that names it brings its
record along, which has the rest. So outcomes reach a decision however many have followed it.
"""

from bisect import insort
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from clew.engine.person import Document, Person

__all__ = [
    "DECISIONS_KEPT",
    "OLDER_KEPT",
    "Entry",
    "credits_of",
    "is_undone",
    "is_void",
    "keep",
    "owner_of",
    "recalled",
    "shortened",
    "when",
]

Entry: TypeAlias = dict[str, Any]

#: Decisions of a slot that are kept whole, per identity.
DECISIONS_KEPT = 4
#: Those before them that are kept in short, of some 60 bytes each; still older ones are history.
OLDER_KEPT = 64
#: What has come of a decision: what its record does not say.
_CAME = ("counted", "void", "out", "early", "done", "undone", "waived")


def when(entry: Mapping[str, Any]) -> tuple[float, str]:
    """Order decisions by the instant at which they were made."""
    return entry["at"], entry["id"]


def keep(document: Document, decision: Mapping[str, Any], at: float) -> Entry:
    """Enter a decision among the latest of its slot; gives the entry."""
    kept = document["slots"].setdefault(decision["slot"], [])
    # Not afterwards: this one may be the oldest, and is about to change.
    while len(kept) >= DECISIONS_KEPT:
        _shorten(document, decision["slot"], kept)
    entry = _entry(decision, at)
    if kept and when(entry) < when(kept[-1]):
        insort(kept, entry, key=when)
    else:  # as nearly always
        kept.append(entry)
    return entry


def recalled(person: Person, decision: Mapping[str, Any]) -> tuple[Entry, Entry] | None:
    """
    Give an older decision whole again, by its record, and what is kept of it in short.

    Whoever changes the one hands both to `shortened`. None where nothing is kept of it.
    """
    for document in person.documents.values():
        for short in document.get("older", {}).get(decision["slot"], ()):
            if short["id"] == decision["id"]:
                return _entry(decision, short["at"]) | short, short
    return None


def owner_of(person: Person, entry: Entry) -> str:
    """For which of the person's identities a decision was made."""
    owners = (name for name, one in _all(person, entry["slot"]) if one["id"] == entry["id"])
    return next(owners, person.subject)


def is_void(person: Person, decision: Mapping[str, Any]) -> bool:
    """Whether a recorded decision was taken back."""
    entry = person.entry(decision["id"])
    found = recalled(person, decision) if entry is None else (entry, entry)
    return found is not None and bool(found[0]["void"])


def is_undone(person: Person, outcome: str) -> bool:
    """Whether something that was told of a decision takes an outcome back, by its id."""
    return any(
        outcome in entry.get("undone", ())
        for slot in person.policy.slots
        for _, entry in _all(person, slot)
    )


def credits_of(person: Person, slot: str) -> Iterator[tuple[Entry, list[Any]]]:
    """Give what all kept decisions of a slot were credited with, by objective, and what waits."""
    for _, entry in _all(person, slot):
        yield entry.get("done", {}), entry.get("early", [])


def shortened(entry: Entry, short: Entry) -> None:
    """Note in short what has come of a decision meanwhile."""
    for name in _CAME:
        if entry.get(name):
            short[name] = entry[name]
        else:
            short.pop(name, None)


def _all(person: Person, slot: str) -> Iterator[tuple[str, Entry]]:
    """Give what is kept of a slot, whole and in short, each with whose it is."""
    for name, document in person.documents.items():
        for where in ("slots", "older"):
            for entry in document.get(where, {}).get(slot, ()):
                yield name, entry


def _shorten(document: Document, slot: str, kept: list[Entry]) -> None:
    """Keep the oldest entry in short; but what signals can be credited to outlives the unseen."""
    seen = (one for one in reversed(kept) if one["counted"] is not None and not one["void"])
    counted = next(seen, None)
    entry = kept.pop(1 if kept[0] is counted else 0)
    short = {"id": entry["id"], "at": entry["at"]}
    shortened(entry, short)
    older = document.setdefault("older", {}).setdefault(slot, [])
    older.append(short)
    del older[:-OLDER_KEPT]


def _entry(decision: Mapping[str, Any], at: float) -> Entry:
    """What is kept of a decision: enough to repeat it, to count it and to credit it."""
    draws = decision.get("draws", ())
    items = [item for item in decision.get("items", ()) if item["reason"] == "bandit"]
    names = [item["item"] for item in items] or [None] * len(draws)
    return {
        "id": decision["id"],
        "slot": decision["slot"],
        "at": at,
        "session": decision.get("session_id"),
        "view": decision.get("view_id"),
        "creative": decision.get("creative"),
        "version": decision.get("creative_version"),
        "reason": decision["reason"],
        "propensity": decision.get("propensity"),
        "policy": [decision.get("policy_id"), decision.get("policy_version")],
        "assignments": decision.get("assignments", []),
        "measured": decision.get("measured", False),
        "eligible": decision.get("eligible", []),
        "items": [[i["item"], i["reason"], i.get("propensity")] for i in decision.get("items", ())],
        "arms": [_arm(name, draw) for name, draw in zip(names, draws, strict=True)],
        "counted": None,
        "void": False,
        "early": [],
        "done": {},
        "undone": [],
    }


def _arm(item: str | None, draw: Mapping[str, Any]) -> dict[str, Any]:
    """One drawn arm; x, m and p are of the moment of the draw (L2)."""
    return {
        "item": item,
        "key": draw["state_key"],
        "model": draw["model"],
        "x": draw["features"],
        "m": draw["means"],
        "p": draw["predicted"],
        "choice": len(draw["candidates"]) > 1,
    }
