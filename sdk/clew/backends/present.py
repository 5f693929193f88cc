"""From the record of a decision to the `Decision` a caller holds; what costs is done when asked."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from clew.clock import instant
from clew.engine.compile import CompiledPolicy
from clew.engine.menu import Counts
from clew.engine.render import content, items
from clew.model.decision import (
    Candidate,
    ConsentGround,
    Decision,
    Draw,
    HoldoutArm,
    Reads,
)
from clew.model.words import CacheState
from clew.trust.explanation import explain

__all__ = ["present"]


def present(
    policy: CompiledPolicy,
    record: Mapping[str, Any],
    *,
    cache: CacheState,
    token: Callable[[], str | None],
    counts: Counts,
) -> Decision:
    """
    Show a recorded decision.

    Args:
        policy: the version that made it.
        record: in wire form.
        token: makes the token when it is asked for.
        counts: where learned catalogue items are read.
    """
    get = record.get
    arms = tuple(HoldoutArm(**arm) for arm in get("assignments", ()))
    ground = get("consent")
    return Decision(
        id=record["id"],
        slot=record["slot"],
        decided_at=_at(record["decided_at"]),
        reason=record["reason"],
        subject=get("subject"),
        anonymous_subject=get("anonymous_subject"),
        session_id=get("session_id"),
        request_id=get("request_id"),
        view_id=get("view_id"),
        creative=get("creative"),
        creative_version=get("creative_version"),
        propensity=get("propensity"),
        policy_id=get("policy_id"),
        policy_version=get("policy_version"),
        holdout=arms[0] if arms else None,
        assignments=arms,
        measured=get("measured", False),
        objective=get("objective"),
        consent=None if ground is None else ConsentGround(**ground),
        channel=get("channel"),
        traffic=get("traffic", "human"),
        cache=cache,
        valid_until=_at(record["valid_until"]) if "valid_until" in record else None,
        eligible=tuple(get("eligible", ())),
        reads=lambda: Reads(**record.get("reads", {})),
        content=lambda: content(policy, record),
        items=lambda: tuple(items(policy, record, counts)),
        draws=lambda: tuple(_draw(draw) for draw in record.get("draws", ())),
        segments=tuple(get("segments", ())),
        token=token,
        explanation=lambda: explain(policy, record),
    )


def _at(text: str) -> datetime:
    return datetime.fromtimestamp(instant(text), UTC)


def _draw(draw: Mapping[str, Any]) -> Draw:
    candidates = tuple(Candidate(**candidate) for candidate in draw["candidates"])
    return Draw(**{**draw, "candidates": candidates, "floors": tuple(draw["floors"])})
