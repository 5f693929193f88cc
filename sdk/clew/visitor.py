"""A client bound to one subject, session, channel and context: what a request handler holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from clew.model.decision import Decision
from clew.model.words import Channel, Party, Traffic

if TYPE_CHECKING:
    from clew.client import Client
    from clew.core import ReportStatus
    from clew.model.profile import Profile

__all__ = ["Visitor"]


class Visitor:
    """
    One person in one request; nothing is read or stored until something is asked.

    Within one visitor a slot is decided once: a view and the markup that it renders agree.
    """

    def __init__(
        self,
        client: Client,
        subject: str | None,
        *,
        anonymous_subject: str | None = None,
        session_id: str | None = None,
        channel: Channel | None = None,
        context: Mapping[str, Any] | None = None,
        traffic: Traffic = "human",
    ) -> None:
        self._client = client
        self.subject = subject
        self.anonymous_subject = anonymous_subject
        self.session_id = session_id
        self.channel = channel
        self.traffic = traffic
        given = {} if channel is None else {"channel": channel}
        self.context: dict[str, Any] = {**given, **(context or {})}
        self._decided: dict[str, Decision] = {}

    def emit(
        self,
        type: str,
        data: Mapping[str, Any] | None = None,
        *,
        party: Party = "first",
        source: str | None = None,
    ) -> str:
        """Say that something happened to this person; as `Client.emit`."""
        return self._client.emit(
            type,
            subject=self._known("emit"),
            data=data,
            party=party,
            source=source,
            channel=self.channel,
            session_id=self.session_id,
            anonymous_subject=self.anonymous_subject,
            traffic=self.traffic,
        )

    def decide(self, slot: str, *, default: Mapping[str, Any] | None = None) -> Decision:
        """Choose what to show; as `Client.decide`, once per slot."""
        if slot not in self._decided:
            self.decide_all((slot,), default=default)
        return self._decided[slot]

    def decide_all(
        self, slots: Iterable[str], *, default: Mapping[str, Any] | None = None
    ) -> dict[str, Decision]:
        """Fill several slots at once; those decided before stay as they are."""
        wanted = tuple(slots)
        missing = [slot for slot in wanted if slot not in self._decided]
        if missing:
            self._decided |= self._client.decide_all(
                missing,
                subject=self.subject,
                context=self.context,
                default=default,
                anonymous_subject=self.anonymous_subject,
                session_id=self.session_id,
                traffic=self.traffic,
            )
        return {slot: self._decided[slot] for slot in wanted}

    def report(
        self,
        decision: Decision | str,
        type: str,
        *,
        value: float | None = None,
    ) -> ReportStatus:
        """Say what came of a decision; as `Client.report`."""
        return self._client.report(decision, type, value=value)

    def consent(
        self,
        grant: Iterable[str] = (),
        withdraw: Iterable[str] = (),
        object_to: Iterable[str] = (),
        *,
        source: str | None = None,
    ) -> None:
        """Record what this person allows; decisions made before are forgotten."""
        self._client.consent(self._known("consent"), grant, withdraw, object_to, source=source)
        self._decided.clear()

    def identify(self, subject: str) -> None:
        """This person has signed in: link the anonymous id, and go on as the known subject."""
        self.anonymous_subject = self._client.identify(self._known("identify"), subject)
        self.subject = subject
        self._decided.clear()

    def logout(self) -> str:
        """This person has signed out: go on under a new anonymous id, which is given."""
        self.subject = self._client.logout()
        self.anonymous_subject = None
        self._decided.clear()
        return self.subject

    def profile(self) -> Profile:
        """What is known of this person."""
        return self._client.profile(self._known("profile"))

    def _known(self, operation: str) -> str:
        if self.subject is None:
            raise ValueError(f"{operation} needs a subject: this visitor has no persistent id")
        return self.subject
