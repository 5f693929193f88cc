"""Several objectives at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.measure.several import guardrail, holm
from clew.model.measurement import Effect

p_values = st.dictionaries(st.text(max_size=3), st.floats(0, 1), max_size=8)


def relative(lower: float, upper: float) -> Effect:
    """An effect between two bounds."""
    return Effect(estimate=(lower + upper) / 2, lower=lower, upper=upper)


@pytest.mark.parametrize(
    ("given_p", "adjusted"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param({"a": 0.04}, {"a": 0.04}, id="one-is-not-adjusted"),
        pytest.param(
            {"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005},
            {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02},
            id="textbook",
        ),
        pytest.param({"a": 0.6, "b": 0.7}, {"a": 1.0, "b": 1.0}, id="at-most-one"),
    ],
)
def test_holm_adjusts_for_the_number(given_p: dict, adjusted: dict) -> None:
    """The smallest is multiplied by their number, the next by one less, and so on (M10)."""
    assert holm(given_p) == pytest.approx(adjusted)


@given(p_values)
def test_holm_keeps_the_order_and_lies_below_bonferroni(given_p: dict[str, float]) -> None:
    """Adjusted values rise with the given ones, from these up to their number times these (M10)."""
    adjusted = holm(given_p)
    assert list(adjusted) == list(given_p)
    for name, p in given_p.items():
        assert p <= adjusted[name] <= min(1.0, len(given_p) * p)
    ranked = sorted(given_p, key=given_p.__getitem__)
    assert [adjusted[name] for name in ranked] == sorted(adjusted.values())


@pytest.mark.parametrize(
    ("effect", "direction", "verdict"),
    [
        pytest.param(None, "up", "open", id="still-measuring"),
        pytest.param(relative(-0.01, 0.03), "up", "held", id="loss-within-bounds"),
        pytest.param(relative(-0.02, 0.03), "up", "held", id="loss-at-the-bound"),
        pytest.param(relative(-0.05, 0.03), "up", "open", id="may-be-either"),
        pytest.param(relative(-0.09, -0.03), "up", "breached", id="loss-beyond-bounds"),
        pytest.param(relative(-0.09, -0.03), "down", "held", id="a-fall-is-good"),
        pytest.param(relative(0.03, 0.09), "down", "breached", id="a-rise-is-bad"),
        pytest.param(relative(0.03, 0.09), "up", "held", id="a-rise-is-good"),
    ],
)
def test_a_guardrail_tolerates_its_drop(
    effect: Effect | None, direction: str, verdict: str
) -> None:
    """Its verdict waits until the whole interval lies on one side of the tolerated loss (M10)."""
    assert guardrail(effect, max_drop=0.02, direction=direction) == verdict
