"""A client bound to one subject, session, channel and context: what a request handler holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from clew.asking import slot_names
from clew.memo import Memo
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

    Within one visitor a slot is decided once, whichever threads ask: a view and the markup that it
    renders agree.
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
        #: Whether an id of this person may be kept in the browser: whether anything is granted,
        #: once consent has changed in this request; None as long as it has not.
        self.may_store: bool | None = None
        self._memo = self._new_memo()

    @property
    def decided(self) -> Mapping[str, Decision]:
        """What is decided in this request, whether anybody asked for it or not, by slot."""
        return self._memo.made

    @property
    def asked(self) -> dict[str, Decision]:
        """What was decided in this request and asked for, by slot."""
        return self._memo.asked

    def emit(
        self,
        type: str,
        data: Mapping[str, Any] | None = None,
        *,
        party: Party = "first",
        source: str | None = None,
    ) -> str:
        """
        Say that something happened to this person; as `Client.emit`.

        Of somebody without an id nothing may be stored: that is counted in `losses`, and no error.
        """
        return self._client.emit(
            type,
            subject=self.subject,
            data=data,
            party=party,
            source=source,
            channel=self.channel,
            session_id=self.session_id,
            anonymous_subject=self.anonymous_subject,
            traffic=self.traffic,
        )

    def decide(
        self,
        slot: str,
        *,
        default: Mapping[str, Any] | None = None,
        deadline_ms: float | None = None,
    ) -> Decision:
        """Choose what to show; as `Client.decide`, once per slot."""
        return self.decide_all((slot,), default=default, deadline_ms=deadline_ms)[slot]

    def decide_all(
        self,
        slots: Iterable[str],
        *,
        default: Mapping[str, Any] | None = None,
        deadline_ms: float | None = None,
    ) -> dict[str, Decision]:
        """Fill several slots at once; those decided before stay as they are."""
        wanted = slot_names(slots)
        memo, request = self._asking()
        while (found := memo.take(wanted, default)) is None:
            memo.fill(wanted, default=default, deadline_ms=deadline_ms, **request)
        return found

    def prepare(self, slots: Iterable[str], *, deadline_ms: float | None = None) -> None:
        """
        Decide slots ahead of whoever will ask for them in this request.

        Call `finish` at the end of the request: what nobody asked for was not used.
        """
        memo, request = self._asking()
        memo.fill(slot_names(slots), default=None, deadline_ms=deadline_ms, **request)

    def finish(self) -> None:
        """End the request: what was decided ahead and never asked for is voided (RULES D8)."""
        self._memo.end()

    def report(
        self,
        decision: Decision | str,
        type: str,
        *,
        value: float | None = None,
        view_id: str | None = None,
    ) -> ReportStatus:
        """Say what came of a decision; as `Client.report`."""
        return self._client.report(decision, type, value=value, view_id=view_id)

    def consent(
        self,
        grant: Iterable[str] = (),
        withdraw: Iterable[str] = (),
        object_to: Iterable[str] = (),
        *,
        source: str | None = None,
    ) -> None:
        """
        Record what this person allows; decisions made before are forgotten.

        Somebody without an id gets an anonymous one with the first grant. Of somebody without an id
        nothing is known, so a refusal needs no record.

        Raises:
            ConsentError: it was not stored, so nothing of it holds, unless it says "all of".
        """
        granted = grant if isinstance(grant, str) else tuple(grant)
        if self.subject is None and not granted:
            self.may_store = False
            return
        subject = self.subject or self._client.logout()
        self._client.consent(subject, granted, withdraw, object_to, source=source)
        self.subject = subject
        self._forget()
        self.may_store = self._is_anything_granted()

    def identify(self, subject: str) -> None:
        """
        This person has signed in: link the anonymous id, if any, and go on as the known subject.
        """
        if self.subject is not None:
            self.anonymous_subject = self._client.identify(self.subject, subject)
        self.subject = subject
        self._forget()
        if self.may_store is not None:
            self.may_store = self._is_anything_granted()

    def logout(self) -> str:
        """This person has signed out: go on under a new anonymous id, which is given."""
        self.subject = self._client.logout()
        self.anonymous_subject = None
        self.may_store = None
        self._forget()
        return self.subject

    def profile(self) -> Profile:
        """What is known of this person."""
        return self._client.profile(self._known("profile"))

    def _asking(self) -> tuple[Memo, dict[str, Any]]:
        """Give where the decisions of this request are kept, and what each is asked with."""
        return self._memo, {
            "subject": self.subject,
            "context": self.context,
            "request_id": None,
            "anonymous_subject": self.anonymous_subject,
            "session_id": self.session_id,
            "traffic": self.traffic,
        }

    def _known(self, operation: str) -> str:
        if self.subject is None:
            raise ValueError(f"{operation} needs a subject: this visitor has no persistent id")
        return self.subject

    def _is_anything_granted(self) -> bool:
        return any(one.state == "granted" for one in self.profile().permissions)

    def _forget(self) -> None:
        """Decide anew from here on; what is on its way is for whoever asked for it."""
        former, self._memo = self._memo, self._new_memo()
        former.end()

    def _new_memo(self) -> Memo:
        return Memo(self._client._core.answers)  # noqa: SLF001 - a client bound to one person
