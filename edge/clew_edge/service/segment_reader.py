"""
Reading one message of Segment's tracking API, as tolerantly as its many clients need.

What a message calls null or leaves empty is absent. The sender's clock may be wrong: the time on
ours is `received - (sentAt - timestamp)`, and never later than that it was received.

Source: Segment, "Spec: Common Fields", section "Timestamps".
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import Factory, frozen

from clew import DocumentError, Problem
from clew.facts import identity, signal
from clew.model.limits import ID_MAX

__all__ = ["Delivery", "Item", "Reader", "fault"]

Message = Mapping[str, Any]
#: A batch item, `{kind: fact}`.
Item = dict[str, Any]

#: Where senders say a message comes from, as our channels; a server is none.
_CHANNELS = {"browser": "web", "web": "web", "mobile": "app"}


@frozen(kw_only=True)
class Delivery:
    """What is common to the messages of one request."""

    tenant: str
    #: Names the request; a message without an id is named by it, and by its place.
    id: str
    #: Seconds since the epoch.
    received_at: float
    #: When the sender sent it, by its own clock, as it was written.
    sent_at: Any = None
    #: What holds for each message that does not say otherwise.
    context: Message = Factory(dict)


class Reader:
    """One message, and the facts that are made of what it says."""

    def __init__(self, message: Message, delivery: Delivery, position: int) -> None:
        self.message = message
        self.delivery = delivery
        own = message.get("context")
        self.context = {**delivery.context, **(own if isinstance(own, Mapping) else {})}
        self.id = self.name("messageId") or f"{delivery.id}.{position}"
        self.user, self.anonymous = self.name("userId"), self.name("anonymousId")

    def name(self, field: str) -> str | None:
        """An id, which some senders write as a number."""
        return _name(self.message.get(field), f"/{field}")

    def required(self, field: str) -> str:
        """An id that must be there."""
        found = self.name(field)
        if found is None:
            raise fault(f"/{field}", "required", f"`{field}` is absent; add it: it is required")
        return found

    def fields(self, field: str) -> dict[str, Any]:
        """An object's fields that have a value."""
        value = self.message.get(field)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise fault(f"/{field}", "type", f"`{field}` is an object")
        return {name: one for name, one in value.items() if one is not None}

    def traits(self) -> dict[str, Any]:
        """What is said of the user; RudderStack's clients say it in the context."""
        of_context = self.context.get("traits")
        known = of_context if isinstance(of_context, Mapping) else {}
        return {name: one for name, one in known.items() if one is not None} | self.fields("traits")

    def text(self, field: str) -> str | None:
        value = self.message.get(field)
        return value if isinstance(value, str) and value else None

    def occurred_at(self) -> float:
        """When it happened, on our clock, in seconds since the epoch."""
        received_at = self.delivery.received_at
        field = (
            "timestamp" if self.message.get("originalTimestamp") is None else "originalTimestamp"
        )
        if self.message.get(field) is None:
            return received_at
        original = _instant(self.message[field])
        if original is None:
            raise fault(f"/{field}", "format", f"`{field}` is no ISO 8601 instant")
        sent_at = _instant(self.message.get("sentAt") or self.delivery.sent_at)
        at = original if sent_at is None else received_at - (sent_at - original)
        if at < 0.0:
            raise fault(f"/{field}", "minimum", f"`{field}` lies before 1970")
        return min(at, received_at)

    def signal(self, type: str, data: Mapping[str, Any], channel: str | None = None) -> Item:
        """The message as a signal of whom it names."""
        subject = self.user or self.anonymous
        if subject is None:
            message = "a message names a `userId` or an `anonymousId`; add one"
            raise fault("", "required", message)
        library = self.context.get("library")
        source = library.get("name") if isinstance(library, Mapping) else None
        fact = signal(
            type,
            subject=subject,
            data=data,
            now=self.delivery.received_at,
            tenant=self.delivery.tenant,
            policy=None,
            id=self.id,
            at=self.occurred_at(),
            channel=_CHANNELS.get(str(self.message.get("channel"))) or channel,
            anonymous_subject=self.anonymous if self.anonymous != subject else None,
            session_id=_name(self.context.get("sessionId"), "/context/sessionId"),
            source=source if isinstance(source, str) else None,
        )
        return {"signal": fact}

    def link(self, anonymous: str, subject: str) -> Item:
        """The message as a link of two ids."""
        fact = identity(
            "link", anonymous, subject, now=self.occurred_at(), tenant=self.delivery.tenant
        )
        return {"identity": fact | {"id": self.id}}


def _name(value: Any, pointer: str) -> str | None:
    """An id as text; None where there is none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise fault(pointer, "type", "an id is text")
    name = str(value)
    try:
        name.encode()
    except UnicodeEncodeError:
        raise fault(pointer, "unicode", "the id holds half of a surrogate pair") from None
    if len(name) > ID_MAX:
        raise fault(pointer, "maxLength", f"an id has at most {ID_MAX} characters")
    return name


def _instant(value: Any) -> float | None:
    """An ISO 8601 instant, of UTC where it does not say; None where it is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def fault(pointer: str, keyword: str, message: str) -> DocumentError:
    """Say what is wrong with a message, without repeating what its sender wrote."""
    return DocumentError("message", [Problem(pointer, keyword, message)])
