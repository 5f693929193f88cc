"""Whether the arms have the sizes they should have."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from clew.measure.sample_ratio import TRUST_MIN, chi_square_p, sample_ratio, sequential_p

SHARES = {"holdout": 0.1, "treated": 0.9}


def test_chi_square_has_the_published_number() -> None:
    """1000 against 1200 at equal shares is what gbstats says."""
    assert chi_square_p([1000, 1200], [0.5, 0.5]) == pytest.approx(0.000020079, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 9)), min_size=1, max_size=9))
def test_chi_square_has_its_degrees_of_freedom(arms: list[tuple[int, int]]) -> None:
    """For any number of arms it is the tail of the chi-square distribution with one less."""
    counts = [count for count, _ in arms]
    shares = [weight / sum(weight for _, weight in arms) for _, weight in arms]
    expected = [sum(counts) * share for share in shares]
    squares = sum((c - e) ** 2 / e for c, e in zip(counts, expected, strict=True) if e)
    tail = stats.chi2.sf(squares, len(arms) - 1) if len(arms) > 1 else 1.0
    assert chi_square_p(counts, shares) == pytest.approx(tail, rel=1e-7, abs=1e-12)


@given(st.lists(st.integers(0, 400), min_size=2, max_size=5))
def test_the_mixture_is_that_of_dirichlet_multinomials(counts: list[int]) -> None:
    """The p-value is the ratio of the two probabilities of the counts, at most 1 (M8)."""
    shares = [1 / len(counts)] * len(counts)
    subjects = sum(counts)
    null = stats.multinomial.logpmf(counts, subjects, shares)
    mixture = stats.dirichlet_multinomial.logpmf(counts, np.array(shares) * 1000, subjects)
    assert sequential_p(counts, shares) == pytest.approx(min(1.0, np.exp(null - mixture)), rel=1e-6)


def looks(share: float, rng: np.random.Generator) -> np.ndarray:
    """Held-out subjects of 40,000 at 50 looks."""
    return np.cumsum(rng.binomial(800, share, 50))


def ever_below(threshold: float, share: float) -> float:
    """Share of experiments in which somebody who looks 50 times sees less than a threshold."""
    rng = np.random.default_rng(11)
    return np.mean(
        [
            min(
                sequential_p([held, 800 * look - held], [0.1, 0.9])
                for look, held in enumerate(looks(share, rng), start=1)
            )
            < threshold
            for _ in range(400)
        ]
    )


def test_a_right_ratio_is_seldom_doubted_at_any_look() -> None:
    """With the declared share at most 5 % of experiments ever fall below .05 (M8)."""
    assert ever_below(0.05, share=0.1) <= 0.05


def test_a_wrong_ratio_is_found() -> None:
    """A holdout of 11 % instead of 10 % does not stay trustworthy over 40,000 subjects (M8)."""
    assert ever_below(TRUST_MIN, share=0.11) >= 0.95


@pytest.mark.parametrize(
    ("observed", "trustworthy"),
    [
        pytest.param({"holdout": 1000, "treated": 9000}, True, id="exact"),
        pytest.param({"holdout": 1060, "treated": 8940}, True, id="chance"),
        pytest.param({"holdout": 1200, "treated": 8800}, False, id="too-many-held-out"),
        pytest.param({"treated": 9000}, False, id="no-holdout-at-all"),
        pytest.param({}, True, id="nobody-yet"),
    ],
)
def test_trust_ends_below_a_thousandth(observed: dict[str, int], *, trustworthy: bool) -> None:
    """The verdict states the counts of all arms and what was expected of them (M8)."""
    ratio = sample_ratio(observed, SHARES)
    assert ratio.trustworthy == trustworthy == (ratio.p >= TRUST_MIN)
    assert ratio.expected == SHARES
    assert ratio.observed == {"holdout": 0, "treated": 0} | observed


def test_the_order_of_the_arms_does_not_matter() -> None:
    """Arms are matched by name."""
    turned = sample_ratio({"treated": 8800, "holdout": 1200}, {"treated": 0.9, "holdout": 0.1})
    assert turned.p == pytest.approx(sample_ratio({"holdout": 1200, "treated": 8800}, SHARES).p)


@pytest.mark.parametrize(
    ("observed", "expected", "message"),
    [
        pytest.param({"other": 1}, SHARES, "no expected share for other", id="unknown-arm"),
        pytest.param({}, {"a": 0.5, "b": 0.6}, "sum of 1", id="more-than-all"),
        pytest.param({}, {"a": 0.0, "b": 1.0}, "above 0", id="empty-arm"),
    ],
)
def test_shares_that_fit_no_count_are_refused(
    observed: dict[str, int], expected: dict[str, float], message: str
) -> None:
    """The message says what is wrong with them."""
    with pytest.raises(ValueError, match=message):
        sample_ratio(observed, expected)
