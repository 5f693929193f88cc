"""Probabilities add up, keep their floor, and draws follow them."""

import math
import random
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clew.engine.explore import draw, floors, sharpness, square_cb
from clew.model.policy import Exploration

DECLARED = Exploration()

scores = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)
gammas = st.floats(0, 1e9)
displays = st.integers(0, 400)


@given(scores, gammas, st.data())
@example([0.0], 30.0, None)
@example([0.5, 0.5, 0.5], 30.0, None)
@example([1e6, -1e6], 1e9, None)
def test_probabilities_add_up_and_keep_their_floor(values, gamma, data):
    """They sum to one and none is below its floor: ties, huge gaps, a lone candidate (L3)."""
    k = len(values)
    shown = data.draw(st.lists(displays, min_size=k, max_size=k)) if data else [0] * k
    floor = floors(DECLARED, shown)
    probabilities = square_cb(values, gamma=gamma, floor=floor)
    assert math.fsum(probabilities) == pytest.approx(1.0, abs=1e-12)
    for probability, least in zip(probabilities, floor, strict=True):
        assert probability >= least - 1e-12


@given(scores, gammas)
def test_better_scores_are_likelier(values, gamma):
    """With even floors a higher score never has a lower probability."""
    probabilities = square_cb(values, gamma=gamma, floor=floors(DECLARED, [999] * len(values)))
    ranked = sorted(zip(values, probabilities, strict=True))
    for (_, lower), (_, upper) in pairwise(ranked):
        assert lower <= upper + 1e-12


def test_gaps_weigh_inversely():
    """The weights are those of the paper: 1 / (k + gamma · gap), and the rest to the best."""
    probabilities = square_cb([0.1, 0.3, 0.2], gamma=10.0, floor=(0.0, 0.0, 0.0))
    assert probabilities == pytest.approx((1 / 5, 1 - 1 / 5 - 1 / 4, 1 / 4))


@pytest.mark.parametrize(
    ("values", "probabilities"),
    [
        pytest.param([0.4], (1.0,), id="a lone candidate"),
        pytest.param([0.4, 0.4], (0.5, 0.5), id="a tie"),
        pytest.param([0.0, 1e300], (0.005, 0.995), id="a huge gap leaves the floor"),
    ],
)
def test_edges_are_exact(values, probabilities):
    """A lone candidate is certain, ties are even, and what is hopeless keeps the floor (L3)."""
    floor = floors(DECLARED, [999] * len(values))
    assert square_cb(values, gamma=1e6, floor=floor) == pytest.approx(probabilities)


def test_floors_are_one_per_score():
    """A floor too many is a mistake, not something to cut off."""
    with pytest.raises(ValueError, match="longer"):
        square_cb([0.1, 0.2], gamma=1.0, floor=(0.0, 0.0, 0.0))


def test_new_creatives_have_a_higher_floor():
    """A creative's first 200 displays have the floor 0.5 / k, the others the declared one (L3)."""
    assert floors(DECLARED, [0, 199, 200, 5_000]) == (0.125, 0.125, 0.0025, 0.0025)


def test_floors_are_declared():
    """A slot may declare its floors and how long a creative is new (L3)."""
    declared = Exploration(floor=0.2, new_floor=0.6, new_displays=50)
    assert floors(declared, [49, 50]) == (0.3, 0.1)


def test_declared_floors_above_that_of_new_creatives_hold():
    """Being new never lowers a floor."""
    assert floors(Exploration(floor=0.8), [0, 200]) == (0.4, 0.4)


def test_sharpness_grows_with_the_root():
    """Nothing learned means an even draw; sharpness grows as the root of the decisions (L3)."""
    assert [sharpness(30.0, t) for t in (0, 1, 4, 100)] == [0.0, 30.0, 60.0, 300.0]
    assert square_cb([0.9, 0.1], gamma=sharpness(30.0, 0), floor=(0.0, 0.0)) == (0.5, 0.5)


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=12).filter(any),
    st.floats(0, 1, exclude_max=True),
)
@example([1] * 10, math.nextafter(1.0, 0.0))
@example([1] * 10 + [0], math.nextafter(1.0, 0.0))
@example([0, 1], 0.0)
def test_impossible_candidates_are_never_drawn(weights, u):
    """A draw never returns a candidate of probability zero, not at the rounding edge either."""
    assert weights[draw([weight / sum(weights) for weight in weights], u)] > 0


def test_nothing_to_draw_is_refused():
    """Probabilities that are all zero are an error of the caller."""
    with pytest.raises(ValueError, match="no candidate has a positive probability"):
        draw([0.0, 0.0], 0.5)


def g_statistic(counts, probabilities):
    """Twice the log-likelihood ratio of counts against probabilities."""
    n = sum(counts.values())
    return 2.0 * math.fsum(
        counts[index] * math.log(counts[index] / (n * probability))
        for index, probability in enumerate(probabilities)
        if counts[index]
    )


# The upper 0.1 % point of chi-square with 4 degrees of freedom.
CRITICAL = 18.467


@pytest.mark.parametrize("seed", range(3))
def test_draws_follow_the_probabilities(seed):
    """Over 100,000 draws at frozen scores the frequencies are the stated ones, by a G-test (L3)."""
    dice = random.Random(seed)
    values = [dice.random() for _ in range(5)]
    probabilities = square_cb(values, gamma=20.0, floor=floors(DECLARED, [0, 999, 999, 0, 999]))
    counts = Counter(draw(probabilities, dice.random()) for _ in range(100_000))
    assert g_statistic(counts, probabilities) < CRITICAL
    misstated = square_cb(values, gamma=24.0, floor=floors(DECLARED, [0, 999, 999, 0, 999]))
    assert g_statistic(counts, misstated) > CRITICAL
