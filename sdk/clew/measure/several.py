"""Several objectives: one decides; others are corrected for their number, or guard (RULES M10)."""

from collections.abc import Mapping
from typing import Literal

from clew.model.measurement import Effect

__all__ = ["Verdict", "guardrail", "holm"]

#: `held`: the loss is smaller than tolerated; `breached`: it is larger; `open`: it may be either.
Verdict = Literal["held", "breached", "open"]


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """
    Adjust the p-values of secondary objectives for their number.

    At most `alpha` of all sets in which nothing has an effect have one adjusted value below
    `alpha`, however the objectives depend on each other.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6(2).
    """
    adjusted: dict[str, float] = {}
    largest = 0.0
    ordered = sorted(p_values.items(), key=lambda item: item[1])
    for rank, (objective, p) in enumerate(ordered):
        largest = max(largest, min(1.0, (len(ordered) - rank) * p))
        adjusted[objective] = largest
    return {objective: adjusted[objective] for objective in p_values}


def guardrail(
    relative: Effect | None, *, max_drop: float, direction: Literal["up", "down"] = "up"
) -> Verdict:
    """
    Say whether a guardrail objective got worse by more than it may.

    Args:
        relative: its relative lift; None while there is no interval.
        max_drop: the largest loss tolerated, as a share of the holdout's mean, in [0, 1].
        direction: which way is better; where it is `down`, a rise is the loss.
    """
    if relative is None:
        return "open"
    least, most = relative.lower, relative.upper
    if direction == "down":
        least, most = -most, -least
    if least >= -max_drop:
        return "held"
    return "breached" if most < -max_drop else "open"
