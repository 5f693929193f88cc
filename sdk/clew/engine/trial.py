"""
Trials: one row per triggered subject and experiment, which lift is computed from (RULES M3 to M7).

A trial is a JSON object inside the subject's document, mirrored into the store for scanning:
`{"experiment", "epoch", "arm", "at", "owner", "policy_version", "left", "seen", "values"}` where
`seen` says whether anything was displayed to the subject, and `values` is, by objective, `[value
inside the window, number of outcomes, value of the 28 days before]`.

From its trigger on a subject stays in its arm whatever is shown (intention to treat); its value is
fixed when the window closes; both arms are treated alike everywhere in this file.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from attrs import frozen

from clew.engine.compiled import CompiledObjective
from clew.engine.situation import Assignment

__all__ = [
    "COVARIATE_SECONDS",
    "Event",
    "Reversal",
    "TrialDocument",
    "count",
    "join",
    "key",
    "opened",
    "recount",
    "restore",
    "standing",
]

TrialDocument: TypeAlias = dict[str, Any]

#: How far back the covariate of CUPED looks (RULES M11): 28 days.
COVARIATE_SECONDS = 28 * 86_400.0


def key(experiment: str, epoch: str) -> str:
    """Where a subject's trial of an experiment is kept."""
    return f"{experiment}:{epoch}"


def opened(assignment: Assignment, *, at: float, owner: str, policy_version: str) -> TrialDocument:
    """Begin a trial at the first measured decision (M4)."""
    experiment, epoch, arm = assignment
    return {
        "experiment": experiment,
        "epoch": epoch,
        "arm": arm,
        "at": at,
        "owner": owner,
        "policy_version": policy_version,
        "left": None,
        "seen": False,
        "values": {},
    }


@frozen
class Reversal:
    """What takes an outcome back; in part, if it says how much."""

    #: Seconds since the epoch, when it happened and when it became known.
    at: float
    id: str
    received_at: float
    value: float | None


@frozen
class Event:
    """An outcome of an objective, and what takes it back."""

    #: Seconds since the epoch, when it happened and when it became known.
    at: float
    received_at: float
    worth: float
    #: When the decision was made that it was told of, if it was told of one.
    decided_at: float = -math.inf
    reversals: Sequence[Reversal] = ()

    def contradicts(self, before: "Event") -> bool:
        """Whether it says something else than another of its id, or was known before that one."""
        says_else = (self.worth, self.at) != (before.worth, before.at)
        return says_else or self.received_at < before.received_at


def standing(
    trial: TrialDocument, objective: CompiledObjective, event: Event | Reversal, since: float = 0.0
) -> Literal["counts", "late", "outside"]:
    """
    Say whether an outcome of an objective, or what takes one back, counts in a trial.

    Args:
        since: from when on this identity's outcomes belong to the trial (M7).

    Returns:
        `counts`; `late`, when it became known after maturity (M5); or `outside` the window.
    """
    if (
        trial["left"] is not None
        or event.at < since
        or not objective.is_in_window(trial["at"], event.at)
    ):
        return "outside"
    return "counts" if objective.is_in_window(trial["at"], event.received_at) else "late"


def count(trial: TrialDocument, objective: CompiledObjective, worth: float) -> None:
    """Count an outcome of an objective in a trial; what takes it back is counted by `recount`."""
    figures = trial["values"].setdefault(objective.id, [0.0, 0, 0.0])
    figures[1] += 1
    first = objective.objective.count == "first"
    figures[0] = 1.0 if first else figures[0] + _value(objective, worth)


def recount(
    trial: TrialDocument, objective: CompiledObjective, events: Iterable[Event], *, is_opened: bool
) -> None:
    """
    Set what a trial has of an objective.

    Args:
        events: all of the subject's, each once.
        is_opened: whether it begins here: then what came before is counted as well, and never again
            (M11).
    """
    before = trial["values"].get(objective.id, (0.0, 0, 0.0))[2]
    figures = [0.0, 0, 0.0 if is_opened else before]
    first = objective.objective.count == "first"
    for event in events:
        if standing(trial, objective, event) == "counts":
            left = _left(trial, objective, event)
            if left is not None:
                figures[1] += 1
                figures[0] = 1.0 if first else figures[0] + left
        elif (
            is_opened
            and trial["at"] - COVARIATE_SECONDS <= event.at < trial["at"]
            # By a clock that is behind it may seem to come before the decision that led to it.
            and event.decided_at < trial["at"]
        ):
            figures[2] = 1.0 if first else figures[2] + _value(objective, event.worth)
    if any(figures):
        trial["values"][objective.id] = figures
    else:
        trial["values"].pop(objective.id, None)


def _left(trial: TrialDocument, objective: CompiledObjective, event: Event) -> float | None:
    """The value of an outcome once it is taken back in part; None where nothing is left."""
    left = event.worth
    for reversal in sorted(event.reversals, key=lambda one: (one.at, one.id)):
        if standing(trial, objective, reversal) != "counts":
            continue  # what becomes known later changes nothing (M5)
        if reversal.value is None or objective.objective.count != "sum":
            return None
        # A refund is told with either sign; it takes back what had the sign of the purchase.
        left -= math.copysign(reversal.value, event.worth)
        if left * event.worth <= 0.0:
            return None
    return _value(objective, left)


def _value(objective: CompiledObjective, worth: float) -> float:
    """What an outcome adds to the value of a trial."""
    return objective.clip(worth) if objective.objective.count == "sum" else 1.0


def join(
    known: dict[str, TrialDocument],
    anonymous: dict[str, TrialDocument],
    *,
    at: float,
    windows: Mapping[str, float],
) -> int:
    """
    Join the trials of two identities that were linked at an instant (RULES M7).

    The known subject's trial stays; where it has none, the anonymous one's moves. The other leaves,
    unless every objective of it is already mature.

    Args:
        windows: by objective, in seconds.

    Returns:
        How many pairs had differing arms.
    """
    crossovers = 0
    for name, trial in list(anonymous.items()):
        if trial["left"] is not None:
            continue
        ours = known.get(name)
        if ours is None:
            known[name] = anonymous.pop(name)
        else:
            crossovers += ours["arm"] != trial["arm"]
            if not _mature(trial, at, windows.values()):
                trial["left"] = at
    return crossovers


def restore(
    known: dict[str, TrialDocument], anonymous: dict[str, TrialDocument], owner: str
) -> None:
    """Undo `join` for an anonymous subject that is unmerged: its trials return to it."""
    for name, trial in list(known.items()):
        if trial["owner"] == owner:
            anonymous[name] = known.pop(name)
    for trial in anonymous.values():
        trial["left"] = None


def _mature(trial: TrialDocument, at: float, windows: Iterable[float]) -> bool:
    return bool(at > trial["at"] + max(windows, default=0.0))
