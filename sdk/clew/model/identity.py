"""A change of identity (`schemas/identity.schema.json`, RULES I1 to I3)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Factory, field, frozen

from clew.model.limits import identifier
from clew.model.words import Operation

__all__ = ["Identity"]


@frozen(kw_only=True)
class Identity:
    """An anonymous id is linked to a known subject, or the link is undone."""

    id: str = field(validator=identifier)
    operation: Operation
    anonymous_subject: str = field(validator=identifier)
    subject: str = field(validator=identifier)
    occurred_at: datetime
    source: str | None = None
    received_at: datetime | None = None
    ext: Mapping[str, Any] = Factory(dict)
