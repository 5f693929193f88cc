"""
Intervals that hold at every look at once, so that one may look whenever one likes.

A fixed-sample interval is wrong for somebody who watches the numbers come in: in 100 looks it
excludes the truth in about a third of all experiments without an effect. The price of the freedom
to look is width: these intervals are 1.5 to 1.7 times as wide as one made for a single look.

Sources: Howard, Ramdas, McAuliffe and Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic
confidence sequences", Annals of Statistics 49(2) (the two-sided normal mixture); Waudby-Smith,
Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences", arXiv 2103.06476, equation 9 (its use for any mean, with the variance estimated).
"""

import math

from attrs import field, frozen, validators

from clew.model.measurement import Effect

__all__ = ["NormalMixture"]

_probability = validators.and_(validators.gt(0.0), validators.lt(1.0))


@frozen
class NormalMixture:
    """
    A two-sided boundary which a centred sum crosses with probability at most `alpha`, ever.

    The time of the sum is its variance. `rho`, in the same unit, says where the boundary is tight:
    it is the precision of the normal distribution over effects that the test is averaged with.
    """

    alpha: float = field(validator=_probability)
    rho: float = field(validator=validators.gt(0.0))

    @classmethod
    def tightest_at(cls, time: float, alpha: float) -> "NormalMixture":
        """Choose `rho` so that the boundary is tightest, for its size, at a time greater than 0."""
        chances = -2.0 * math.log(alpha)
        return cls(alpha, time / (chances + math.log1p(chances)))

    def bound(self, time: float) -> float:
        """How far from zero the sum may be at a time."""
        spread = time + self.rho
        return math.sqrt(spread * (math.log(spread / self.rho) - 2.0 * math.log(self.alpha)))

    def log_mixture(self, deviation: float, time: float) -> float:
        """Log evidence against zero; without an effect its exponential is a martingale from 1."""
        spread = time + self.rho
        return (math.log(self.rho / spread) + deviation * deviation / spread) / 2.0

    def effect(self, estimate: float, variance: float, subjects: float) -> Effect:
        """
        Put the interval around an estimate, and the p-value that agrees with it.

        The p-value is below `alpha` exactly where the interval excludes zero. It is the evidence of
        this look alone: it may rise again, and Ville's inequality makes the running minimum of all
        looks valid too, but nothing is gained in honesty by remembering it.

        Args:
            estimate: any mean or difference of means.
            variance: of the estimate (its squared standard error), > 0.
            subjects: how many independent subjects it rests on, > 0.
        """
        error = math.sqrt(variance)
        # The sum of `subjects` observations of unit variance has run for `subjects` units of time.
        half_width = error * self.bound(subjects) / math.sqrt(subjects)
        evidence = self.log_mixture(estimate / error * math.sqrt(subjects), subjects)
        return Effect(
            estimate=estimate,
            lower=estimate - half_width,
            upper=estimate + half_width,
            p=math.exp(-max(0.0, evidence)),
        )
