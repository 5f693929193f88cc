"""
The simulated world: people who come one by one, look at what they are shown, and order or do not.

What they like is known here and nowhere else; clew finds it out from what they do. All chance comes
from the seed, and time is the world's own, so a seed gives the same run again.
"""

import random
from collections import Counter, deque
from importlib.resources import files
from typing import Literal

import orjson
from attrs import define, field

from clew.backends import open_backend
from clew.client import Client
from clew.clock import instant
from clew.model.decision import Decision
from clew.model.measurement import Measurement

__all__ = ["TRAFFIC", "World"]

#: What the decisions of the demo say of themselves.
TRAFFIC: Literal["synthetic"] = "synthetic"

#: Probability of an order, by creative, on a phone and on a desktop.
_TASTES = {
    "plain": (0.06, 0.06),
    "free_delivery": (0.08, 0.16),
    "two_for_one": (0.10, 0.09),
    "one_tap": (0.20, 0.07),
}
#: With `--null` no creative does better than another.
_NO_TASTE = (0.10, 0.10)

_PHONES = 0.6
_BEGINS = instant("2026-03-01T00:00:00Z")
#: Mean time between two people, in seconds.
_BETWEEN = 60.0
#: From the decision to the order, at most, in seconds.
_THINKING = 900.0
_ORDERS = (12.0, 45.0)

#: How many decisions tell what is shown at the moment.
RECENT = 500


@define
class _Clock:
    """The world's time."""

    at: float = _BEGINS

    def now(self) -> float:
        return self.at


@define
class World:
    """
    The demo's people, its clock and a client of a store of its own.

    Args:
        client: of `open_world`.
    """

    client: Client
    seed: int
    null: bool
    _clock: _Clock
    _chance: random.Random
    #: People so far.
    visitors: int = 0
    orders: int = 0
    recent: deque[str] = field(factory=lambda: deque(maxlen=RECENT))

    @classmethod
    def open(cls, url: str, *, seed: int, null: bool) -> "World":
        """Begin a world on a store that it has for itself."""
        clock = _Clock()
        backend = open_backend(
            url,
            tenant="demo",
            policy=_policy(),
            clock=clock,
            uniform=random.Random(f"draws {seed}").random,  # noqa: S311 - a simulation
        )
        client = Client(url, tenant="demo", backend=backend, clock=clock)
        return cls(client, seed, null, clock, random.Random(f"people {seed}"))  # noqa: S311

    def live(self, people: int) -> None:
        """Let so many people come by."""
        for _ in range(people):
            self._visit()

    def wait(self) -> None:
        """Let time pass until everybody's window is over."""
        self._clock.at += 21_600.0 + 1.0

    def measure(self) -> Measurement:
        """Measure what was earned so far."""
        (found,) = self.client.measure("orders")
        return found

    @property
    def days(self) -> float:
        """How much time has passed in the world, in days."""
        return (self._clock.at - _BEGINS) / 86_400.0

    @property
    def shares(self) -> dict[str, float]:
        """What the treated were shown lately, as shares."""
        counts = Counter(self.recent)
        return {name: count / len(self.recent) for name, count in sorted(counts.items())}

    def _visit(self) -> None:
        self._clock.at += self._chance.expovariate(1.0 / _BETWEEN)
        subject = f"visitor-{self.seed}-{self.visitors}"
        phone = self._chance.random() < _PHONES
        self.visitors += 1
        decision = self.client.decide(
            "home_hero",
            subject=subject,
            context={"channel": "web", "device": "phone" if phone else "desktop"},
            traffic=TRAFFIC,
        )
        self.client.report(decision, "displayed")
        if decision.reason != "holdout":
            self.recent.append(decision.creative or "")
        if self._chance.random() < self._taste(decision, phone=phone):
            self.orders += 1
            self.client.emit(
                "order_completed",
                subject=subject,
                data={"total": round(self._chance.uniform(*_ORDERS), 2)},
                traffic=TRAFFIC,
            )

    def _taste(self, decision: Decision, *, phone: bool) -> float:
        tastes = _NO_TASTE if self.null else _TASTES[decision.creative or "plain"]
        return tastes[0] if phone else tastes[1]


def _policy() -> bytes:
    from clew.policy import build_bundle, load_policy

    document = files("clew.cli.demo").joinpath("policy.json").read_bytes()
    return build_bundle(load_policy(orjson.loads(document)))
