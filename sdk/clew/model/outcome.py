"""What came of a decision (`schemas/outcome.schema.json`, RULES M2)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Factory, field, frozen, validators

from clew.model.limits import identifier, optional_identifier
from clew.model.words import OutcomeType

__all__ = ["Outcome"]


@frozen(kw_only=True)
class Outcome:
    """
    One event of a decision's life: sent, displayed, interacted, dismissed, converted and so on.

    Its id is the only key for deduplication. It names the decision by id or by token; `voided` may
    name the request and its subject instead, where the decision was never received.
    """

    id: str = field(validator=identifier)
    type: OutcomeType
    occurred_at: datetime
    decision: str | None = field(default=None, validator=optional_identifier)
    token: str | None = None
    request_id: str | None = field(default=None, validator=optional_identifier)
    subject: str | None = field(default=None, validator=optional_identifier)
    #: The number the outcome is worth, in `currency` when it is money.
    value: float | None = None
    #: ISO 4217 code.
    currency: str | None = field(
        default=None, validator=validators.optional(validators.matches_re(r"[A-Z]{3}"))
    )
    #: Which showing of the decision was seen; displays are counted by (decision, view).
    view_id: str | None = field(default=None, validator=optional_identifier)
    #: The id of an outcome which this one cancels (a refund).
    reverses: str | None = field(default=None, validator=optional_identifier)
    #: Who acted, when a person overrode or reported by hand.
    actor: str | None = None
    note: str | None = None
    department: str | None = None
    source: str | None = None
    received_at: datetime | None = None
    ext: Mapping[str, Any] = Factory(dict)
