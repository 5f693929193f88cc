"""Arms learn by adding, in any order, and it is the online update of the textbook."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.engine.learn import (
    LINEAR,
    LOGISTIC,
    Arm,
    Prior,
    Term,
    converted,
    reward,
)

NAMES = ("1", "context.channel=web", "computed.views_30d")

vectors = st.fixed_dictionaries({name: st.floats(-3, 3) for name in NAMES})
events = st.lists(st.tuples(vectors, st.booleans()), max_size=12)
models = pytest.mark.parametrize("model", [LOGISTIC, LINEAR], ids=lambda model: model.name)


def online_update(model, means, precisions, x, outcome):
    """One step of online Bayesian regression in the form of means, diagonal, in place."""
    score = sum(means[name] * x[name] for name in x)
    p = 1.0 / (1.0 + math.exp(-score)) if model is LOGISTIC else score
    curvature = p * (1.0 - p) if model is LOGISTIC else 1.0
    for name, value in x.items():
        precisions[name] += curvature * value**2
        means[name] += (outcome - p) * value / precisions[name]


def decide(model, arm, x):
    """What a record keeps of a draw: m, p and x."""
    return arm.mean_at(x), model.predict(arm.mean, x), x


@models
def test_two_halves_are_the_online_update(model):
    """Counting and then converting is the online regression step, decision by decision (L2)."""
    dice = random.Random(5)
    prior = Prior(precision=2.0, bias=-0.5)
    arm = Arm(prior)
    means = {name: prior.bias if name == "1" else 0.0 for name in NAMES}
    precisions = dict.fromkeys(NAMES, prior.precision)
    for _ in range(500):
        x = {"1": 1.0, NAMES[1]: float(dice.random() < 0.5), NAMES[2]: dice.uniform(-1, 1)}
        outcome = float(dice.random() < 0.3)
        arm.add(model.counted(*decide(model, arm, x)))
        if outcome:
            arm.add(converted(x))
        online_update(model, means, precisions, x, outcome)
        assert arm.mean_at(x) == pytest.approx({name: means[name] for name in x})


@models
@given(events, st.randoms(use_true_random=False))
def test_order_and_delay_do_not_matter(model, history, dice):
    """The same recorded deltas in any order, however late, leave the same mean (L2)."""
    arm = Arm()
    deltas = []
    for x, is_converted in history:
        deltas.append(model.counted(*decide(model, arm, x)))
        arm.add(deltas[-1])
        if is_converted:
            deltas.append(converted(x))
    late, shuffled = Arm(), Arm()
    for delta in deltas:
        late.add(delta)
    dice.shuffle(deltas)
    for delta in deltas:
        shuffled.add(delta)
    assert shuffled.mean == pytest.approx(late.mean, rel=1e-6, abs=1e-9)


@given(events, st.integers(0, 12))
def test_sums_of_two_machines_add_up(history, cut):
    """What two processes learned apart, added, is what one learned from both (L2)."""
    deltas = [LOGISTIC.counted(*decide(LOGISTIC, Arm(), x)) for x, _ in history]
    one, here, there = Arm(), Arm(), Arm()
    for index, delta in enumerate(deltas):
        one.add(delta)
        (here if index < cut else there).add(delta)
    here.add(there.sums)
    assert here.mean == pytest.approx(one.mean, rel=1e-6, abs=1e-9)


@given(events)
def test_stored_sums_restore_the_arm(history):
    """An arm made of the sums that a store kept is the arm that kept them, to the bit."""
    arm = Arm()
    for x, _ in history:
        arm.add(LOGISTIC.counted(*decide(LOGISTIC, arm, x)))
    assert Arm(sums=dict(arm.sums)).mean == arm.mean


def test_displays_alone_lower_the_expectation():
    """A decision that never converts was learned from when it was counted, not at a close (L2)."""
    arm, x = Arm(), {"1": 1.0}
    before = LOGISTIC.predict(arm.mean, x)
    arm.add(LOGISTIC.counted(*decide(LOGISTIC, arm, x)))
    between = LOGISTIC.predict(arm.mean, x)
    arm.add(converted(x))
    assert between < before < LOGISTIC.predict(arm.mean, x)


def test_predictions_follow_from_the_record():
    """The mean at the features of x predicts what the whole mean does, features unmet too (D7)."""
    arm = Arm(sums={"p:1": 2.0, "e:1": 0.5, "p:other": 1.0, "e:other": 4.0})
    x = {"1": 1.0, "unmet": 2.0}
    m, p, _ = decide(LOGISTIC, arm, x)
    assert m.keys() == x.keys()
    assert LOGISTIC.predict(m, x) == p
    assert "unmet" not in arm.mean


@given(st.permutations(range(8)))
def test_predictions_do_not_depend_on_order(order):
    """The same features in another order predict the same, to the bit."""
    mean = {f"f{number}": 0.1 * 3.0**number for number in range(8)}
    x = {f"f{number}": (-1.0) ** number / 7.0 for number in range(8)}
    assert LINEAR.predict(mean, {f"f{number}": x[f"f{number}"] for number in order}) == (
        LINEAR.predict(mean, x)
    )


@pytest.mark.parametrize(
    ("logit", "probability"),
    [(0.0, 0.5), (-1.0, 1 / (1 + math.e)), (1e4, 1.0), (-1e4, 0.0)],
)
def test_logits_become_probabilities(logit, probability):
    """The logistic model predicts a probability, at any logit without overflow."""
    assert LOGISTIC.predict({"1": logit}, {"1": 1.0}) == pytest.approx(probability)


def test_linear_arms_learn_the_mean_reward():
    """With the bias alone, the linear model's mean is the average of rewards and prior (L2)."""
    rewards = [0.2, 0.9, 0.4, 0.0, 0.7]
    arm, x = Arm(Prior(precision=1.0, bias=0.0)), {"1": 1.0}
    for earned in rewards:
        arm.add(LINEAR.counted(*decide(LINEAR, arm, x)))
        arm.add(converted(x, earned))
    assert arm.mean["1"] == pytest.approx(sum(rewards) / (len(rewards) + 1))


@pytest.mark.parametrize("rate", [0.01, 0.3, 0.99])
def test_priors_of_a_rate_predict_it(rate):
    """An arm that knows nothing expects the base rate it was given."""
    assert LOGISTIC.predict(Arm(Prior.of_rate(rate)).mean, {"1": 1.0}) == pytest.approx(rate)


TERMS = {
    "orders": Term(weight=0.75, value_min=0.0, value_max=500.0, scale=100.0),
    "returns": Term(weight=-0.5, value_min=0.0, value_max=50.0, scale=50.0),
}


@pytest.mark.parametrize(
    ("values", "earned"),
    [
        pytest.param({"orders": 20.0}, 0.15, id="weighted and scaled"),
        pytest.param({"orders": 9_999.0}, 3.75, id="clipped above"),
        pytest.param({"orders": -3.0}, 0.0, id="clipped below"),
        pytest.param({"orders": 100.0, "returns": 80.0}, 0.25, id="composite"),
        pytest.param({}, 0.0, id="nothing"),
    ],
)
def test_rewards_are_clipped_weighted_and_scaled(values, earned):
    """A reward is the sum of weight times clipped value over scale (L5)."""
    assert reward(values, TERMS) == pytest.approx(earned)


@pytest.mark.parametrize(
    ("value", "clips"), [(-0.01, True), (0.0, False), (500.0, False), (500.01, True)]
)
def test_clipped_values_are_recognised(value, clips):
    """Values outside the declared range are told apart, so that they can be counted (L5)."""
    assert TERMS["orders"].clips(value) is clips
