"""
What former versions of clew have kept of a person, brought into the form of this one.

Done once, when a document is read; it is stored in its new form with the next fact.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from clew.backends.base import Reading
from clew.engine.bucketing import store_bucket
from clew.engine.compiled import CompiledPolicy
from clew.engine.person import Document
from clew.trust.ledger import record

__all__ = ["renew"]

#: Words of an entry that have another meaning today, or none.
_FORMER = frozenset({"counted", "void", "done", "early", "undone"})


def renew(
    reading: Reading, tenant: str, policy: CompiledPolicy, name: str, document: Document
) -> None:
    """Bring the document of an identity into the form of this version, if it is older."""
    if document.pop("ledger", None) is not None:
        _reread_consent(reading, tenant, name, document)
    for slot, entry in _entries(document):
        _renew_entry(policy, document, slot, entry)


def _reread_consent(reading: Reading, tenant: str, name: str, document: Document) -> None:
    """Take from the log what was said through an identity: `ledger` had all links' words."""
    document["said"] = {}
    for body in reading.facts((store_bucket(tenant, name), tenant), "consent", name):
        record(document["said"], orjson.loads(body))


def _entries(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """The kept decisions, whole and in short, that say what has come of them in former words."""
    for where in ("slots", "older"):
        for slot, entries in document.get(where, {}).items():
            for entry in entries:
                if not {"reached_at", "ended"} & entry.keys() and _FORMER & entry.keys():
                    yield slot, entry


def _renew_entry(
    policy: CompiledPolicy, document: Document, slot: str, entry: dict[str, Any]
) -> None:
    """Say of a decision what became of it, and of its outcomes what they have taught."""
    void = entry.get("void")
    end = "unheard" if void == "unheard" else "voided" if entry.get("out") else "overridden"
    entry["reached_at"], entry["ended"] = entry.get("counted"), [end] if void else []
    entry["void"], entry["left_out"] = bool(void), bool(entry.pop("out", False))
    entry["counted"] = None if void else entry["reached_at"]
    kept = document.setdefault("outcomes", {}).setdefault(slot, {})
    for objective, credited in entry.pop("done", {}).items():
        # When they happened was not kept: whoever has taught was the first.
        credited.sort(key=lambda one: not one["taught"])
        for position, one in enumerate(credited):
            kept.setdefault(objective, []).append(_outcome(entry, one, 1e-6 * position))
    for objective, name, worth, at, items in entry.pop("early", ()):
        waiting = {"id": name, "at": at, "worth": worth}
        kept.setdefault(objective, []).append(waiting | ({} if items is None else {"items": items}))
    for outcomes in kept.values():
        outcomes.sort(key=lambda one: (one["at"], one["id"]))
    reversals = entry.pop("undone", [])
    compiled = policy.slots.get(slot)
    for objective in compiled.objectives if compiled is not None and reversals else ():
        document.setdefault("reversed", {}).setdefault(objective.id, []).extend(reversals)
    entry.pop("waived", None)


def _outcome(entry: dict[str, Any], credited: dict[str, Any], after: float) -> dict[str, Any]:
    """An outcome as this version keeps it, so long after its decision was counted."""
    at = entry["reached_at"] + after
    outcome = {"id": credited["id"], "at": at, "worth": credited["worth"]}
    outcome["decision"] = entry["id"]
    if credited["items"] is not None:
        outcome["items"] = credited["items"]
    if credited["taught"]:
        outcome["taught"] = entry["id"]
        outcome |= {name: credited[name] for name in ("reward", "attributed")}
    return outcome
