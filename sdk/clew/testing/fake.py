"""A client for the tests of applications: decisions are given, and what was said is recorded."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from clew.answers import Answers
from clew.client import Client
from clew.clock import Clock
from clew.core import Core, ReportStatus
from clew.facts import consents, outcome, signal
from clew.ids import mint
from clew.model.decision import Decision
from clew.model.measurement import Measurement
from clew.model.profile import Permission, Profile
from clew.model.words import ConsentState, Reason
from clew.outlet import Awaiting
from clew.testing.clock import HandClock

__all__ = ["FakeClient"]


class _GivenAnswers(Answers):
    """Decisions from a table."""

    def __init__(
        self,
        table: Mapping[str, Mapping[str, Any]],
        clock: Clock,
        check_open: Callable[[], None],
        report: Callable[..., object],
    ) -> None:
        self.table = dict(table)
        self.made: list[Decision] = []
        self.clock = clock
        self.check_open = check_open
        self._report = report
        self._recall = None

    def decide(
        self, slots: Iterable[str], *, default: Mapping[str, Any] | None = None, **given: Any
    ) -> dict[str, Decision]:
        self.check_open()
        made = {slot: self._decision(slot, default, given) for slot in slots}
        self.made += made.values()
        return made

    def local(
        self, slots: Iterable[str], reason: Reason, default: Mapping[str, Any] | None
    ) -> dict[str, Decision]:
        at = datetime.fromtimestamp(self.clock.now(), UTC)
        return {
            slot: Decision(
                id=mint(self.clock.now(), 0),
                slot=slot,
                decided_at=at,
                reason=reason,
                content=dict(default or {}),
            )
            for slot in slots
        }

    def _decision(
        self, slot: str, default: Mapping[str, Any] | None, given: Mapping[str, Any]
    ) -> Decision:
        now = self.clock.now()
        known = slot in self.table
        name = mint(now, 0)
        return Decision(
            id=name,
            slot=slot,
            decided_at=datetime.fromtimestamp(now, UTC),
            reason="override" if known else "unknown_slot",
            subject=given.get("subject"),
            creative=f"fake:{slot}" if known else None,
            propensity=1.0 if known else None,
            policy_id="fake",
            policy_version="0",
            content=self.table.get(slot, default or {}),
            token=f"{name}.fake",
        )


class _RecordingCore(Core):
    """Answers from a table, writes down what it is told, stores nothing."""

    def __init__(self, decisions: Mapping[str, Mapping[str, Any]], clock: Clock) -> None:
        self.tenant = "default"
        self.clock = clock
        self.answers = self.given = _GivenAnswers(decisions, clock, self.check_open, self.report)
        self.signals: list[dict[str, Any]] = []
        self.outcomes: list[dict[str, Any]] = []
        self.consents: list[dict[str, Any]] = []
        self.links: dict[str, str] = {}
        self._closed = False

    def emit(self, type: str, **given: Any) -> str:
        self.check_open()
        fact = signal(type, now=self.clock.now(), tenant=self.tenant, policy=None, **given)
        self.signals.append(fact)
        return str(fact["id"])

    def emit_of_nobody(self, id: str | None) -> str:
        self.check_open()
        return id or mint(self.clock.now(), 0)

    def awaiting(self, seconds: float) -> Awaiting:
        return Awaiting({}, seconds)

    def report(
        self,
        decision: Decision | str,
        type: str,
        *,
        awaiting: Awaiting | None = None,  # noqa: ARG002
        **given: Any,
    ) -> ReportStatus:
        self.check_open()
        name = decision.id if isinstance(decision, Decision) else decision.partition(".")[0]
        self.outcomes.append(outcome(type, name, now=self.clock.now(), **given))
        return "applied"

    def consent(
        self, subject: str, states: Mapping[ConsentState, Iterable[str]], source: str | None
    ) -> None:
        self.check_open()
        now = self.clock.now()
        self.consents += consents(subject, states, now=now, tenant=self.tenant, source=source)

    def identify(self, anonymous: str, subject: str) -> str:
        self.check_open()
        self.links[anonymous] = subject
        return anonymous

    def unmerge(self, anonymous: str, subject: str) -> None:  # noqa: ARG002
        self.check_open()
        self.links.pop(anonymous, None)

    def profile(self, subject: str) -> Profile:
        said = {one["purpose"]: one["state"] for one in self.consents if one["subject"] == subject}
        return Profile(
            subject=subject,
            as_of=datetime.fromtimestamp(self.clock.now(), UTC),
            permissions=tuple(
                Permission(purpose=purpose, permitted=state == "granted", state=state)
                for purpose, state in said.items()
            ),
        )

    def decisions(self, subject: str, within_seconds: float) -> list[Decision]:
        since = self.clock.now() - within_seconds
        return [
            one
            for one in reversed(self.given.made)
            if one.subject == subject and one.decided_at.timestamp() >= since
        ]

    @property
    def has_keys(self) -> bool:
        return True

    def derive_keys(self, purpose: str) -> tuple[bytes, ...]:
        return (hashlib.sha256(purpose.encode()).digest(),)

    def measure(
        self,
        objective: str | None,  # noqa: ARG002
        holdout: str | None,  # noqa: ARG002
        looks: int,  # noqa: ARG002
    ) -> list[Measurement]:
        return []

    @property
    def losses(self) -> Counter[str]:
        return Counter()

    @property
    def pending(self) -> int:
        return 0

    def flush(self, timeout: float) -> int:  # noqa: ARG002
        return 0

    def close(self, timeout: float) -> int:  # noqa: ARG002
        self._closed = True
        return 0


class FakeClient(Client):
    """
    A `Client` that stores nothing.

    Args:
        decisions: by slot, the content to answer with; any other slot gets the caller's default.
        clock: what tells the time; by default one moved by hand.

    >>> client = FakeClient({"hero": {"headline": "Hi"}})
    >>> client.decide("hero", subject="u-1").get("headline")
    'Hi'
    >>> _ = client.emit("product_viewed", subject="u-1", data={"sku": "a"})
    >>> [signal["type"] for signal in client.signals]
    ['product_viewed']
    """

    _core: _RecordingCore

    def __init__(
        self,
        decisions: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._core = _RecordingCore(decisions or {}, clock or HandClock())

    def fix(self, slot: str, content: Mapping[str, Any]) -> None:
        """From now on answer with this content."""
        self._core.given.table[slot] = content

    @property
    def signals(self) -> list[dict[str, Any]]:
        """The signals that were emitted, in wire form."""
        return self._core.signals

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        """The outcomes that were reported, in wire form."""
        return self._core.outcomes

    @property
    def consents(self) -> list[dict[str, Any]]:
        """The consents that were recorded, in wire form."""
        return self._core.consents

    @property
    def links(self) -> dict[str, str]:
        """Anonymous ids that are linked, and to whom."""
        return self._core.links
