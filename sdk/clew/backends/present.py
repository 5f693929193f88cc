"""From the record of a decision to the `Decision` a caller holds; what costs is done when asked."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from clew.clock import to_text
from clew.codec import to_json
from clew.engine import render
from clew.engine.compiled import CompiledPolicy
from clew.engine.menu import Counts
from clew.model.decision import (
    Candidate,
    ConsentGround,
    Decision,
    Draw,
    Explanation,
    HoldoutArm,
    ListItem,
    Reads,
)
from clew.model.words import Arm, Basis, CacheState
from clew.trust.explanation import explain, explained

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
    recall: Callable[[], Sequence[Mapping[str, Any]]] | None = None,
) -> Decision:
    """
    Show a recorded decision.

    Args:
        policy: the version that made it.
        record: in wire form.
        token: makes the token when it is asked for.
        counts: where learned catalogue items are read.
        decided_at: the record's own, in seconds since the epoch; so is `valid_until`.
        recall: finds the draws of a kept decision, which its first record has.
    """
    get = record.get
    arms = tuple([_arm(a["id"], a["arm"], a["epoch"]) for a in get("assignments", ())])
    ground = get("consent")
    origin = _Origin(policy, record, counts, recall, valid_until)
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
        reads=origin.reads,
        content=origin.content,
        items=origin.items,
        draws=origin.draws,
        segments=tuple(get("segments", ())),
        token=token,
        explanation=origin.explanation,
        document=origin.document,
    )


class _Origin:
    """What a decision was made from; each part of it is computed when it is asked for."""

    __slots__ = ("_counts", "_policy", "_recall", "_record", "_valid_until")

    def __init__(
        self,
        policy: CompiledPolicy,
        record: Mapping[str, Any],
        counts: Counts,
        recall: Callable[[], Sequence[Mapping[str, Any]]] | None,
        valid_until: float | None,
    ) -> None:
        self._policy = policy
        self._record = record
        self._counts = counts
        self._recall = recall
        self._valid_until = valid_until

    def reads(self) -> Reads:
        return Reads(**self._record.get("reads", {}))

    def content(self) -> Mapping[str, Any]:
        return render.content(self._policy, self._record)

    def items(self) -> tuple[ListItem, ...]:
        if "items" not in self._record:
            return ()
        return tuple(render.items(self._policy, self._record, self._counts))

    def draws(self) -> tuple[Draw, ...]:
        return tuple([_draw(draw) for draw in self._whole().get("draws", ())])

    def explanation(self) -> Explanation:
        return explain(self._policy, self._whole())

    def document(self, decision: Decision) -> dict[str, Any]:
        """Write the decision as JSON: its record, and what is computed for whoever shows it."""
        record = self._whole()
        written = {**record, "explanation": explained(self._policy, record)}
        if content := decision.content:
            written["content"] = content
        if token := decision.token:
            written["token"] = token
        if record.get("items"):
            written["items"] = [to_json(item) for item in decision.items]
        if decision.cache != "miss":
            written["cache"] = decision.cache
        if self._valid_until is not None:
            written["valid_until"] = to_text(self._valid_until)
        return written

    def _whole(self) -> Mapping[str, Any]:
        """The record with what was drawn: asking again does not change why something is shown."""
        recall, self._recall = self._recall, None
        if recall is not None and (draws := recall()):
            self._record = {**self._record, "draws": draws}
        return self._record


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
