"""`Client`: clew for code that is not asynchronous. Safe to share between threads."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from clew.backends.base import Backend
from clew.clock import Clock
from clew.core import Core, ReportStatus
from clew.model.decision import Decision
from clew.model.measurement import Measurement
from clew.model.profile import Profile
from clew.model.words import Channel, Party, Traffic
from clew.outlet import Durability, OnLoss, Overflow
from clew.visitor import Visitor

__all__ = ["Client"]

#: How long `flush` and `close` wait when nobody says, in seconds.
FLUSH_SECONDS = 5.0

#: How far back `decisions` looks when nobody says, in seconds.
DECISIONS_SECONDS = 86_400.0


class Client:
    """
    The door to clew: emit signals, decide, report outcomes.

    `emit`, `decide` and `report` answer at once and never fail the application for a backend that
    is sick: there is always a decision, and every loss is counted in `losses`.

    Args:
        url: where the data lies; by default `CLEW_URL`, else `sqlite:///clew.db`.
        policy: a path, a dict or a `Policy`; seeds the store and goes live where nothing is.
        tenant: whose data it is; by default `CLEW_TENANT`, else `default`.
        keys: signing keys of tokens, newest first; by default `CLEW_KEYS`, else one is made once
            and kept in the store.
        strict: raise for signals that break the policy, instead of counting and logging them.
        durability: what an emitted fact survives: `process` the death of the process, `disk` a
            power cut too, `none` neither.
        spool: folder of facts on their way; by default beside the database.
        max_pending_bytes: bound on what waits to be delivered; by default 256 MB on disk, and 16 MB
            with durability `none`.
        overflow: what gives way at that bound: `drop_oldest`, `drop_newest`, or with `block` the
            caller, for `block_seconds`, and then what is new.
        on_loss: called with the cause and the number whenever `losses` grows, on whatever thread
            noticed.
        clock: what tells the time.
        backend: one that is open already, instead of `url`.

    Raises:
        ConfigurationError: the options are wrong.
        MissingBackendError: no backend for the URL's scheme.
        DocumentError: the policy has faults; all of them are named.
        PolicyConflict: this policy version is stored with other content.

    >>> client = Client("memory://")
    >>> client.decide("hero", subject="u-42", default={"headline": "Hello"}).get("headline")
    'Hello'
    >>> client.close()
    0
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
        self._core = Core(
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
        """
        Say that something happened; the next decision in this process knows it.

        Args:
            type: what happened, as object_verb-past: `product_viewed`.
            subject: to whom; of None, somebody without an id, nothing is stored: that is counted in
                `losses` as `no_subject`, and no error.
            data: the signal's own fields, as the policy declares them.
            id: your own key for deduplication, unique among all; by default one is made.
            at: when, if not now.
            source: which system says so.
            party: whose word it is; `zero` is the person's own.

        Returns:
            The signal's id.

        Raises:
            TypeError: an argument has the wrong type, or data is no JSON.
            DocumentError: with `strict`, the signal breaks the policy.
            ClosedError: after `close`.
        """
        if subject is None:
            return self._core.emit_of_nobody(id)
        return self._core.emit(
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

    def decide(
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
        """
        Choose what to show in a slot: always a decision, whatever happens.

        Args:
            subject: for whom; None for somebody without a persistent id, who is never measured.
            context: what the request tells: `channel`, `locale` and whatever the policy reads.
            default: content to fall back to when the policy has nothing for this slot.
            deadline_ms: the longest this may take; later, it is the default.
            request_id: a repeated request gets the same decision for 24 hours.
            traffic: who asks; only `human` is learned from and measured.

        Returns:
            The decision; its `reason` says why it is what it is.
        """
        made = self._core.answers.decide(
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

    def decide_all(
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
        """Fill several slots of one page at once, by slot; arguments as of `decide`."""
        return self._core.answers.decide(
            slots,
            subject=subject,
            context=context,
            default=default,
            deadline_ms=deadline_ms,
            request_id=request_id,
            anonymous_subject=anonymous_subject,
            session_id=session_id,
            traffic=traffic,
        )

    def decide_many(
        self,
        slot: str,
        subjects: Iterable[str],
        *,
        request_prefix: str,
        context: Mapping[str, Any] | None = None,
    ) -> Iterator[Decision]:
        """
        Decide one slot for many subjects (an outbound send), one after the other.

        While the backend is away they get defaults, as `reason` says (`error`, `deadline`): a send
        had better leave these for the next run.

        Args:
            request_prefix: names this run; a run that is repeated gets the same decisions.
        """
        for subject in subjects:
            yield self.decide(
                slot, subject=subject, context=context, request_id=f"{request_prefix}:{subject}"
            )

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
    ) -> ReportStatus:
        """
        Say what came of a decision; the next decision in this process has learned from it.

        Args:
            decision: the decision, or its token.
            type: sent, displayed, interacted, dismissed, converted, overridden or voided.
            value: what a conversion is worth, in `currency` (ISO 4217).
            id: your own key for deduplication.
            view_id: which showing was seen.
            reverses: the id of an outcome that this one cancels.
            actor: who overrode, or reported by hand.
            wait: until it is stored, for so many seconds at most; the answer is then what the store
                or the server says.

        Returns:
            `applied`; `queued` when the decision or the backend is not at hand yet, as always at a
            server without `wait`; `duplicate`; `late` after every window; `refused` when it breaks
            the schema, or the server does not know the token.

        Raises:
            TokenError: the token was not issued here. At a server only its form is looked at here;
                a signature that is wrong is refused there (`losses["token"]`).
        """
        awaiting = None if wait is None else self._core.awaiting(wait)
        status = self._core.report(
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
        if awaiting is None:
            return status
        try:
            self.flush(awaiting.seconds)
        finally:
            status = self._core.awaited(awaiting, status)
        return status

    def consent(
        self,
        subject: str,
        grant: Iterable[str] = (),
        withdraw: Iterable[str] = (),
        object_to: Iterable[str] = (),
        *,
        source: str | None = None,
    ) -> None:
        """
        Record what a person allows; it holds from the next decision on.

        An objection beats every grant. A parent purpose covers its children.

        Args:
            grant: purposes that are allowed.
            withdraw: purposes that are allowed no longer.
            object_to: purposes that the person objects to (GDPR Article 21).
            source: where it was said.

        Raises:
            ConsentError: it was not stored, so nothing of it holds, unless it says "all of".
        """
        states = {"granted": grant, "withdrawn": withdraw, "objected": object_to}
        self._core.consent(subject, states, source)  # type: ignore[arg-type]

    def identify(self, anonymous: str, subject: str) -> str:
        """
        Link an anonymous id to a known subject: from now on they are one person.

        Returns:
            The anonymous id to go on with: another one where the given id belongs to somebody else
            (a shared device), of whom nothing is inherited.

        Raises:
            IdentityError: both ids are known subjects.
        """
        return self._core.identify(anonymous, subject)

    def logout(self) -> str:
        """Give a new anonymous id to go on with."""
        return self._core.logout()

    def unmerge(self, anonymous: str, subject: str) -> None:
        """
        Undo a link; both are what they were.

        Raises:
            IdentityError: they are not linked.
        """
        self._core.unmerge(anonymous, subject)

    def profile(self, subject: str) -> Profile:
        """Give what is known of a subject now, with what may be used and why."""
        return self._core.profile(subject)

    def measure(
        self, objective: str | None = None, *, holdout: str | None = None, looks: int = 0
    ) -> list[Measurement]:
        """
        Give the lift of every objective against its holdouts, as far as it can be told.

        Args:
            objective: only this one.
            holdout: only against this one.
            looks: at how many instants, evenly spaced from the first trigger to now, to say what
                was known then. Any number costs one scan of all recorded decisions.

        Raises:
            ConfigurationError: the policy has no such objective or holdout, or looks is below 0.
        """
        self.flush(FLUSH_SECONDS)
        return self._core.measure(objective, holdout, looks)

    def decisions(
        self, subject: str, *, within_seconds: float = DECISIONS_SECONDS
    ) -> list[Decision]:
        """
        Give what was decided for a person lately, newest first, each with its explanation.

        What was decided before they were known counts as theirs once it is linked; what was decided
        without permission names nobody, and is not found. What was voided nobody has seen.
        """
        self.flush(FLUSH_SECONDS)
        return self._core.decisions(subject, within_seconds)

    def derive_keys(self, purpose: str) -> tuple[bytes, ...]:
        """
        Derive keys of 32 bytes from the signing keys, newest first, to sign for a purpose.

        Args:
            purpose: what they are for; another purpose gets other keys, and so does another tenant.
        """
        return self._core.derive_keys(purpose)

    @property
    def has_keys(self) -> bool:
        """Whether `derive_keys` gives any: a client of a server has none but those it was given."""
        return self._core.has_keys

    def visitor(
        self,
        subject: str | None,
        *,
        anonymous_subject: str | None = None,
        session_id: str | None = None,
        channel: Channel | None = None,
        context: Mapping[str, Any] | None = None,
        traffic: Traffic = "human",
    ) -> Visitor:
        """Bind the client to one subject, session and context, for a request to hold."""
        return Visitor(
            self,
            subject,
            anonymous_subject=anonymous_subject,
            session_id=session_id,
            channel=channel,
            context=context,
            traffic=traffic,
        )

    @property
    def losses(self) -> Counter[str]:
        """What was lost or refused so far, by cause; nothing is lost silently."""
        return self._core.losses

    @property
    def pending(self) -> int:
        """How many facts are on their way; a number that grows says that nobody takes them."""
        return self._core.pending

    def flush(self, timeout: float = FLUSH_SECONDS) -> int:
        """Store what waits; gives how many facts remain after *timeout* seconds."""
        return self._core.flush(timeout)

    def close(self, timeout: float = FLUSH_SECONDS) -> int:
        """Flush and let go of everything; gives how many facts remain, on disk if there is one."""
        return self._core.close(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
