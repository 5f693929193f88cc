"""
From documents of the server to the values a caller holds; what costs is read when asked.

A server may be newer: fields that are unknown here are kept under `ext` by whoever reads a whole
document (RULES F2), and are passed over by what reads a part of it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from clew.backends.http.transport import Response, UnreachableError
from clew.backends.http.wire import document
from clew.codec import from_json
from clew.errors import BackendUnavailableError, ClewError
from clew.model.batch import BatchResult, ItemResult
from clew.model.decision import (
    ConsentGround,
    Decision,
    Draw,
    Explanation,
    HoldoutArm,
    ListItem,
    Reads,
)

__all__ = ["decision", "decisions", "may_have_decided", "results"]

T = TypeVar("T")

#: How many fields the result of an item has that was taken: its id and status.
_BRIEF = 2


#: Reasons of a server that has no such slot, or no policy: the client's own default stands in.
_NOTHING = frozenset({"unknown_slot", "default"})
#: Of answers without decisions, those behind which there may be some: a proxy's whose server went
#: away or was waited for in vain, and one that came in part or in another form.
_DECIDED = frozenset({200, 502, 504})


def decisions(response: Response) -> list[Decision]:
    """
    Read the decisions of an answer, of those slots that the server has.

    Raises:
        BackendError: there are none, for a reason that it tells.
    """
    try:
        found = [decision(each) for each in document(response)["decisions"]]
    except ClewError:  # which says itself what is wrong
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise BackendUnavailableError(f"the answer holds no decisions: {error!r}") from error
    return [one for one in found if one.policy_version is not None or one.reason not in _NOTHING]


def may_have_decided(response: Response | None, error: Exception) -> bool:
    """Whether the server may have decided, though no answer has come, or none that can be read."""
    if response is None:
        return not isinstance(error, UnreachableError)
    return response.status in _DECIDED


def decision(document: Mapping[str, Any]) -> Decision:
    """
    Read a decision as the server sends it.

    Raises:
        KeyError, TypeError, ValueError: it is no decision.
    """
    get = document.get
    ground = get("consent")
    holdout = get("holdout")
    return Decision(
        id=document["id"],
        slot=document["slot"],
        decided_at=datetime.fromisoformat(document["decided_at"]),
        reason=document["reason"],
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
        holdout=None if holdout is None else _arm(holdout),
        assignments=tuple([_arm(each) for each in get("assignments", ())]),
        measured=get("measured", False),
        objective=get("objective"),
        consent=None
        if ground is None
        else ConsentGround(purpose=ground["purpose"], basis=ground.get("basis")),
        channel=get("channel"),
        traffic=get("traffic", "human"),
        cache=get("cache", "miss"),
        eligible=tuple(get("eligible", ())),
        valid_until=_moment(get("valid_until")),
        reserved_until=_moment(get("reserved_until")),
        content=get("content", {}),
        items=lambda: _parts(ListItem, get("items", ())),
        reads=lambda: _part(Reads, get("reads", {})),
        draws=lambda: _parts(Draw, get("draws", ())),
        segments=tuple(get("segments", ())),
        token=get("token"),
        explanation=lambda: _part(Explanation, get("explanation", {})),
        ext=get("ext", {}),
    )


def results(document: Mapping[str, Any]) -> list[ItemResult]:
    """
    Read what became of the items of a batch.

    Where all were taken, that is read at once: the codec costs a process that lives for a moment
    more time to load than it has for delivering at its end.

    Raises:
        DocumentError: this is no answer to a batch.
    """
    items = document.get("results")
    if isinstance(items, list) and all(map(_is_taken, items)):
        return [ItemResult(id=each["id"], status=each["status"]) for each in items]
    return list(_part(BatchResult, document).results)


def _is_taken(item: Any) -> bool:
    return (
        isinstance(item, dict)
        and len(item) == _BRIEF
        and item.get("status") in ("applied", "duplicate", "late")
        and isinstance(item.get("id"), str)
    )


def _arm(document: Mapping[str, Any]) -> HoldoutArm:
    return HoldoutArm(id=document["id"], arm=document["arm"], epoch=document["epoch"])


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _part(cls: type[T], document: Any) -> T:
    return from_json(cls, document, keep_unknown=True)


def _parts(cls: type[T], documents: Any) -> tuple[T, ...]:
    return tuple(_part(cls, each) for each in documents)
