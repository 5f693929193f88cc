"""
The consent ledger of one identity, as a fold over its records, and what it permits.

The state keeps, per purpose, the latest record of each kind (granted, withdrawn, objected). Taking
the latest is commutative and idempotent, so records may arrive in any order and twice.

What holds for a purpose is read off the records of the purpose and of its ancestors:

1. an objection anywhere denies, whatever was granted and whenever (GDPR Article 21(3));
2. else the later of the latest grant and the latest withdrawal decides; a tie denies;
3. without any record, the policy's own ground decides, and the ground `consent` needs a record:
   unknown means no.
"""

from collections.abc import Iterable, Mapping, Sequence
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


def permissions(purposes: Purposes, ledgers: Sequence[Ledger]) -> dict[str, Ground]:
    """
    Say for every purpose of the policy whether it is permitted, and why.

    Of linked identities the stricter holds; a side that never spoke of a purpose, or of one above
    it, does not change what the others said (RULES I3).
    """
    return {
        purpose: _strictest(purposes.basis[purpose], chain, ledgers)
        for purpose, chain in purposes.chains.items()
    }


def _strictest(declared: Basis, chain: Sequence[str], ledgers: Sequence[Ledger]) -> Ground:
    spoken = [
        [ledger[name] for name in chain if name in ledger]
        for ledger in ledgers
        if any(name in ledger for name in chain)
    ]
    grounds = [_ground(declared, records) for records in spoken] or [_ground(declared, [])]
    return min(grounds, key=_laxity)


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
    return max((entry for entry in entries if entry is not None), default=None, key=lambda e: e[0])
