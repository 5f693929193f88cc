"""
Facts on their way to a backend, and its answer per item (`schemas/batch.schema.json`).

An item is an object with one key that names its kind: `{"signal": {…}}`. A spool record is one
encoded item, so a batch on the wire is the records joined by commas and nothing is encoded twice.
"""

from typing import Literal

from attrs import define, field, frozen, setters, validators

from clew.model.consent import Consent
from clew.model.decision import Decision
from clew.model.identity import Identity
from clew.model.outcome import Outcome
from clew.model.problem import ErrorItem
from clew.model.signal import Signal

__all__ = ["Batch", "BatchItem", "BatchResult", "ItemResult", "ItemStatus"]

#: applied: stored and folded; duplicate: known by its id; late: stored, after the window it would
#: have counted in; refused: never will be stored, see errors; retry: send this one again.
ItemStatus = Literal["applied", "duplicate", "late", "refused", "retry"]

#: The most items a batch may hold.
BATCH_MAX = 500


@frozen(kw_only=True)
class BatchItem:
    """One fact; exactly one of the fields is set."""

    signal: Signal | None = None
    consent: Consent | None = None
    identity: Identity | None = None
    decision: Decision | None = None
    outcome: Outcome | None = None

    def __attrs_post_init__(self) -> None:
        kinds = (self.signal, self.consent, self.identity, self.decision, self.outcome)
        if kinds.count(None) != len(kinds) - 1:
            raise ValueError("an item holds one signal, consent, identity, decision or outcome")


@frozen(kw_only=True)
class Batch:
    """Up to 500 facts, applied in order."""

    items: tuple[BatchItem, ...] = field(
        validator=[validators.min_len(1), validators.max_len(BATCH_MAX)]
    )


# Not frozen, as there is one for every fact: that would cost three times as much.
@define(kw_only=True, on_setattr=setters.NO_OP)
class ItemResult:
    """What became of one item."""

    id: str
    status: ItemStatus
    #: Why it was refused: `no_basis`, `schema`, `unknown_decision` and so on.
    cause: str | None = None
    errors: tuple[ErrorItem, ...] = ()


@frozen(kw_only=True)
class BatchResult:
    """One result per item, in the order of the batch."""

    results: tuple[ItemResult, ...]
