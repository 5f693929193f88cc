"""One entry of the consent ledger (`schemas/consent.schema.json`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Factory, field, frozen

from clew.model.limits import identifier, name
from clew.model.words import Basis, ConsentState

__all__ = ["Consent"]


@frozen(kw_only=True)
class Consent:
    """
    What a person said about one purpose, at one instant, on which ground.

    The ledger is append-only; what holds now is a fold over it: an objection beats everything, then
    the latest record of the purpose or of a parent purpose decides, ties to the stricter.
    """

    id: str = field(validator=identifier)
    subject: str = field(validator=identifier)
    purpose: str = field(validator=name)
    state: ConsentState
    occurred_at: datetime
    #: The ground a grant rests on, GDPR Article 6(1).
    basis: Basis = "consent"
    #: Where it was said: `signup_form`, an import map, a call.
    source: str | None = None
    #: The version of the notice the person saw.
    notice_version: str | None = None
    received_at: datetime | None = None
    ext: Mapping[str, Any] = Factory(dict)
