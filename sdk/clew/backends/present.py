"""From the record of a decision to the `Decision` a caller holds; what costs is done when asked."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from clew.engine.compiled import CompiledPolicy
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
from clew.model.words import Arm, Basis, CacheState
from clew.trust.explanation import explain

__all__ = ["present"]


def present(
    policy: CompiledPolicy,
    record: Mapping[str, Any],
    *,
    cache: CacheState,
    token: Callable[[], str | None],
    counts: Counts,
    decided_at: float,
    valid_until: float | None = None,
) -> Decision:
    """
    Show a recorded decision.

    Args:
        policy: the version that made it.
        record: in wire form.
        token: makes the token when it is asked for.
        counts: where learned catalogue items are read.
        decided_at: the record's own, in seconds since the epoch; so is `valid_until`.
    """
    get = record.get
    arms = tuple([_arm(a["id"], a["arm"], a["epoch"]) for a in get("assignments", ())])
    ground = get("consent")
    return Decision(
        id=record["id"],
        slot=record["slot"],
        decided_at=datetime.fromtimestamp(decided_at, UTC),
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
        consent=None if ground is None else _ground(ground["purpose"], ground.get("basis")),
        channel=get("channel"),
        traffic=get("traffic", "human"),
        cache=cache,
        valid_until=None if valid_until is None else datetime.fromtimestamp(valid_until, UTC),
        eligible=tuple(get("eligible", ())),
        reads=lambda: Reads(**record.get("reads", {})),
        content=lambda: content(policy, record),
        items=lambda: tuple(items(policy, record, counts)),
        draws=lambda: tuple(_draw(draw) for draw in record.get("draws", ())),
        segments=tuple(get("segments", ())),
        token=token,
        explanation=lambda: explain(policy, record),
    )


# There are few of these values, and they are shown with every decision.
@lru_cache(maxsize=256)
def _arm(holdout: str, arm: Arm, epoch: str) -> HoldoutArm:
    return HoldoutArm(id=holdout, arm=arm, epoch=epoch)


@lru_cache(maxsize=256)
def _ground(purpose: str, basis: Basis | None) -> ConsentGround:
    return ConsentGround(purpose=purpose, basis=basis)


def _draw(draw: Mapping[str, Any]) -> Draw:
    candidates = tuple(Candidate(**candidate) for candidate in draw["candidates"])
    return Draw(**{**draw, "candidates": candidates, "floors": tuple(draw["floors"])})
