"""A decision that was not made: who asked puts the policy's default into it, or their own (D2)."""

from datetime import UTC, datetime

from clew.ids import mint
from clew.model.decision import Decision
from clew.model.words import Reason

__all__ = ["bare"]


def bare(slot: str, reason: Reason, now: float) -> Decision:
    """
    Answer for a slot without content.

    Args:
        now: seconds since the epoch.
    """
    moment = datetime.fromtimestamp(now, UTC)
    return Decision(id=mint(now, 0), slot=slot, decided_at=moment, reason=reason)
