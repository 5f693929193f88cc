"""
The consent ledger of one identity, as a fold over its records, and what it permits.

The state keeps, per purpose, the latest record of each kind (granted, withdrawn, objected). Taking
the latest is commutative and idempotent, so records may arrive in any order and twice.

What holds for a purpose is read off the records of the purpose and of its ancestors:

1. an objection anywhere denies, whatever was granted and whenever (GDPR Article 21(3));
2. else the later of the latest grant and the latest withdrawal decides; a tie denies;
3. without any record, the policy's own ground decides, and the ground `consent` needs a record:
   unknown means no.

Of linked identities each has a ledger of its own. What was said through one of them since both are
linked is a word of the others, too: it is the same person who speaks.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen

from clew.clock import instant
from clew.model.words import Basis, ConsentState
from clew.trust.purposes import Purposes

__all__ = ["Ground", "Ledger", "permissions", "record"]

#: By purpose, by state: [occurred at (seconds), record id, basis, source].
Ledger: TypeAlias = dict[str, dict[str, list[Any]]]


@frozen
class Ground:
    """Whether a purpose is permitted, and what that rests on."""

    permitted: bool
    basis: Basis | None = None
    state: ConsentState | None = None
    #: Seconds since the epoch.
    at: float | None = None
    source: str | None = None


def record(ledger: Ledger, consent: Mapping[str, Any]) -> None:
    """Fold one consent record (its wire form) into the ledger; the later of two stays."""
    entry = [
        instant(consent["occurred_at"]),
        consent["id"],
        consent.get("basis", "consent"),
        consent.get("source"),
    ]
    states = ledger.setdefault(consent["purpose"], {})
    present = states.get(consent["state"])
    if present is None or entry[:2] > present[:2]:
        states[consent["state"]] = entry


def permissions(
    purposes: Purposes, ledgers: Sequence[Ledger], linked_at: Sequence[float] | None = None
) -> dict[str, Ground]:
    """
    Say for every purpose of the policy whether it is permitted, and why.

    Of linked identities the stricter holds; a side that never spoke of a purpose, or of one above
    it, does not change what the others said (RULES I3).

    Args:
        ledgers: of each identity, what was said through it.
        linked_at: since when each of these identities is linked to the known one, which is itself
            since ever; without it none has heard the others.
    """
    links = [math.inf] * len(ledgers) if linked_at is None else linked_at
    sides = list(zip(ledgers, links, strict=True))
    return {
        purpose: _strictest(purposes.basis[purpose], chain, sides)
        for purpose, chain in purposes.chains.items()
    }


def _strictest(
    declared: Basis, chain: Sequence[str], sides: Sequence[tuple[Ledger, float]]
) -> Ground:
    told = [
        ([ledger[name] for name in chain if name in ledger], linked_at)
        for ledger, linked_at in sides
    ]
    grounds = [
        _ground(declared, [*own, *_heard(n, told)]) for n, (own, _) in enumerate(told) if own
    ]
    return min(grounds or [_ground(declared, [])], key=_laxity)


def _heard(
    me: int, told: Sequence[tuple[Sequence[Mapping[str, list[Any]]], float]]
) -> Iterator[dict[str, list[Any]]]:
    """Give what was said through the other identities since both are linked."""
    for n, (records, linked_at) in enumerate(told):
        since = max(linked_at, told[me][1])
        for states in records if n != me else ():
            yield {state: entry for state, entry in states.items() if entry[0] >= since}


def _laxity(ground: Ground) -> tuple[bool, bool, float]:
    """Objections first, then other refusals, then grants, the latest of a kind first."""
    return ground.permitted, ground.state != "objected", -(ground.at or 0.0)


def _ground(declared: Basis, chain: Sequence[Mapping[str, list[Any]]]) -> Ground:
    objected = _latest(states.get("objected") for states in chain)
    if objected is not None:
        return Ground(False, None, "objected", objected[0], objected[3])
    granted = _latest(states.get("granted") for states in chain)
    withdrawn = _latest(states.get("withdrawn") for states in chain)
    if granted is not None and (withdrawn is None or granted[0] > withdrawn[0]):
        return Ground(True, granted[2], "granted", granted[0], granted[3])
    if withdrawn is not None:
        return Ground(False, None, "withdrawn", withdrawn[0], withdrawn[3])
    if declared == "consent":
        return Ground(False)
    return Ground(True, declared)


def _latest(entries: Iterable[list[Any] | None]) -> list[Any] | None:
    return max((one for one in entries if one is not None), default=None, key=lambda e: e[:2])
