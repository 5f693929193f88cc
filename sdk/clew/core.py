"""
What both clients do, written once: it knows neither threads nor loops, and never waits.

`emit`, `decide` and `report` never fail the application for a sick backend: they answer with a
fall-back and count. Misuse raises.
"""

import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, TypeAlias

from clew import options
from clew.answers import Answers
from clew.backends import open_backend
from clew.backends.base import Admission, Backend
from clew.clock import Clock, SystemClock
from clew.consenting import Consenting
from clew.errors import (
    ClosedError,
    ConfigurationError,
    DocumentError,
)
from clew.facts import Instant, outcome, signal
from clew.failures import Failures
from clew.fallback import Fallback
from clew.ids import mint
from clew.items import encoded
from clew.linking import Linking, new_anonymous
from clew.model.decision import Decision
from clew.model.measurement import Measurement
from clew.model.policy import Policy
from clew.model.profile import Profile
from clew.model.words import ConsentState
from clew.once import Once
from clew.outlet import Awaiting, Durability, OnLoss, Outlet, Overflow, spool_folder

__all__ = ["Core", "ReportStatus"]

logger = logging.getLogger("clew")

ReportStatus: TypeAlias = Literal["applied", "queued", "duplicate", "late", "refused"]


class Core:
    """
    The backend, the way out to it, and the rules of what is answered when something fails.

    Args: as `Client`.
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
        options.check(
            url=url,
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
        self.url = options.url_of(url)
        self.tenant = options.tenant_of(tenant)
        self.clock = clock or SystemClock()
        self._strict = strict
        self._once = Once()
        self._closed = False
        if backend is not None and (policy is not None or keys):
            raise ConfigurationError(
                "backend= comes with its own policy and keys: give them where it is opened, "
                "or give url= instead"
            )
        self.backend = backend or open_backend(
            self.url,
            tenant=self.tenant,
            keys=keys,
            policy=None if policy is None else options.bundle_of(policy),
            clock=self.clock,
        )
        # Where a backend was given, only its URL tells where its facts on their way belong, unless
        # it says so itself, as one elsewhere does.
        beside = None if backend is not None and url is None else self.url
        folder = spool_folder(self.backend, beside, self.tenant, spool)
        self.outbox = Outlet(
            self.backend,
            folder,
            durability=durability,
            max_pending_bytes=max_pending_bytes,
            overflow=overflow,
            block_seconds=block_seconds,
            on_loss=on_loss,
            clock=self.clock,
            once=self._once,
        )
        self._failures = Failures(self.outbox.lose, self.outbox.losses, clock=self.clock)
        self._consenting = Consenting(
            self.backend, clock=self.clock, tenant=self.tenant, flush=self.outbox.flush
        )
        self._linking = Linking(
            self.backend,
            clock=self.clock,
            tenant=self.tenant,
            flush=self.outbox.flush,
            trouble=lambda: self.outbox.trouble,
        )
        self.answers = Answers(
            self.backend,
            clock=self.clock,
            put=self.outbox.put,
            report=self.report,
            failures=self._failures,
            fallback=Fallback(
                self.backend, clock=self.clock, count=self.outbox.lose, once=self._once
            ),
            check_open=self.check_open,
        )
        # A server has the keys of tokens, so they go there.
        self._verifies_tokens = getattr(self.backend, "verifies_tokens", True)
        start = getattr(self.backend, "start", None)
        #: Whether the store is in this process, so that a fact is received when it is emitted.
        self._is_here = start is None
        if start is None:
            # What dead processes left behind is seen by the first decision (RULES F4).
            self.outbox.adopt()
            self.outbox.flush(1.0)
            self._make_ready()
        else:
            # A backend elsewhere gets ready by itself, so that an event loop never waits for it
            # here; nor for what was left behind, which is under way from now on.
            self.outbox.flush(0.0)
            start(self.outbox.folder, partial(self.outbox.put, waits=False))

    # -- facts

    def emit(
        self,
        type: str,
        *,
        subject: str,
        data: Mapping[str, Any] | None,
        id: str | None,
        at: Instant | None,
        source: str | None,
        channel: str | None,
        party: str,
        anonymous_subject: str | None,
        session_id: str | None,
        department: str | None,
        traffic: str,
    ) -> str:
        """Say that something happened; gives the signal's id, whatever becomes of it."""
        self.check_open()
        try:
            fact = signal(
                type,
                subject=subject,
                data=data,
                now=self.clock.now(),
                tenant=self.tenant,
                policy=None,  # the backend has it at hand, and holds the signal against it
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
        except DocumentError as error:  # no store would hold it
            return self._refuse(error, type, id)
        if at is None and self._is_here:  # whoever takes it need not write the time once more
            fact["received_at"] = fact["occurred_at"]
        try:
            admission = self._admit("emit", {"signal": fact})
        except DocumentError as error:
            return self._set_aside({"signal": fact}, error)
        if admission.payload is not None:
            self.outbox.put(admission.payload)
        elif admission.status == "refused":
            self._count(admission.cause or "refused")
        return str(fact["id"])

    def emit_of_nobody(self, id: str | None) -> str:
        """Count what happened to somebody without an id: there is nobody to store it for."""
        self.check_open()
        self._count("no_subject")
        return id or mint(self.clock.now(), 0)

    def report(
        self,
        decision: Decision | str,
        type: str,
        *,
        id: str | None,
        at: Instant | None,
        value: float | None,
        awaiting: Awaiting | None = None,
        **more: str | None,
    ) -> ReportStatus:
        """
        Say what came of a decision, given itself or by its token.

        Args:
            awaiting: is told what becomes of it.
        """
        self.check_open()
        if isinstance(decision, Decision):
            name = decision.id
            if decision.policy_version is None:
                # Made on the spot without a policy: there is nothing to learn from it (RULES D2).
                self._count("unattributed")
                return "applied"
        elif isinstance(decision, str):
            proven = self.backend.read_token(decision)
            if proven is None:
                self._count("expired_token")
                return "late"
            name = proven
        else:
            raise TypeError(f"report a Decision or its token, not {decision!r}")
        try:
            fact = outcome(type, name, now=self.clock.now(), id=id, at=at, value=value, **more)
        except DocumentError as error:
            self._refuse(error, type, id)
            return "refused"
        if isinstance(decision, str) and not self._verifies_tokens:
            fact["token"] = decision  # by which the server sees that it is genuine (RULES K2)
        try:
            admission = self._admit("report", {"outcome": fact})
        except DocumentError as error:
            self._set_aside({"outcome": fact}, error)
            return "refused"
        if admission.payload is not None:
            if awaiting is not None:
                awaiting.begin(fact["id"])
            self.outbox.put(admission.payload)
        return admission.status  # type: ignore[return-value]

    def awaiting(self, seconds: float) -> Awaiting:
        """Wait so long for what becomes of a report, which is given this."""
        if isinstance(seconds, bool) or not isinstance(seconds, int | float):
            raise TypeError(f"wait is a number of seconds, not {seconds!r}")
        return Awaiting(self.outbox.awaited, seconds)

    def awaited(self, awaiting: Awaiting, status: ReportStatus) -> ReportStatus:
        """Wait no longer; gives what has become of the report, else that it is on its way."""
        awaiting.end()
        known = awaiting.status
        if known is not None and known != "retry":
            return known
        return "queued" if awaiting.has_begun and status == "applied" else status

    # -- what is stored before it returns

    def consent(
        self, subject: str, states: Mapping[ConsentState, Iterable[str]], source: str | None
    ) -> None:
        """Record consent; raises when it was not stored."""
        self.check_open()
        self._consenting.say(subject, states, source)

    def identify(self, anonymous: str, subject: str) -> str:
        """Link an anonymous id to a known subject; gives the anonymous id to go on with."""
        self.check_open()
        return self._linking.identify(anonymous, subject)

    def unmerge(self, anonymous: str, subject: str) -> None:
        """Undo a link."""
        self.check_open()
        self._linking.unmerge(anonymous, subject)

    def logout(self) -> str:
        """Make a new anonymous id."""
        return new_anonymous(self.clock.now())

    # -- reading

    def profile(self, subject: str) -> Profile:
        """What is known of a subject now."""
        self.check_open()
        _check_subject(subject)
        return self.backend.subject(subject)

    def measure(self, objective: str | None, holdout: str | None, looks: int) -> list[Measurement]:
        """Lift against the holdout."""
        self.check_open()
        return self.backend.measure(objective, holdout=holdout, looks=looks)

    def decisions(self, subject: str, within_seconds: float) -> list[Decision]:
        """What was decided for a subject lately."""
        self.check_open()
        _check_subject(subject)
        return self.backend.decisions(subject, within_seconds=within_seconds)

    def derive_keys(self, purpose: str) -> tuple[bytes, ...]:
        """Keys for a purpose of the application's own."""
        self.check_open()
        return self.backend.derive_keys(purpose)

    @property
    def has_keys(self) -> bool:
        """Whether `derive_keys` can give any."""
        return bool(getattr(self.backend, "has_keys", True))

    @property
    def policy(self) -> Policy | None:
        """The live policy."""
        return self.backend.policy()

    @property
    def losses(self) -> Counter[str]:
        """What was lost or refused so far, by cause."""
        return Counter(self.outbox.losses)

    @property
    def pending(self) -> int:
        """How many facts are on their way."""
        return self.outbox.pending

    # -- ending

    def check_open(self) -> None:
        """Raise when the client was closed."""
        if self._closed:
            raise ClosedError("this client was closed; make a new one")

    def flush(self, timeout: float) -> int:
        """Deliver what waits; gives how many facts remain."""
        return self.outbox.flush(timeout)

    def close(self, timeout: float) -> int:
        """Flush and let go of everything; gives how many facts remain."""
        if self._closed:
            return 0
        self._closed = True
        finish = getattr(self.backend, "finish", None)
        if finish is not None:
            finish()
        remaining = self.outbox.close(timeout)
        # It stays open where a signal handler closes in the middle of an emit.
        if self.outbox.is_closed:
            self.backend.close()
        return remaining

    # -- inside

    def _make_ready(self) -> None:
        """Make the policy ready, so that the first decision does not pay for it."""
        try:
            self.backend.policy()
        except Exception:  # it is the first decision that falls back, and says why
            logger.debug("the policy could not be read at the start", exc_info=True)

    def _admit(self, operation: str, item: dict[str, Any]) -> Admission:
        """Have the backend take note of a fact; what it cannot take now is kept until it can."""
        try:
            return self.backend.admit(item)
        except DocumentError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the application goes on
            self._failures.met(operation, error)
            return Admission("queued", encoded(item))

    def _count(self, cause: str) -> None:
        self.outbox.lose(cause)

    def _set_aside(self, item: dict[str, Any], error: DocumentError) -> str:
        """Refuse a fact that another policy may take; gives its id."""
        ((_, fact),) = item.items()
        if not self._strict:
            self.outbox.set_aside(item, f"refused: {error}")
        return self._refuse(error, fact["type"], fact["id"])

    def _refuse(self, error: DocumentError, type: str, id: str | None) -> str:
        if self._strict:
            raise error
        self._count("refused")
        first = error.problems[0]
        if self._once.is_news("refused", f"{type} {first.pointer} {first.keyword}"):
            logger.warning("%s (said once per type, field and kind of fault)", error)
        return id or mint(self.clock.now(), 0)


def _check_subject(subject: object) -> None:
    if not isinstance(subject, str):
        raise TypeError(f"subject is text, not {subject!r}")
