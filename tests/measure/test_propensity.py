"""What another way of choosing would have earned."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.measure.propensity import EFFECTIVE_MIN, OffPolicy, WeightedTotals, off_policy

DRAWN_FROM = {"plain": 0.7, "bold": 0.25, "odd": 0.05}
REWARDS = {"plain": 0.1, "bold": 0.3, "odd": 0.6}


def decision(creative: str, reward: float, instead: dict[str, float]) -> WeightedTotals:
    """Totals of one decision of a slot with three creatives."""
    return WeightedTotals.of_decision(creative, reward, drawn_from=DRAWN_FROM, instead=instead)


def log(size: int, instead: dict[str, float]) -> WeightedTotals:
    """Totals of decisions drawn as logged, with rewards of known means."""
    rng = np.random.default_rng(2)
    creatives = rng.choice(list(DRAWN_FROM), size, p=list(DRAWN_FROM.values()))
    return sum(
        (decision(one, float(rng.random() < REWARDS[one]), instead) for one in creatives),
        WeightedTotals(),
    )


@pytest.mark.parametrize(
    ("instead", "truth"),
    [
        pytest.param({"plain": 1.0}, 0.1, id="the-frequent-one"),
        pytest.param({"odd": 1.0}, 0.6, id="the-rare-one"),
        pytest.param({"plain": 0.5, "odd": 0.5}, 0.35, id="a-mixture"),
        pytest.param(DRAWN_FROM, 0.175, id="as-it-was"),
    ],
)
def test_both_means_find_the_truth(instead: dict[str, float], truth: float) -> None:
    """Of 20,000 decisions the weighted means come near what the other way earns (M9)."""
    estimate = off_policy(log(20_000, instead))
    assert estimate.refused is None
    assert estimate.mean == pytest.approx(truth, abs=0.05)
    assert estimate.self_normalised == pytest.approx(truth, abs=0.05)


def test_the_same_way_is_the_plain_mean() -> None:
    """Every decision weighs one, and the effective sample size is their number."""
    totals = decision("plain", 1.0, DRAWN_FROM) + decision("odd", 0.0, DRAWN_FROM)
    assert totals == WeightedTotals(decisions=2, weight=2, weight_squares=2, reward=1)
    assert totals.effective == 2.0


@given(st.lists(st.tuples(st.sampled_from(sorted(DRAWN_FROM)), st.integers(0, 5))))
def test_totals_add_in_any_order(decisions: list[tuple[str, int]]) -> None:
    """Sums forwards and backwards agree."""
    each = [decision(creative, reward, {"bold": 1.0}) for creative, reward in decisions]
    assert sum(each, WeightedTotals()) == sum(reversed(each), WeightedTotals())


def test_only_the_self_normalised_mean_stays_within_the_rewards() -> None:
    """Where a rare creative was drawn more often than its share, the plain mean overshoots."""
    estimate = off_policy(sum([decision("bold", 1.0, {"bold": 1.0})] * 200, WeightedTotals()))
    assert estimate.mean == pytest.approx(4.0)
    assert estimate.self_normalised == pytest.approx(1.0)


@pytest.mark.parametrize("decisions", [0, 1, 99])
def test_too_few_decisions_are_refused(decisions: int) -> None:
    """An effective sample size under 100 has no mean, and the reason says so (M12)."""
    refused = off_policy(sum([decision("bold", 1.0, {"bold": 1.0})] * decisions, WeightedTotals()))
    assert refused == OffPolicy(
        effective=pytest.approx(decisions),
        refused=f"effective sample size {decisions:.1f} is under 100: "
        "collect more decisions, or compare a way closer to the one that drew",
    )


def test_unequal_weights_make_fewer_effective_decisions() -> None:
    """A thousand decisions of which a rare few carry the weight are refused (M12)."""
    totals = log(1_000, {"odd": 1.0})
    assert totals.effective < EFFECTIVE_MIN < totals.decisions
    assert off_policy(totals).mean is None


def test_what_was_never_drawn_is_refused() -> None:
    """One decision that could not draw what the other way takes forfeits the answer (M12)."""
    covered = log(20_000, {"plain": 1.0})
    uncovered = decision("plain", 1.0, {"plain": 0.5, "new": 0.5})
    assert off_policy(covered).refused is None
    refused = off_policy(covered + uncovered)
    assert (refused.mean, refused.self_normalised) == (None, None)
    assert "no overlap: 1 of 20001 decisions" in refused.refused
