"""
From scores to probabilities to a draw: the probability that is logged is the one that was used.

Sampling from explicit probabilities, rather than taking the best of random scores, makes the
propensity of each draw exact and recomputable from what the decision's record keeps (scores,
gamma, t, floor and u). Sums are `fsum`: exactly rounded, hence the same bits on every Python.
"""

import math
from collections.abc import Sequence

from clew.model.policy import Exploration

__all__ = ["draw", "floors", "sharpness", "square_cb"]


def sharpness(gamma: float, t: int) -> float:
    """
    The γ of SquareCB after `t` decisions: `gamma · √t`, zero (an even draw) at the start.

    Args:
        gamma: at least 0, declared by the slot.
        t: counted decisions of the slot which had at least two candidates.
    """
    return gamma * math.sqrt(t)


def floors(exploration: Exploration, displays: Sequence[float]) -> tuple[float, ...]:
    """
    The least probability of each of the k candidates: `floor / k`, `new_floor / k` while it is new.

    The floor bounds the weights 1 / p of whoever evaluates from the record. A new creative's is
    higher: beside arms of long standing it would be drawn too rarely to be learned about.

    Args:
        exploration: as the slot declares it.
        displays: of each candidate so far.
    """
    k = len(displays)
    settled = exploration.floor / k
    new = max(exploration.floor, exploration.new_floor) / k
    lately = exploration.new_displays
    return tuple([new if shown < lately else settled for shown in displays])


def square_cb(
    scores: Sequence[float], *, gamma: float, floor: Sequence[float]
) -> tuple[float, ...]:
    """
    Probabilities by inverse-gap weighting, mixed with a floor for each candidate.

    Of k candidates, one whose score lies `gap` below the best has `1 / (k + gamma · gap)` and the
    best has the rest; `1 - sum(floor)` of that is added to the floor.

    Args:
        scores: expected rewards, one or more, finite.
        gamma: at least 0; the greater, the greedier (see `sharpness`).
        floor: the least probability of each candidate, together at most 1 (see `floors`).

    Returns:
        One probability per score, adding up to one.

    Source: Foster and Rakhlin, "Beyond UCB: Optimal and Efficient Contextual Bandits with
    Regression Oracles", ICML 2020, Algorithm 1 (with μ = k, and rewards instead of losses).
    """
    k = len(scores)
    top = max(scores)
    best = scores.index(top)
    free = 1.0 - math.fsum(floor)
    probabilities = [
        least + free / (k + gamma * (top - score))
        for score, least in zip(scores, floor, strict=True)
    ]
    probabilities[best] = 0.0
    probabilities[best] = 1.0 - math.fsum(probabilities)
    return tuple(probabilities)


def draw(probabilities: Sequence[float], u: float) -> int:
    """
    The candidate that the uniform number `u` draws; never one of probability zero.

    Args:
        probabilities: adding up to one but for rounding.
        u: in [0, 1).

    Raises:
        ValueError: no candidate has a positive probability.
    """
    last, bound = None, 0.0
    for index, probability in enumerate(probabilities):
        if probability > 0.0:
            last, bound = index, bound + probability
            if u < bound:
                return index
    if last is None:
        raise ValueError("nothing can be drawn: no candidate has a positive probability")
    return last  # the probabilities fell short of u by rounding
