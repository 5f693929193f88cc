"""
The decisions that a person's document keeps: the latest of each slot whole, older ones in short.

A whole entry says what was drawn and what came of it: it can be repeated, counted, and credited
with signals. Of an older one only what came of it is kept, and its record has the rest. So outcomes
reach a decision however many have followed it.
"""

from bisect import insort
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from clew.engine.person import Document, Person

__all__ = [
    "DECISIONS_KEPT",
    "OLDER_KEPT",
    "Entry",
    "Recall",
    "decisions_of",
    "find",
    "is_void",
    "keep",
    "note",
    "owner_of",
    "unrecorded",
]

Entry: TypeAlias = dict[str, Any]
#: Gives the record of a decision by its id; None where it is not stored.
Recall: TypeAlias = Callable[[str], Mapping[str, Any] | None]

#: Decisions of a slot that are kept whole, per identity.
DECISIONS_KEPT = 4
#: Those before them that are kept in short, of some 120 bytes each; still older ones are history.
OLDER_KEPT = 64
#: What has come of a decision: what its record does not say.
_CAME = ("reached_at", "ended", "counted", "void", "left_out")


def unrecorded(_decision: str, /) -> None:
    """A `Recall` where there are no records."""


def keep(document: Document, decision: Mapping[str, Any], at: float) -> Entry:
    """Enter a decision among the latest of its slot; gives the entry."""
    kept = document["slots"].setdefault(decision["slot"], [])
    # Not afterwards: this one may be the oldest, and is about to change.
    while len(kept) >= DECISIONS_KEPT:
        _put_away(document, decision["slot"], kept)
    entry = _entry(decision, at)
    _insert(kept, entry)
    return entry


def find(person: Person, decision: str, recall: Recall) -> Entry | None:
    """
    Give a decision whole, also an older one; None where nothing is kept of it, or no record.

    Whoever changes it hands it to `note`.
    """
    entry = person.entry(decision)
    if entry is not None:
        return entry
    short = _short(person, decision)
    record = None if short is None else recall(decision)
    return None if short is None or record is None else _entry(record, short["at"]) | short


def note(person: Person, entry: Entry) -> None:
    """Keep what has come of a decision that `find` gave, if that is kept in short."""
    short = None if person.entry(entry["id"]) is entry else _short(person, entry["id"])
    if short is not None:
        _shorten(entry, short)


def decisions_of(person: Person, slot: str) -> Iterator[Entry]:
    """Give all kept decisions of a slot, whole and in short."""
    return (entry for _, entry in _all(person, slot))


def owner_of(person: Person, entry: Entry) -> str:
    """For which of the person's identities a decision was made."""
    owners = (name for name, one in _all(person, entry["slot"]) if one["id"] == entry["id"])
    return next(owners, person.subject)


def is_void(person: Person, decision: str) -> bool:
    """Whether a decision was taken back."""
    entry = person.entry(decision) or _short(person, decision) or {}
    return bool(entry.get("void"))


def _all(person: Person, slot: str) -> Iterator[tuple[str, Entry]]:
    """Give what is kept of a slot, each with whose it is."""
    for name, document in person.documents.items():
        for where in ("slots", "older"):
            for entry in document.get(where, {}).get(slot, ()):
                yield name, entry


def _short(person: Person, decision: str) -> Entry | None:
    """What is kept of an older decision."""
    for document in person.documents.values():
        for shorts in document.get("older", {}).values():
            for short in shorts:
                if short["id"] == decision:
                    return short  # type: ignore[no-any-return]
    return None


def _insert(entries: list[Entry], entry: Entry) -> None:
    """Put an entry where it belongs in time."""
    if not entries or _when(entries[-1]) < _when(entry):  # as nearly always
        entries.append(entry)
    else:
        insort(entries, entry, key=_when)


def _when(entry: Mapping[str, Any]) -> tuple[float, str]:
    return entry["at"], entry["id"]


def _shorten(entry: Entry, short: Entry) -> None:
    """Take over what has come of a decision."""
    for name in _CAME:
        if entry.get(name):
            short[name] = entry[name]
        else:
            short.pop(name, None)


def _put_away(document: Document, slot: str, kept: list[Entry]) -> None:
    """Keep the oldest entry in short."""
    entry = kept.pop(0)
    short = {"id": entry["id"], "at": entry["at"]}
    _shorten(entry, short)
    older = document.setdefault("older", {}).setdefault(slot, [])
    _insert(older, short)
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
        "reached_at": None,
        "ended": [],
        "counted": None,
        "void": False,
        "left_out": False,
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
