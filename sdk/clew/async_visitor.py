"""`AsyncVisitor`: the same visitor for asyncio; what may wait is awaited and blocks no loop."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from clew.asking import slot_names
from clew.core import ReportStatus
from clew.memo import Memo, seconds_of
from clew.model.decision import Decision
from clew.model.profile import Profile
from clew.model.words import Channel, Party, Traffic
from clew.threads import submit, waited, within
from clew.visitor import Visitor

__all__ = ["AsyncVisitor", "asked", "filled"]


class AsyncVisitor:
    """
    As `Visitor`, for asyncio.

    A decision with a deadline is answered by then, whatever the store does; one that was made
    before is answered at once, without a thread.

    Args:
        visitor: whom it speaks for; both share what was decided.
    """

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor

    @property
    def subject(self) -> str | None:
        """As `Visitor.subject`."""
        return self.visitor.subject

    @property
    def anonymous_subject(self) -> str | None:
        """As `Visitor.anonymous_subject`."""
        return self.visitor.anonymous_subject

    @property
    def session_id(self) -> str | None:
        """As `Visitor.session_id`."""
        return self.visitor.session_id

    @property
    def channel(self) -> Channel | None:
        """As `Visitor.channel`."""
        return self.visitor.channel

    @property
    def traffic(self) -> Traffic:
        """As `Visitor.traffic`."""
        return self.visitor.traffic

    @property
    def context(self) -> dict[str, Any]:
        """As `Visitor.context`."""
        return self.visitor.context

    @property
    def decided(self) -> Mapping[str, Decision]:
        """As `Visitor.decided`."""
        return self.visitor.decided

    @property
    def asked(self) -> dict[str, Decision]:
        """As `Visitor.asked`."""
        return self.visitor.asked

    @property
    def may_store(self) -> bool | None:
        """As `Visitor.may_store`."""
        return self.visitor.may_store

    def emit(
        self,
        type: str,
        data: Mapping[str, Any] | None = None,
        *,
        party: Party = "first",
        source: str | None = None,
    ) -> str:
        """As `Visitor.emit`."""
        return self.visitor.emit(type, data, party=party, source=source)

    async def decide(
        self,
        slot: str,
        *,
        default: Mapping[str, Any] | None = None,
        deadline_ms: float | None = None,
    ) -> Decision:
        """As `Visitor.decide`."""
        return (await self.decide_all((slot,), default=default, deadline_ms=deadline_ms))[slot]

    async def decide_all(
        self,
        slots: Iterable[str],
        *,
        default: Mapping[str, Any] | None = None,
        deadline_ms: float | None = None,
    ) -> dict[str, Decision]:
        """As `Visitor.decide_all`."""
        memo, request = self.visitor._asking()  # noqa: SLF001 - two faces of one visitor
        return await asked(memo, slots, default=default, deadline_ms=deadline_ms, **request)

    async def prepare(self, slots: Iterable[str], *, deadline_ms: float | None = None) -> None:
        """As `Visitor.prepare`."""
        memo, request = self.visitor._asking()  # noqa: SLF001 - two faces of one visitor
        await filled(memo, slot_names(slots), default=None, deadline_ms=deadline_ms, **request)

    def finish(self) -> None:
        """As `Visitor.finish`; nobody waits for it."""
        submit(self.visitor.finish)

    def report(
        self,
        decision: Decision | str,
        type: str,
        *,
        value: float | None = None,
        view_id: str | None = None,
    ) -> ReportStatus:
        """As `Visitor.report`."""
        return self.visitor.report(decision, type, value=value, view_id=view_id)

    async def consent(
        self,
        grant: Iterable[str] = (),
        withdraw: Iterable[str] = (),
        object_to: Iterable[str] = (),
        *,
        source: str | None = None,
    ) -> None:
        """As `Visitor.consent`."""
        await waited(self.visitor.consent, grant, withdraw, object_to, source=source)

    async def identify(self, subject: str) -> None:
        """As `Visitor.identify`."""
        await waited(self.visitor.identify, subject)

    def logout(self) -> str:
        """As `Visitor.logout`."""
        return self.visitor.logout()

    async def profile(self) -> Profile:
        """As `Visitor.profile`."""
        return await waited(self.visitor.profile)


async def asked(
    memo: Memo,
    slots: Iterable[str],
    *,
    default: Mapping[str, Any] | None,
    deadline_ms: float | None,
    **request: Any,
) -> dict[str, Decision]:
    """Give the decisions of slots; whoever is cancelled meanwhile asks for them no longer."""
    wanted = slot_names(slots)
    try:
        while (found := memo.take(wanted, default)) is None:
            await filled(memo, wanted, default=default, deadline_ms=deadline_ms, **request)
    except asyncio.CancelledError:
        memo.leave(wanted)
        if memo.ended:
            submit(memo.end)
        raise
    return found


async def filled(
    memo: Memo,
    slots: tuple[str, ...],
    *,
    default: Mapping[str, Any] | None,
    deadline_ms: float | None,
    **request: Any,
) -> None:
    """
    Decide what is missing: at once if it is kept here, else on a thread.

    After the deadline the local default stands in.
    """
    if memo.recall(slots, default=default, deadline_ms=deadline_ms, **request):
        return
    seconds = None if deadline_ms is None else seconds_of(deadline_ms)
    in_time = await within(
        seconds, memo.fill, slots, default=default, deadline_ms=deadline_ms, **request
    )
    if not in_time:
        memo.give_up(slots, default, **request)
