"""
A shop to learn in: five creatives, three kinds of visitor, outcomes that come 300 decisions late.

Every kind has a creative of its own that it likes best and one creative is fair to all, so the best
fixed choice earns at most three quarters of what the oracle (the best creative for each visitor)
earns. The oracle sees the kind by name; so does the player, among two features that mean nothing.

The environment knows nothing of who plays: the engine bare, or a client over a backend.
"""

import random
from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import Any, Generic, Protocol, TypeVar

from attrs import frozen

#: How many decisions later a conversion is reported.
DELAY = 300

CREATIVES = ("bundle", "free_delivery", "new_in", "recipes", "vegan")
KINDS = {"family": 0.45, "student": 0.3, "gourmet": 0.25}

_LIKED, _FAIR, _DISLIKED = 0.3, 0.19, 0.06
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Ticket = TypeVar("Ticket")


@frozen
class Visitor:
    """One decision's person: what is known of them, and the luck that decides on converting."""

    subject: str
    kind: str
    #: The features `context.kind`, `context.weekday` and `context.pages` (the last two are noise).
    context: dict[str, Any]
    luck: float


class Player(Protocol[Ticket]):
    """Whoever decides and learns."""

    def show(self, visitor: Visitor) -> tuple[str, Ticket]:
        """The creative shown, and what to name the decision by when it converts."""

    def convert(self, ticket: Ticket) -> None:
        """The visitor of that decision converted."""


@frozen
class Step:
    """What one decision was worth, in expectation: the shown creative's rate and the oracle's."""

    expected: float
    oracle: float


class Environment:
    """A seeded world: the conversion rate of each creative for each kind, and its visitors."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        dice = random.Random(f"rates {seed}")
        fair, *liked = dice.sample(CREATIVES, 1 + len(KINDS))
        self._rates = {
            kind: {
                creative: dice.uniform(0.9, 1.1)
                * (_LIKED if creative == own else _FAIR if creative == fair else _DISLIKED)
                for creative in CREATIVES
            }
            for kind, own in zip(KINDS, liked, strict=True)
        }

    def visitors(self) -> Iterator[Visitor]:
        """Visitors without end; each time the same ones, whatever they are shown."""
        dice = random.Random(f"visitors {self._seed}")
        for number in count():
            (kind,) = dice.choices(list(KINDS), weights=list(KINDS.values()))
            context = {
                "kind": kind,
                "weekday": dice.choice(_WEEKDAYS),
                "pages": dice.randrange(40),
            }
            yield Visitor(f"visitor-{number}", kind, context, dice.random())

    def expected(self, visitor: Visitor, creative: str) -> float:
        """The true rate at which such a visitor converts after that creative."""
        return self._rates[visitor.kind][creative]

    def converts(self, visitor: Visitor, creative: str) -> bool:
        """Whether this visitor does."""
        return visitor.luck < self.expected(visitor, creative)

    def oracle(self, visitor: Visitor) -> float:
        """The rate of the best creative for this visitor."""
        return max(self._rates[visitor.kind].values())

    def best_fixed_share(self) -> float:
        """The share of the oracle's reward that the best single creative earns."""
        fixed = max(
            sum(share * self._rates[kind][creative] for kind, share in KINDS.items())
            for creative in CREATIVES
        )
        oracle = sum(share * max(self._rates[kind].values()) for kind, share in KINDS.items())
        return fixed / oracle


class _Late(Generic[Ticket]):
    """Conversions on their way: each arrives `DELAY` decisions after its own."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, Ticket]] = deque()

    def send(self, ticket: Ticket, *, now: int) -> None:
        self._waiting.append((now + DELAY, ticket))

    def arrived(self, *, now: int) -> Iterator[Ticket]:
        while self._waiting and self._waiting[0][0] <= now:
            yield self._waiting.popleft()[1]


def play(environment: Environment, player: Player[Ticket], decisions: int) -> list[Step]:
    """Let a player decide for so many visitors, learning from conversions as they come in."""
    late: _Late[Ticket] = _Late()
    steps = []
    for now, visitor in zip(range(decisions), environment.visitors(), strict=False):
        for ticket in late.arrived(now=now):
            player.convert(ticket)
        creative, ticket = player.show(visitor)
        if environment.converts(visitor, creative):
            late.send(ticket, now=now)
        steps.append(Step(environment.expected(visitor, creative), environment.oracle(visitor)))
    return steps


def share_of_oracle(steps: list[Step]) -> float:
    """The expected reward of these decisions as a share of the oracle's."""
    return sum(step.expected for step in steps) / sum(step.oracle for step in steps)
