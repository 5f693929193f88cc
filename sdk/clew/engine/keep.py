"""
Whether a person's last decision for a slot is to be kept (RULES D3).

A slot is sticky for nothing, one view, a session (30 minutes idle, 24 hours at most) or a number of
seconds. Permission, schedule and conditions are looked at again by the engine on every hit.
"""

from collections.abc import Mapping
from typing import Any

from clew.engine.compiled import CompiledPolicy, CompiledSlot

__all__ = ["IDLE_SECONDS", "SESSION_SECONDS", "kept"]

#: A session ends after this long without anything happening, in seconds.
IDLE_SECONDS = 1_800.0
#: A session never lasts longer, in seconds.
SESSION_SECONDS = 86_400.0

#: A kept fall-back would hide what becomes possible a moment later.
_NEVER_KEPT = frozenset({"consent_denied", "no_eligible", "error", "deadline", "unknown_slot"})


def kept(
    policy: CompiledPolicy,
    slot: CompiledSlot,
    entry: Mapping[str, Any] | None,
    *,
    now: float,
    active_at: float,
    session_id: str | None,
    view_id: str | None,
) -> Mapping[str, Any] | None:
    """
    Give the entry when it still holds for this request, else None.

    Args:
        entry: the person's latest decision for the slot.
        active_at: the instant of the person's latest activity.
    """
    if entry is None or entry["reason"] in _NEVER_KEPT:
        return None
    if entry["policy"] != [policy.policy.id, policy.policy.version]:
        return None
    age = now - entry["at"]
    sticky = slot.slot.sticky
    if sticky == "seconds":
        holds = age <= (slot.slot.sticky_seconds or 0.0)
    elif sticky == "session":
        idle = now - max(entry["at"], active_at)
        same = session_id is None or entry["session"] in {None, session_id}
        holds = same and idle <= IDLE_SECONDS and age <= SESSION_SECONDS
    else:
        holds = sticky == "view" and view_id is not None and entry["view"] == view_id
    return entry if holds else None
