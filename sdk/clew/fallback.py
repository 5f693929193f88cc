"""Decisions made on the spot where the backend made none: always one, whatever happened (D2)."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any

from clew.backends.base import Backend
from clew.clock import Clock
from clew.engine.compiled import CompiledPolicy
from clew.engine.render import content
from clew.ids import mint
from clew.model.decision import Decision
from clew.model.words import Reason
from clew.once import Once

__all__ = ["Fallback"]

logger = logging.getLogger("clew")


class Fallback:
    """
    What stands in for a decision.

    Args:
        backend: has the policy as last seen; its store is not asked, for that may be what fails.
        count: counts a loss by its cause.
        once: what was logged.
    """

    def __init__(
        self, backend: Backend, *, clock: Clock, count: Callable[[str], None], once: Once
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._count = count
        self._once = once

    def complete(
        self,
        made: Mapping[str, Decision],
        slots: Iterable[str],
        default: Mapping[str, Any] | None,
    ) -> dict[str, Decision]:
        """Give what the backend made of slots, in order; where it made nothing, the default."""
        whole: dict[str, Decision] = {}
        for slot in slots:
            one = made.get(slot)
            if one is None or one.policy_version is None:
                one = self._answer(slot, one, default)
            whole[slot] = one
        return whole

    def _answer(
        self, slot: str, made: Decision | None, default: Mapping[str, Any] | None
    ) -> Decision:
        if made is None:
            return self._unknown(slot, default)
        if made.reason == "error":
            self._count("decide_failed")
        return self._make(slot, made.reason, default)

    def make(
        self, slots: Iterable[str], reason: Reason, default: Mapping[str, Any] | None
    ) -> dict[str, Decision]:
        """Make defaults of several slots."""
        return {slot: self._make(slot, reason, default) for slot in slots}

    def _unknown(self, slot: str, default: Mapping[str, Any] | None) -> Decision:
        policy = self._policy()
        # One that has it is not live where the decision would have been made.
        if policy is None or slot in policy.slots:
            return self._make(slot, "default", default)
        self._count("unknown_slot")
        if self._once.is_news("slot", slot):
            near = get_close_matches(slot, policy.slots, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            logger.warning("the policy has no slot %r%s (said once per slot)", slot, hint)
        return self._make(slot, "unknown_slot", default)

    def _make(self, slot: str, reason: Reason, default: Mapping[str, Any] | None) -> Decision:
        """The policy's default, else the caller's, else nothing."""
        filled: Mapping[str, Any] = {}
        creative = None
        policy = self._policy()
        if policy is not None and slot in policy.slots:
            creative = policy.slots[slot].default.id
            filled = content(policy, {"slot": slot, "creative": creative})
        now = self._clock.now()
        return Decision(
            id=mint(now, 0),
            slot=slot,
            decided_at=datetime.fromtimestamp(now, UTC),
            reason=reason,
            creative=creative,
            content=filled or dict(default or {}),
        )

    def _policy(self) -> CompiledPolicy | None:
        return getattr(self._backend, "last_compiled", None)
