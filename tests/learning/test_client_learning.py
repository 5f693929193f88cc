"""The loop learns through the public client, and its records prove how it drew."""

import random
from collections.abc import Iterator

import pytest

from clew import Client
from clew.backends import open_backend
from clew.engine.explore import draw, sharpness, square_cb
from clew.engine.learn import LINEAR, LOGISTIC
from clew.model.decision import Decision
from clew.policy import build_bundle, load_policy
from clew.testing import HandClock
from learning.environment import CREATIVES, Environment, Step, Visitor, play, share_of_oracle

FEATURES = ["context.kind", "context.weekday", "context.pages"]
MODELS = {model.name: model for model in (LOGISTIC, LINEAR)}

POLICY = {
    "id": "learning",
    "version": "1",
    "purposes": [{"id": "service", "basis": "legitimate_interests"}],
    "objectives": [{"id": "orders", "signal": "order_completed", "window_seconds": 86_400}],
    "slots": [
        {
            "id": "hero",
            "strategy": "bandit",
            "default": CREATIVES[0],
            "objective": "orders",
            "purpose": "service",
            "features": FEATURES,
            "sticky": "none",
            "counts_on": "displayed",
            "fields": {"headline": {"type": "text"}},
        }
    ],
    "creatives": [
        {"id": name, "version": "1", "slots": ["hero"], "content": {"en": {"headline": name}}}
        for name in CREATIVES
    ],
}


class Shop:
    """A player: the public client, with everything in memory and chance from a seed."""

    def __init__(self, seed: int) -> None:
        self.clock = HandClock()
        backend = open_backend(
            "memory://",
            policy=build_bundle(load_policy(POLICY)),
            clock=self.clock,
            uniform=random.Random(f"draws {seed}").random,
        )
        self.client = Client(backend=backend, clock=self.clock, durability="none")
        self.decisions: list[Decision] = []

    def show(self, visitor: Visitor) -> tuple[str, Decision]:
        self.clock.move(1)
        decision = self.client.decide("hero", subject=visitor.subject, context=visitor.context)
        self.client.report(decision, "displayed")
        self.decisions.append(decision)
        return decision.creative or "", decision

    def convert(self, ticket: Decision) -> None:
        self.client.emit("order_completed", subject=ticket.subject or "")


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A shop that nobody has visited."""
    shop = Shop(0)
    yield shop
    shop.client.close()


def run(seed: int, decisions: int) -> list[Step]:
    """Play one world through a client of its own."""
    shop = Shop(seed)
    try:
        return play(Environment(seed), shop, decisions)
    finally:
        assert shop.client.close() == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_the_client_comes_near_the_oracle(seed):
    """Decisions 15,001 to 20,000 earn at least 95 % of the oracle's reward (L2, L3, C44)."""
    assert share_of_oracle(run(seed, 20_000)[15_000:]) >= 0.95


def test_the_client_learns():
    """After 3,000 visits the last 1,000 earn more than any fixed creative would (C44)."""
    steps = run(0, 4_000)
    assert share_of_oracle(steps[3_000:]) > max(0.85, Environment(0).best_fixed_share())


def test_draws_follow_from_the_stored_records(shop):
    """Draw and propensity recomputed from what is stored are the logged ones to the bit (D7)."""
    play(Environment(0), shop, 600)
    assert shop.client.flush() == 0
    for made in shop.decisions:
        stored = shop.client._core.backend.decision(made.id)
        (drawn,) = stored.draws
        names = [one.creative for one in drawn.candidates]
        probabilities = square_cb(
            [one.score for one in drawn.candidates],
            gamma=sharpness(drawn.gamma, drawn.rounds),
            floor=drawn.floors,
        )
        index = draw(probabilities, drawn.uniform)
        assert names[index] == stored.creative == made.creative
        assert probabilities[index] == stored.propensity == made.propensity
        assert list(probabilities) == [one.probability for one in drawn.candidates]
        assert MODELS[drawn.model].predict(drawn.means, drawn.features) == drawn.predicted
        assert drawn.predicted == drawn.candidates[index].score


def test_the_same_chance_draws_the_same(shop):
    """Two clients with one chance and one story decide alike, up to the order of additions."""
    other = Shop(0)
    for player in (shop, other):
        play(Environment(3), player, 400)
    assert [one.creative for one in shop.decisions] == [one.creative for one in other.decisions]
    assert [one.propensity for one in shop.decisions] == pytest.approx(
        [one.propensity for one in other.decisions], rel=1e-9
    )
    other.client.close()
