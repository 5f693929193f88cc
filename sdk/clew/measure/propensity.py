"""
What another way of choosing would have earned, from decisions drawn with known probabilities.

A decision counts by how much likelier the other way was to take the creative that was drawn. The
answer is refused, with the reason, where the record cannot carry it (RULES M12). One creative is
the other way which always takes it (RULES M9). These are descriptions and carry no test.

Sources: Horvitz and Thompson 1952, JASA 47(260) (the weighted mean); Hájek 1971, in "Foundations
of statistical inference" (self-normalised); Kish 1965, "Survey sampling" (effective sample size).
"""

from collections.abc import Mapping

from attrs import asdict, frozen

__all__ = ["EFFECTIVE_MIN", "OffPolicy", "WeightedTotals", "off_policy"]

#: Effective sample size below which there is no answer (RULES M12).
EFFECTIVE_MIN = 100.0


@frozen(kw_only=True)
class WeightedTotals:
    """Sums over decisions; those of days or machines are added with `+`."""

    decisions: int = 0
    #: Decisions in which the other way might take a creative that was never drawn.
    uncovered: int = 0
    weight: float = 0.0
    weight_squares: float = 0.0
    #: Of weight times reward.
    reward: float = 0.0

    @classmethod
    def of_decision(
        cls,
        creative: str,
        reward: float,
        *,
        drawn_from: Mapping[str, float],
        instead: Mapping[str, float],
    ) -> "WeightedTotals":
        """
        Totals of one decision.

        Args:
            creative: the one that was drawn; `drawn_from` has it, above 0.
            reward: what came of it.
            drawn_from: probability by creative that was used for the draw.
            instead: probability by creative of the other way.
        """
        weight = instead.get(creative, 0.0) / drawn_from[creative]
        covered = all(drawn_from.get(one, 0.0) > 0.0 for one, p in instead.items() if p > 0.0)
        return cls(
            decisions=1,
            uncovered=int(not covered),
            weight=weight,
            weight_squares=weight * weight,
            reward=weight * reward,
        )

    def __add__(self, other: "WeightedTotals") -> "WeightedTotals":
        """Totals of the decisions of both."""
        mine, theirs = asdict(self), asdict(other)
        return WeightedTotals(**{name: mine[name] + theirs[name] for name in mine})

    @property
    def effective(self) -> float:
        """How many decisions of equal weight would tell as much."""
        return self.weight**2 / self.weight_squares if self.weight_squares else 0.0


@frozen(kw_only=True)
class OffPolicy:
    """Mean reward per decision of another way of choosing, or why it is not known."""

    #: Unbiased, and free to lie outside of the rewards' range.
    mean: float | None = None
    #: Within the rewards' range, of smaller variance, with a bias that vanishes.
    self_normalised: float | None = None
    effective: float
    #: Why there is no mean; None where there is one.
    refused: str | None = None


def off_policy(totals: WeightedTotals) -> OffPolicy:
    """Estimate, or refuse."""
    effective = totals.effective
    if totals.uncovered:
        return OffPolicy(
            effective=effective,
            refused=f"no overlap: {totals.uncovered} of {totals.decisions} decisions could not "
            "draw what the other way may take; compare where both could choose it",
        )
    if effective < EFFECTIVE_MIN:
        return OffPolicy(
            effective=effective,
            refused=f"effective sample size {effective:.1f} is under {EFFECTIVE_MIN:.0f}: "
            "collect more decisions, or compare a way closer to the one that drew",
        )
    return OffPolicy(
        mean=totals.reward / totals.decisions,
        self_normalised=totals.reward / totals.weight,
        effective=effective,
    )
