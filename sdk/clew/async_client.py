"""`AsyncClient`: the same client for asyncio; what may wait is awaited and blocks no loop."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, overload

from clew.async_visitor import AsyncVisitor, asked
from clew.backends.base import Backend
from clew.client import DECISIONS_SECONDS, FLUSH_SECONDS, Client
from clew.clock import Clock
from clew.core import ReportStatus
from clew.memo import Memo
from clew.model.decision import Decision
from clew.model.measurement import Measurement
from clew.model.profile import Profile
from clew.model.words import Channel, Party, Traffic
from clew.outlet import Awaiting, Durability, OnLoss, Overflow
from clew.threads import alone, submit, waited

__all__ = ["AsyncClient"]


class AsyncClient:
    """
    As `Client`, for asyncio.

    What may wait for the store or the server is awaited, on threads of clew's own. A decision that
    a server's client has kept needs no thread. One with a deadline is answered by then, and `flush`
    and `close` keep their time, whatever the store or the server does; who is cancelled meanwhile
    leaves nothing behind that the loop's end waits for.

    `emit` and `report` without `wait` are plain functions, which the loop runs to their end. They
    take about a tenth of a millisecond, for one write into the spool, and

    - at a server they never wait for it;
    - on a file they look whether it has changed, and read a person whom memory does not have. No
      writer is waited for, of this process or another. Whatever else keeps SQLite from reading (its
      index being mended after another process was killed in the middle of a write) ends each read
      after 5 s at the latest; the fact is then kept, and stored later (`losses["emit_failed"]`).
      Only the first token of a new file waits for writers, because its key is made then;
    - in memory they wait for moments, while something is stored;
    - with durability `disk` they wait for the disk, some milliseconds, and with overflow `block`
      for room, `block_seconds` at most: neither is for a loop that serves others.

    To open a file reads it, waits for the locks of others (5 s), and stores what dead processes
    have left (1 s): do so before the loop serves, or by `await asyncio.to_thread(AsyncClient, …)`.
    At a server opening waits for nothing, where a loop runs.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        policy: Any = None,
        tenant: str | None = None,
        keys: Sequence[str] = (),
        strict: bool = False,
        durability: Durability = "process",
        spool: str | os.PathLike[str] | None = None,
        max_pending_bytes: int | None = None,
        overflow: Overflow = "drop_oldest",
        block_seconds: float = 1.0,
        on_loss: OnLoss | None = None,
        clock: Clock | None = None,
        backend: Backend | None = None,
    ) -> None:
        self._client = Client(
            url,
            policy=policy,
            tenant=tenant,
            keys=keys,
            strict=strict,
            durability=durability,
            spool=spool,
            max_pending_bytes=max_pending_bytes,
            overflow=overflow,
            block_seconds=block_seconds,
            on_loss=on_loss,
            clock=clock,
            backend=backend,
        )

    @classmethod
    def over(cls, client: Client) -> Self:
        """Give the asyncio face of a client that is open already; closing one closes both."""
        self = cls.__new__(cls)
        self._client = client
        return self

    def emit(
        self,
        type: str,
        *,
        subject: str | None,
        data: Mapping[str, Any] | None = None,
        id: str | None = None,
        at: str | float | datetime | None = None,
        source: str | None = None,
        channel: Channel | None = None,
        party: Party = "first",
        anonymous_subject: str | None = None,
        session_id: str | None = None,
        department: str | None = None,
        traffic: Traffic = "human",
    ) -> str:
        """As `Client.emit`."""
        return self._client.emit(
            type,
            subject=subject,
            data=data,
            id=id,
            at=at,
            source=source,
            channel=channel,
            party=party,
            anonymous_subject=anonymous_subject,
            session_id=session_id,
            department=department,
            traffic=traffic,
        )

    async def decide(
        self,
        slot: str,
        *,
        subject: str | None,
        context: Mapping[str, Any] | None = None,
        default: Mapping[str, Any] | None = None,
        deadline_ms: float | None = None,
        request_id: str | None = None,
        anonymous_subject: str | None = None,
        session_id: str | None = None,
        traffic: Traffic = "human",
    ) -> Decision:
        """As `Client.decide`."""
        made = await self.decide_all(
            (slot,),
            subject=subject,
            context=context,
            default=default,
            deadline_ms=deadline_ms,
            request_id=request_id,
            anonymous_subject=anonymous_subject,
            session_id=session_id,
            traffic=traffic,
        )
        return made[slot]

    async def decide_all(
        self,
        slots: Iterable[str],
        *,
        subject: str | None,
        context: Mapping[str, Any] | None = None,
        default: Mapping[str, Any] | None = None,
        deadline_ms: float | None = None,
        request_id: str | None = None,
        anonymous_subject: str | None = None,
        session_id: str | None = None,
        traffic: Traffic = "human",
    ) -> dict[str, Decision]:
        """As `Client.decide_all`."""
        memo = Memo(self._client._core.answers)  # noqa: SLF001 - two faces of one core
        try:
            return await asked(
                memo,
                slots,
                default=default,
                deadline_ms=deadline_ms,
                subject=subject,
                context=context,
                request_id=request_id,
                anonymous_subject=anonymous_subject,
                session_id=session_id,
                traffic=traffic,
            )
        except asyncio.CancelledError:
            submit(memo.end)  # the client has gone, and nobody gets the answer
            raise

    async def decide_many(
        self,
        slot: str,
        subjects: Iterable[str],
        *,
        request_prefix: str,
        context: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[Decision]:
        """As `Client.decide_many`."""
        for subject in subjects:
            yield await self.decide(
                slot, subject=subject, context=context, request_id=f"{request_prefix}:{subject}"
            )

    @overload
    def report(
        self,
        decision: Decision | str,
        type: str,
        *,
        value: float | None = ...,
        currency: str | None = ...,
        id: str | None = ...,
        at: str | float | datetime | None = ...,
        view_id: str | None = ...,
        reverses: str | None = ...,
        actor: str | None = ...,
        note: str | None = ...,
        department: str | None = ...,
        wait: None = ...,
    ) -> ReportStatus: ...

    @overload
    def report(
        self,
        decision: Decision | str,
        type: str,
        *,
        value: float | None = ...,
        currency: str | None = ...,
        id: str | None = ...,
        at: str | float | datetime | None = ...,
        view_id: str | None = ...,
        reverses: str | None = ...,
        actor: str | None = ...,
        note: str | None = ...,
        department: str | None = ...,
        wait: float,
    ) -> Awaitable[ReportStatus]: ...

    def report(
        self,
        decision: Decision | str,
        type: str,
        *,
        value: float | None = None,
        currency: str | None = None,
        id: str | None = None,
        at: str | float | datetime | None = None,
        view_id: str | None = None,
        reverses: str | None = None,
        actor: str | None = None,
        note: str | None = None,
        department: str | None = None,
        wait: float | None = None,
    ) -> ReportStatus | Awaitable[ReportStatus]:
        """As `Client.report`; with *wait*, to be awaited until it is stored."""
        core = self._client._core  # noqa: SLF001 - two faces of one core
        awaiting = None if wait is None else core.awaiting(wait)
        status = core.report(
            decision,
            type,
            value=value,
            currency=currency,
            id=id,
            at=at,
            view_id=view_id,
            reverses=reverses,
            actor=actor,
            note=note,
            department=department,
            awaiting=awaiting,
        )
        return status if awaiting is None else self._stored(awaiting, status)

    async def _stored(self, awaiting: Awaiting, status: ReportStatus) -> ReportStatus:
        try:
            await self.flush(awaiting.seconds)
        finally:
            status = self._client._core.awaited(awaiting, status)  # noqa: SLF001 - as above
        return status

    async def consent(
        self,
        subject: str,
        grant: Iterable[str] = (),
        withdraw: Iterable[str] = (),
        object_to: Iterable[str] = (),
        *,
        source: str | None = None,
    ) -> None:
        """As `Client.consent`."""
        await waited(self._client.consent, subject, grant, withdraw, object_to, source=source)

    async def identify(self, anonymous: str, subject: str) -> str:
        """As `Client.identify`."""
        return await waited(self._client.identify, anonymous, subject)

    def logout(self) -> str:
        """As `Client.logout`."""
        return self._client.logout()

    async def unmerge(self, anonymous: str, subject: str) -> None:
        """As `Client.unmerge`."""
        await waited(self._client.unmerge, anonymous, subject)

    async def profile(self, subject: str) -> Profile:
        """As `Client.profile`."""
        return await waited(self._client.profile, subject)

    async def measure(
        self, objective: str | None = None, *, holdout: str | None = None, looks: int = 0
    ) -> list[Measurement]:
        """As `Client.measure`."""
        return await waited(self._client.measure, objective, holdout=holdout, looks=looks)

    async def decisions(
        self, subject: str, *, within_seconds: float = DECISIONS_SECONDS
    ) -> list[Decision]:
        """As `Client.decisions`."""
        return await waited(self._client.decisions, subject, within_seconds=within_seconds)

    async def derive_keys(self, purpose: str) -> tuple[bytes, ...]:
        """As `Client.derive_keys`."""
        return await waited(self._client.derive_keys, purpose)

    @property
    def has_keys(self) -> bool:
        """As `Client.has_keys`."""
        return self._client.has_keys

    def visitor(
        self,
        subject: str | None,
        *,
        anonymous_subject: str | None = None,
        session_id: str | None = None,
        channel: Channel | None = None,
        context: Mapping[str, Any] | None = None,
        traffic: Traffic = "human",
    ) -> AsyncVisitor:
        """As `Client.visitor`."""
        return AsyncVisitor(
            self._client.visitor(
                subject,
                anonymous_subject=anonymous_subject,
                session_id=session_id,
                channel=channel,
                context=context,
                traffic=traffic,
            )
        )

    @property
    def losses(self) -> Counter[str]:
        """As `Client.losses`."""
        return self._client.losses

    @property
    def pending(self) -> int:
        """As `Client.pending`."""
        return self._client.pending

    async def flush(self, timeout: float = FLUSH_SECONDS) -> int:  # noqa: ASYNC109 - a deadline kept inside
        """As `Client.flush`."""
        return await alone(self._client.flush, timeout)

    async def close(self, timeout: float = FLUSH_SECONDS) -> int:  # noqa: ASYNC109
        """As `Client.close`."""
        return await alone(self._client.close, timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
