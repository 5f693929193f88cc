"""The bandit's draw: score the candidates, turn scores into probabilities, draw one (RULES L3)."""

import math
from collections.abc import Sequence

from clew.engine.compiled import CompiledSlot, Options
from clew.engine.explore import draw, floors, sharpness, square_cb
from clew.engine.learn import LOGISTIC, Arm, Prior
from clew.engine.situation import Draw, Situation

__all__ = ["bandit", "item_arm"]

# The prior expectation of an item, kept away from certainty.
_LEAST_RATE = 0.01


def bandit(
    slot: CompiledSlot, options: Options, arms: Sequence[Arm], at: Situation
) -> tuple[int, float, Draw]:
    """
    Score each candidate, turn scores to probabilities, draw one, keep all of it (RULES L3).

    Args:
        arms: of each option, what was learned of it.

    Returns:
        The position of what was drawn, its probability, and the record of the draw.
    """
    x = slot.features.vector(at.view)
    scores = slot.model.scores(arms, x)
    tally = at.learned.tally(slot.tally_key)
    rounds = int(tally.get("rounds", 0.0))
    explore = slot.exploration
    least = floors(explore, [tally.get(key, 0.0) for key in options.display_keys])
    probabilities = square_cb(scores, gamma=sharpness(explore.gamma, rounds), floor=least)
    uniform = at.uniform()
    index = draw(probabilities, uniform)
    record: Draw = {
        "candidates": [
            {"creative": name, "score": score, "probability": probability}
            for name, score, probability in zip(options.names, scores, probabilities, strict=True)
        ],
        "features": x,
        "means": arms[index].mean_at(x),
        "model": slot.model.name,
        "predicted": scores[index],
        "gamma": explore.gamma,
        "rounds": rounds,
        "floors": list(least),
        "uniform": uniform,
        "state_key": options.state_keys[index],
        "state_version": at.learned.version,
        "state_age_seconds": at.learned.age(at.now),
    }
    return index, probabilities[index], record


def item_arm(slot: CompiledSlot, arm: Arm, strength: float) -> Arm:
    """
    An item's arm with how well it goes with the pinned one as its prior.

    Nothing else tells thousands of items apart before they have been shown.
    """
    rate = min(max(strength, _LEAST_RATE), 1.0 - _LEAST_RATE)
    bias = math.log(rate / (1.0 - rate)) if slot.model is LOGISTIC else rate
    return Arm(Prior(slot.prior.precision, bias), arm.sums)
