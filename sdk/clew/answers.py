"""
Decisions for whoever asks: one for each slot, in time, whatever happens (RULES D2).

A sick backend is answered with a fall-back and counted; misuse raises.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from clew.asking import check_request, slot_names
from clew.backends.base import Backend
from clew.cache import Asker
from clew.clock import Clock
from clew.failures import Failures
from clew.fallback import Fallback
from clew.model.decision import Decision
from clew.model.request import DecisionRequest
from clew.model.words import Reason, Traffic

__all__ = ["Answers"]

#: Decisions that are remembered as asked for by several; one that is to be voided is a moment old.
SHARED_MAX = 4_096


class Answers:
    """
    Asks the backend, and stands in for it.

    Args:
        put: makes the record of a decision safe.
        report: says what came of a decision, as `Client.report`.
        fallback: what stands in for a decision.
        check_open: raises when the client was closed.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        clock: Clock,
        put: Callable[[bytes], object],
        report: Callable[..., object],
        failures: Failures,
        fallback: Fallback,
        check_open: Callable[[], None],
    ) -> None:
        self.check_open = check_open
        self._backend = backend
        self._clock = clock
        self._put = put
        self._report = report
        self._failures = failures
        self._fallback = fallback
        # Of a backend elsewhere, which keeps decisions here.
        self._recall: Callable[..., dict[str, Decision] | None] | None
        self._recall = getattr(backend, "recall", None)
        self._stand_in: Callable[..., dict[str, Decision]] | None
        self._stand_in = getattr(backend, "stand_in", None)
        #: Decisions that several have asked for: what one of them did not use, another may show.
        self._shared: OrderedDict[str, None] = OrderedDict()

    def decide(
        self,
        slots: Iterable[str],
        *,
        subject: str | None,
        context: Mapping[str, Any] | None,
        default: Mapping[str, Any] | None,
        deadline_ms: float | None,
        request_id: str | None,
        anonymous_subject: str | None,
        session_id: str | None,
        traffic: Traffic,
        id: str | None = None,
    ) -> dict[str, Decision]:
        """
        Fill slots: one decision for each that was asked for, whatever happens (RULES D2).

        Args:
            id: of this request alone, where somebody asks from elsewhere and may get no answer.
        """
        self.check_open()
        check_request(subject, context, default, request_id, deadline_ms, traffic)
        names = slot_names(slots)
        if not names or (deadline_ms is not None and not deadline_ms > 0.0):
            # Nothing is asked for, or nothing is left of the time.
            return self.local(names, "deadline", default)
        asker = (subject, anonymous_subject, session_id, traffic)
        kept = self._kept(names, asker, context, deadline_ms, request_id)
        if kept is not None:
            return kept
        try:
            request = DecisionRequest(
                id=id,
                slots=names,
                subject=subject,
                anonymous_subject=anonymous_subject,
                session_id=session_id,
                context={} if context is None else context,
                traffic=traffic,
                request_id=request_id,
                deadline_ms=deadline_ms,
            )
        except ValueError as error:  # an id that a visitor brought may be empty or too long
            self._failures.met("decide", error)
            return self.local(names, "error", default)
        started = 0.0 if deadline_ms is None else self._clock.now()
        try:
            made, payloads = self._backend.decide(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the page must be served
            self._failures.met("decide", error)
            return self.local(names, "error", default)
        for payload in payloads:
            self._put(payload)
        self._note_shared(made)
        if deadline_ms is not None and (self._clock.now() - started) * 1000.0 > deadline_ms:
            if request_id is None:  # else it is left to the next try (RULES D5)
                self.void(made.values())
            # The last known good is what stands in for a late answer already (RULES D2).
            late = self.local(names, "deadline", default)
            return {
                name: made[name] if name in made and made[name].reason == "stale" else late[name]
                for name in names
            }
        return self._fallback.complete(made, names, default)

    def recall(
        self,
        slots: Sequence[str],
        *,
        subject: str | None,
        context: Mapping[str, Any] | None,
        default: Mapping[str, Any] | None,
        deadline_ms: float | None,
        request_id: str | None,
        anonymous_subject: str | None,
        session_id: str | None,
        traffic: Traffic,
    ) -> dict[str, Decision] | None:
        """As `decide`, if the backend has kept all of it, else None; never waits."""
        self.check_open()
        check_request(subject, context, default, request_id, deadline_ms, traffic)
        asker = (subject, anonymous_subject, session_id, traffic)
        return self._kept(slots, asker, context, deadline_ms, request_id)

    def local(
        self, slots: Iterable[str], reason: Reason, default: Mapping[str, Any] | None
    ) -> dict[str, Decision]:
        """Make defaults on the spot, of the policy as last seen: the store is not asked."""
        return self._fallback.make(slots, reason, default)

    def give_up(
        self,
        slots: Sequence[str],
        default: Mapping[str, Any] | None,
        *,
        subject: str | None,
        context: Mapping[str, Any] | None,
        request_id: str | None,
        anonymous_subject: str | None,
        session_id: str | None,
        traffic: Traffic,
    ) -> dict[str, Decision]:
        """Give what stands in for decisions that are not made in time; never waits (RULES D2)."""
        late = self.local(slots, "deadline", default)
        if self._stand_in is None or request_id is not None:
            return late
        asker = (subject, anonymous_subject, session_id, traffic)
        try:
            found = self._stand_in(slots, asker, {} if context is None else context)
        except Exception:  # noqa: BLE001 - of a wrong id or context, of which deciding says more
            return late
        self._note_shared(found)
        return late | found

    def void(self, decisions: Iterable[Decision]) -> None:
        """Take back decisions that nobody used (RULES D8)."""
        for decision in decisions:
            # A kept decision has been shown before, and stands; a local one was never recorded.
            is_new = decision.cache == "miss" and decision.policy_version is not None
            if is_new and decision.id not in self._shared:
                self._report(decision, "voided", id=None, at=None, value=None)

    def _note_shared(self, made: Mapping[str, Decision]) -> None:
        for decision in made.values():
            if decision.cache != "miss":
                self._shared[decision.id] = None
                if len(self._shared) > SHARED_MAX:
                    self._shared.popitem(last=False)

    def _kept(
        self,
        slots: Sequence[str],
        asker: Asker,
        context: Mapping[str, Any] | None,
        deadline_ms: float | None,
        request_id: str | None,
    ) -> dict[str, Decision] | None:
        if self._recall is None or request_id is not None:
            return None
        if deadline_ms is not None and not deadline_ms > 0.0:
            return None
        try:
            found = self._recall(slots, asker, {} if context is None else context)
        except Exception:  # noqa: BLE001 - of a wrong id or context, of which deciding says more
            return None
        if found is not None:
            self._note_shared(found)
        return found
