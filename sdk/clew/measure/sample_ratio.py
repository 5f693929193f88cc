"""
Whether the arms have the sizes they were given (RULES M8).

Where they have not, something removes or adds subjects in one arm, and every comparison between the
arms is worth nothing. The display rate is tested by the same means: the subjects who were displayed
something divide as the triggered ones do.
"""

import math
from collections.abc import Mapping, Sequence

from clew.model.measurement import SampleRatio

__all__ = ["TRUST_MIN", "chi_square_p", "sample_ratio", "sequential_p"]

#: A sequential p-value below this withholds the lift (RULES M8).
TRUST_MIN = 0.001

#: Subjects' worth of belief in the declared shares. The alternative then puts a holdout of .1 at
#: .1 +- .0095 (standard deviation), and the test is most sensitive around 16,000 subjects.
CONCENTRATION = 1_000.0


def sample_ratio(observed: Mapping[str, int], expected: Mapping[str, float]) -> SampleRatio:
    """
    Test the arms' counts at any look.

    Args:
        observed: subjects by arm; an arm that is absent has none.
        expected: share by arm, each above 0, together 1.

    Raises:
        ValueError: an arm has no expected share, or the shares are no distribution.
    """
    if unknown := sorted(observed.keys() - expected.keys()):
        raise ValueError(f"no expected share for {', '.join(unknown)}: give every arm its share")
    counts = [observed.get(arm, 0) for arm in expected]
    p = sequential_p(counts, list(expected.values()))
    return SampleRatio(
        expected=dict(expected),
        observed=dict(zip(expected, counts, strict=True)),
        p=p,
        trustworthy=p >= TRUST_MIN,
    )


def sequential_p(counts: Sequence[int], shares: Sequence[float]) -> float:
    """
    Anytime-valid p-value of the counts under the shares.

    It is the inverse of a Bayes factor, a Dirichlet mixture of multinomials against the declared
    one. That factor is a martingale which begins at 1, so it reaches 1 / a ever with probability at
    most a (Ville), and the value of each look is valid by itself: no running minimum is needed.

    Source: Lindon and Malek 2022, "Anytime-valid inference for multinomial count data", NeurIPS.
    """
    _check(shares)
    strengths = [CONCENTRATION * share for share in shares]
    log_factor = math.lgamma(CONCENTRATION) - math.lgamma(CONCENTRATION + sum(counts))
    for count, share, strength in zip(counts, shares, strengths, strict=True):
        log_factor += math.lgamma(strength + count) - math.lgamma(strength)
        log_factor -= count * math.log(share)
    return math.exp(-max(0.0, log_factor))


def chi_square_p(counts: Sequence[int], shares: Sequence[float]) -> float:
    """
    Pearson's goodness of fit: for one look at a size fixed before, and to compare with other tools.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.4.4 (odd degrees of
    freedom) and 26.4.5 (even ones): finite sums, as the degrees of freedom are whole.
    """
    _check(shares)
    subjects = sum(counts)
    expected = [subjects * share for share in shares]
    if list(counts) == expected:
        return 1.0
    half = 0.5 * sum((count - e) ** 2 / e for count, e in zip(counts, expected, strict=True))
    pairs, odd = divmod(len(counts) - 1, 2)
    tail = math.erfc(math.sqrt(half)) if odd else 0.0
    powers = [step + odd / 2 for step in range(pairs)]
    return tail + sum(
        math.exp(power * math.log(half) - half - math.lgamma(power + 1.0)) for power in powers
    )


def _check(shares: Sequence[float]) -> None:
    """Refuse shares that are no distribution."""
    if min(shares) <= 0.0 or not math.isclose(sum(shares), 1.0, rel_tol=1e-9):
        raise ValueError(f"shares {list(shares)} are not all above 0 with a sum of 1: correct them")
