"""What a developer should know, logged once per cause: not once per request."""

import logging
from typing import Any

from clew.engine.compiled import CompiledPolicy, CompiledSlot
from clew.once import Once

__all__ = ["Notices"]

logger = logging.getLogger("clew")


class Notices:
    """Says them."""

    def __init__(self) -> None:
        self._said = Once()

    def no_policy(self) -> None:
        """There is nothing to decide by."""
        self._once("policy", "", "no policy is live: pass policy= or publish one")

    def denied(self, slot: CompiledSlot) -> None:
        """A slot's purpose is not permitted."""
        self._once(
            "denied",
            slot.id,
            "slot %r: no permission for its purpose %r, so the default is shown; record a consent "
            "with client.consent(subject, grant=[%r], source=...) (said once per slot)",
            slot.id,
            slot.purpose,
            slot.purpose,
        )

    def no_basis(self, policy: CompiledPolicy, signal: str) -> None:
        """A signal was not stored."""
        purposes = policy.purposes_of(signal)
        if purposes:
            self._once(
                "basis",
                signal,
                "signal %r was not stored: none of its purposes (%s) has a basis for the subject; "
                "record a consent first (said once per type)",
                signal,
                ", ".join(purposes),
            )
        else:
            self._once(
                "basis",
                signal,
                "signal %r was not stored: it serves no purpose; list its purposes under `signals` "
                "in the policy, or let a trait or an objective read it (said once per type)",
                signal,
            )

    def failed(self, slot: str, error: Exception) -> None:
        """One slot of several could not be decided."""
        if self._said.is_news("failed", f"{slot} {type(error).__name__}"):
            logger.error(
                "slot %r could not be decided, so its default is shown (said once per slot): %s",
                slot,
                error,
                exc_info=error,
            )

    def _once(self, kind: str, name: str, message: str, *args: Any) -> None:
        if self._said.is_news(kind, name):
            logger.warning(message, *args)
