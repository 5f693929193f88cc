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

__all__ = ["Ground", "Ledger", "merge", "permissions", "record"]

#: By purpose, by state: [occurred at (seconds), record id, basis, source].
Ledger: TypeAlias = dict[str, dict[str, list[Any]]]

_STRICTEST_FIRST: tuple[ConsentState, ...] = ("objected", "withdrawn", "granted")


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


def merge(ledgers: Sequence[Ledger]) -> Ledger:
    """
    Join the ledgers of linked identities: the stricter of each recorded consent holds (RULES I3).

    A side without a record for a purpose does not change the other's.
    """
    if len(ledgers) == 1:
        return ledgers[0]
    merged: Ledger = {}
    for purpose in {name for ledger in ledgers for name in ledger}:
        sides = [_holding(ledger[purpose]) for ledger in ledgers if purpose in ledger]
        state, entry = min(sides, key=lambda side: (_STRICTEST_FIRST.index(side[0]), -side[1][0]))
        merged[purpose] = {state: entry}
    return merged


def permissions(purposes: Purposes, ledger: Ledger) -> dict[str, Ground]:
    """Say for every purpose of the policy whether it is permitted, and why."""
    return {
        purpose: _ground(purposes.basis[purpose], [ledger[n] for n in chain if n in ledger])
        for purpose, chain in purposes.chains.items()
    }


def _holding(states: Mapping[str, list[Any]]) -> tuple[ConsentState, list[Any]]:
    """Which of one purpose's own records decides."""
    if "objected" in states:
        return "objected", states["objected"]
    granted, withdrawn = states.get("granted"), states.get("withdrawn")
    if granted is not None and (withdrawn is None or granted[0] > withdrawn[0]):
        return "granted", granted
    assert withdrawn is not None  # noqa: S101 - a purpose is in a ledger only with a record
    return "withdrawn", withdrawn


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
