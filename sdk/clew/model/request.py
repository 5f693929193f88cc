"""What a decision is asked for (`schemas/decision_request.schema.json`)."""

from collections.abc import Mapping
from typing import Any

from attrs import Factory, define, field, setters

from clew.model.limits import not_empty, optional_identifier, optional_positive
from clew.model.signal import Signal
from clew.model.words import Traffic

__all__ = ["DecisionRequest"]


# Not frozen, as one is made for every decision: that would cost it a third more.
@define(kw_only=True, on_setattr=setters.NO_OP)
class DecisionRequest:
    """Which slots to fill, for whom and in which context."""

    #: This one request's own; whoever gets no answer voids by it what was decided (RULES D8).
    id: str | None = field(default=None, validator=optional_identifier)
    slots: tuple[str, ...] = field(validator=not_empty)
    #: Whom to decide for; None is a person without a persistent id: never measured, never stored.
    subject: str | None = field(default=None, validator=optional_identifier)
    anonymous_subject: str | None = field(default=None, validator=optional_identifier)
    session_id: str | None = field(default=None, validator=optional_identifier)
    context: Mapping[str, Any] = Factory(dict)
    traffic: Traffic = "human"
    #: Makes the request idempotent per slot for 24 h (RULES D5).
    request_id: str | None = field(default=None, validator=optional_identifier)
    #: How long the caller waits, in milliseconds.
    deadline_ms: float | None = field(default=None, validator=optional_positive)
    #: Facts of this subject that the backend may not have yet (RULES F4); remote backends only.
    signals: tuple[Signal, ...] = ()
    ext: Mapping[str, Any] = Factory(dict)
