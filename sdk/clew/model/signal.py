"""A signal: a fact about a subject (`schemas/signal.schema.json`, RULES F1)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Factory, field, frozen

from clew.model.limits import identifier, name, optional_identifier
from clew.model.words import Basis, Channel, Party, Traffic

__all__ = ["Signal"]


@frozen(kw_only=True)
class Signal:
    """
    Something that happened, said once.

    The id is minted when the signal is emitted and is its only key for deduplication, within the
    tenant. `purposes` and `basis` are stamped when permission is checked (F5), never by the sender.
    """

    id: str = field(validator=identifier)
    #: What happened, as object_verb-past: `product_viewed`.
    type: str = field(validator=name)
    subject: str = field(validator=identifier)
    occurred_at: datetime
    anonymous_subject: str | None = field(default=None, validator=optional_identifier)
    source: str | None = None
    received_at: datetime | None = None
    data: Mapping[str, Any] = Factory(dict)
    channel: Channel | None = None
    session_id: str | None = field(default=None, validator=optional_identifier)
    department: str | None = None
    party: Party = "first"
    purposes: tuple[str, ...] = ()
    basis: Basis | None = None
    traffic: Traffic = "human"
    schema_uri: str | None = None
    ext: Mapping[str, Any] = Factory(dict)
