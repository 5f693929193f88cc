"""
What a creative's arm learns: a Bayesian regression of the reward on the features, by adding.

The state of an arm is the sum of the deltas it was given, in natural parameters (per feature a
precision, and eta = precision · mean), upon a prior. Sums commute: deltas may come late, in any
order and from any machine, and a store needs to know only how to add numbers to names
(`p:<feature>`, `e:<feature>`).

A decision teaches in two halves, each with the x, m and p recorded at its draw:

- when it is first counted, reward zero is assumed:  p += w·x²,  e += w·m·x² − p·x;
- when it converts, the reward is put in its place:  e += r·x  (a reversal takes it back).

Together they are one step of the online update `m' = m + (r − p)·x / precision'`, so nothing is
left to do when a window closes, and a conversion that never comes was learned from already.

Source: the step is the diagonal Laplace update of Bayesian logistic regression (Chapelle and Li,
"An Empirical Evaluation of Thompson Sampling", NIPS 2011, Algorithm 3), one Newton step per event.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from operator import mul
from typing import TypeAlias

from attrs import define, field, frozen

from clew.engine.features import BIAS

__all__ = [
    "LINEAR",
    "LOGISTIC",
    "Arm",
    "Delta",
    "Model",
    "Prior",
    "Term",
    "converted",
    "reward",
]

#: What to add to an arm, by name: `p:<feature>` for precision, `e:<feature>` for eta.
Delta: TypeAlias = dict[str, float]


@frozen
class Prior:
    """What is believed of an arm that has learned nothing: every mean is 0 but the bias's."""

    #: Of every feature, above 0: how much information weighs as much as the belief. The model takes
    #: each feature as if it explained the reward alone, so n features that go together step n times
    #: too far at first; 3 damps this (1 can lock a kind of visitor on the second best for long).
    precision: float = 3.0
    #: Mean of the bias: a logit for the logistic model, a reward for the linear one.
    bias: float = -1.0

    @classmethod
    def of_rate(cls, rate: float) -> "Prior":
        """The logistic prior that expects the conversion rate `rate`, in (0, 1)."""
        return cls(bias=math.log(rate / (1.0 - rate)))


class _Means(dict[str, float]):
    """Means by feature; 0 for a feature that was never met, without storing it."""

    def __missing__(self, feature: str) -> float:
        return 0.0


@define
class Arm:
    """
    One creative's learned state and the mean it gives.

    The mean is kept beside the sums, so that deciding only looks up and multiplies. Adding is not
    atomic: one writer at a time. Reading meanwhile is safe.
    """

    prior: Prior = Prior()
    #: All that was added so far, as a store holds it.
    sums: Delta = field(factory=dict)
    #: The posterior mean by feature; subscribing gives 0 for a feature never met.
    mean: dict[str, float] = field(init=False, factory=_Means)

    def __attrs_post_init__(self) -> None:
        self.mean[BIAS] = self.prior.bias
        self._refresh(self.sums)

    def add(self, delta: Mapping[str, float]) -> None:
        """Learn: add a delta, or the sums that another process made."""
        for name, amount in delta.items():
            self.sums[name] = self.sums.get(name, 0.0) + amount
        self._refresh(delta)

    def mean_at(self, x: Mapping[str, float]) -> dict[str, float]:
        """The m of a decision's record: the mean at the features of x."""
        return {name: self.mean[name] for name in x}

    def _refresh(self, names: Mapping[str, float]) -> None:
        prior = self.prior
        for feature in {name[2:] for name in names}:
            believed = prior.precision * prior.bias if feature == BIAS else 0.0
            eta = believed + self.sums.get(f"e:{feature}", 0.0)
            self.mean[feature] = eta / (prior.precision + self.sums.get(f"p:{feature}", 0.0))


@frozen
class Model:
    """How a score becomes an expected reward, and how much a decision at that reward tells."""

    #: Part of the digest that names comparable state.
    name: str
    _link: Callable[[float], float]
    _weight: Callable[[float], float]

    def predict(self, mean: Mapping[str, float], x: Mapping[str, float]) -> float:
        """
        The p of a decision: the expected reward of x under an arm's `mean`, or a record's m.

        The sum is exactly rounded: the same bits in any order and on every Python.
        """
        return self._link(math.fsum(map(mul, x.values(), map(mean.__getitem__, x))))

    def scores(self, arms: Sequence[Arm], x: Mapping[str, float]) -> list[float]:
        """Predict for several arms at once, each as `predict` does."""
        link, fsum, values = self._link, math.fsum, tuple(x.values())
        return [link(fsum(map(mul, values, map(arm.mean.__getitem__, x)))) for arm in arms]

    def counted(self, m: Mapping[str, float], p: float, x: Mapping[str, float]) -> Delta:
        """The delta of a decision's first counted event; m, p and x as recorded at its draw."""
        weight = self._weight(p)
        delta = {}
        for name, value in x.items():
            information = weight * value * value
            delta[f"p:{name}"] = information
            delta[f"e:{name}"] = information * m[name] - p * value
        return delta


def converted(x: Mapping[str, float], reward: float = 1.0) -> Delta:
    """The delta of an outcome that earned `reward`; 1 for the first conversion of a decision."""
    return {f"e:{name}": reward * value for name, value in x.items()}


def _sigmoid(z: float) -> float:
    # Two forms, so that neither exponential overflows.
    if z >= 0.0:
        return 1.0 / (1.0 + math.exp(-z))
    odds = math.exp(z)
    return odds / (1.0 + odds)


#: For one objective that is reached or not: p is a probability.
LOGISTIC = Model("logistic", link=_sigmoid, weight=lambda p: p * (1.0 - p))
#: For valued or composite rewards: p is the expected reward itself.
LINEAR = Model("linear", link=lambda z: z, weight=lambda _: 1.0)


@frozen
class Term:
    """One objective's part in a valued reward."""

    weight: float
    value_min: float
    value_max: float
    #: The value that counts as 1, above 0, in the objective's unit.
    scale: float

    def clips(self, value: float) -> bool:
        """Whether a value lies outside the declared range; such values are counted."""
        return not self.value_min <= value <= self.value_max

    def of(self, value: float) -> float:
        """The reward of one outcome's value: weight · clip(value) / scale."""
        return self.weight * min(max(value, self.value_min), self.value_max) / self.scale


def reward(values: Mapping[str, float], terms: Mapping[str, Term]) -> float:
    """
    The reward of an outcome: the sum over its objectives of weight · clip(value) / scale.

    Args:
        values: the outcome's value by objective id.
        terms: by objective id, at least those of `values`.
    """
    return math.fsum([terms[objective].of(value) for objective, value in values.items()])
