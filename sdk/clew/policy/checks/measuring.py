"""Objectives that can be measured, and holdouts that can measure them."""

from collections.abc import Iterator

from clew.clock import instant
from clew.errors import Problem
from clew.policy.parts import Parts

__all__ = ["holdouts", "objectives", "schedule"]


def objectives(parts: Parts) -> Iterator[Problem]:
    """Find bounds that leave no room, and guardrails that guard nothing (RULES L5, M10)."""
    for at, objective in parts.objectives.items():
        if objective.value_min >= objective.value_max:
            message = (
                f"values are cut to {objective.value_min} at least and {objective.value_max} at"
                " most, so all are the same; make `value_min` less than `value_max`"
            )
            yield Problem(f"{at}/value_min", "value_range", message)
        guards = objective.role == "guardrail"
        if guards and objective.max_drop is None:
            message = "a guardrail says which loss it tolerates; add `max_drop`, a share"
            yield Problem(at, "max_drop", message)
        elif not guards and objective.max_drop is not None:
            message = f"only a guardrail has `max_drop`, this is {objective.role}; remove it"
            yield Problem(f"{at}/max_drop", "max_drop", message)


def holdouts(parts: Parts) -> Iterator[Problem]:
    """Find holdouts that contradict each other or never run (RULES M7)."""
    overall = [at for at, holdout in parts.holdouts.items() if holdout.scope == "all"]
    for at in overall[1:]:
        message = "another holdout has scope `all` already; name this one's slots"
        yield Problem(f"{at}/scope", "holdout_scope", message)
    salts: dict[str, str] = {}
    for at, holdout in parts.holdouts.items():
        other = salts.setdefault(holdout.salt, holdout.id)
        if other != holdout.id:
            message = (
                f"`{other}` has this salt too, so both would hold out the same people, and where"
                " one excludes the other its arms have wrong sizes; give each a salt of its own"
            )
            yield Problem(f"{at}/salt", "holdout_salt", message)
        if problem := schedule(at, holdout.starts_at, holdout.ends_at, "schedule"):
            yield problem


def schedule(at: str, starts_at: str | None, ends_at: str | None, keyword: str) -> Problem | None:
    """Say so if something ends before it starts."""
    if starts_at is None or ends_at is None or instant(starts_at) < instant(ends_at):
        return None
    message = f"it ends at {ends_at}, before or when it starts ({starts_at}); correct one of them"
    return Problem(f"{at}/ends_at", keyword, message)
