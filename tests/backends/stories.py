"""Stories of people told to clients, and what the clients then know."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from clew import Client
from clew.errors import IdentityError
from client.worlds import DAY, World, creative, embedded, policy, slot, sums_of

__all__ = [
    "DOCUMENT",
    "OPERATIONS",
    "SUBJECTS",
    "Story",
    "close_to",
    "seen",
    "tallies",
    "with_worlds",
]

SUBJECTS = ("u-1", "u-2", "a-1", "a-2")
CREATIVES = ("plain", "fresh", "usual")
PURPOSES = ("personalise", "ads")

DOCUMENT = policy(
    traits=[
        {
            "id": "views",
            "signal": "product_viewed",
            "aggregate": "count",
            "window_seconds": 2 * DAY,
            "purpose": "personalise",
        },
        {
            "id": "spent",
            "signal": "order_completed",
            "aggregate": "sum",
            "of": "data.total",
            "purpose": "personalise",
        },
        {
            "id": "liked",
            "signal": "product_viewed",
            "aggregate": "affinity",
            "of": "data.sku",
            "half_life_seconds": DAY,
            "purpose": "personalise",
        },
        {
            "id": "word",
            "signal": "secret_told",
            "aggregate": "last",
            "of": "data.word",
            "purpose": "ads",
        },
    ],
    slots=[
        slot(features=["computed.views", "context.channel"], sticky="session"),
        slot("served", counts_on="served", objective="taken"),
    ],
    objectives=[
        {"id": "orders", "signal": "order_completed", "window_seconds": DAY},
        {
            "id": "taken",
            "signal": "order_completed",
            "count": "sum",
            "value": {"var": "data.total"},
            "value_max": 50,
            "currency": "EUR",
            "window_seconds": DAY,
        },
    ],
    creatives=[creative(name, "hero", "served") for name in CREATIVES],
    holdouts=[{"id": "half", "salt": "s", "share": 0.5}],
)

subjects = st.sampled_from(SUBJECTS)
OPERATIONS = st.one_of(
    st.tuples(st.just("view"), subjects, st.integers(0, 3)),
    st.tuples(st.just("order"), subjects, st.integers(1, 99)),
    st.tuples(st.just("namesake"), subjects, st.integers(0, 3)),
    st.tuples(st.just("secret"), subjects, st.integers(0, 3)),
    st.tuples(st.just("decide"), subjects, st.sampled_from(["hero", "served"])),
    st.tuples(
        st.just("report"),
        st.integers(0, 5),
        st.sampled_from(["displayed", "converted", "voided", "interacted"]),
    ),
    st.tuples(st.just("reverse"), st.integers(0, 5), st.integers(0, 3)),
    st.tuples(st.just("consent"), subjects, st.sampled_from(["grant", "withdraw", "object_to"])),
    st.tuples(st.just("link"), st.sampled_from(["a-1", "a-2"]), st.sampled_from(["u-1", "u-2"])),
    st.tuples(st.just("unmerge"), st.sampled_from(["a-1", "a-2"]), st.sampled_from(["u-1", "u-2"])),
    st.tuples(st.just("move"), st.just(""), st.integers(1, 40_000)),
    st.tuples(st.just("flush"), st.just(""), st.just("")),
)


class Story:
    """Carries out operations through clients over one store, and remembers what they made."""

    def __init__(self, world: World, clients: list[Client]) -> None:
        self.world = world
        self.clients = clients
        self.decisions: list[Any] = []
        self.outcomes: list[str] = []

    def tell(self, client: Client, operation: tuple[str, Any, Any]) -> None:
        name, first, second = operation
        getattr(self, name)(client, first, second)

    def view(self, client: Client, subject: str, sku: int) -> None:
        client.emit("product_viewed", subject=subject, data={"sku": f"sku-{sku}"})

    def order(self, client: Client, subject: str, total: int) -> None:
        client.emit("order_completed", subject=subject, data={"total": total})

    def namesake(self, client: Client, subject: str, outcome: int) -> None:
        """An order under the id of an outcome, which may or may not be the same event."""
        if outcome < len(self.outcomes):
            client.emit("order_completed", subject=subject, id=self.outcomes[-1 - outcome])

    def secret(self, client: Client, subject: str, word: int) -> None:
        client.emit("secret_told", subject=subject, data={"word": f"word-{word}"})

    def decide(self, client: Client, subject: str, place: str) -> None:
        self.decisions.append(client.decide(place, subject=subject, context={"channel": "web"}))

    def report(self, client: Client, number: int, kind: str) -> None:
        if number < len(self.decisions):
            name = f"o-{len(self.outcomes)}"
            self.outcomes.append(name)
            client.report(self.decisions[-1 - number], kind, id=name)

    def reverse(self, client: Client, number: int, outcome: int) -> None:
        if number < len(self.decisions) and outcome < len(self.outcomes):
            reverses = self.outcomes[-1 - outcome]
            decision = self.decisions[-1 - number]
            client.report(
                decision, "converted", id=f"r-{len(self.outcomes)}-{reverses}", reverses=reverses
            )

    def consent(self, client: Client, subject: str, said: str) -> None:
        client.consent(subject, **{said: [PURPOSES[said == "object_to"]]})

    def link(self, client: Client, anonymous: str, subject: str) -> None:
        self._flush()
        client.identify(anonymous, subject)

    def unmerge(self, client: Client, anonymous: str, subject: str) -> None:
        self._flush()
        try:
            client.unmerge(anonymous, subject)
        except IdentityError:
            return

    def move(self, client: Client, _: str, seconds: int) -> None:
        self.world.clock.move(seconds)

    def flush(self, client: Client, _: str, __: str) -> None:
        assert client.flush() == 0

    def _flush(self) -> None:
        for client in self.clients:
            assert client.flush() == 0


def close_to(value: Any) -> Any:
    """The value, with every number in it compared up to rounding."""
    if isinstance(value, Mapping):
        return {name: close_to(inner) for name, inner in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return pytest.approx(value, rel=1e-9, abs=1e-9)
    return value


def seen(client: Client) -> dict[str, Any]:
    """All that a client knows: profiles, permissions, arms."""
    known: dict[str, Any] = {}
    for subject in SUBJECTS:
        profile = client.profile(subject)
        known[subject] = {
            "traits": profile.traits,
            "signals": profile.signals,
            "who": (profile.subject, profile.anonymous_subjects),
            "permissions": {one.purpose: one.permitted for one in profile.permissions},
        }
    for place in ("hero", "served"):
        for name in CREATIVES:
            sums = sums_of(client, name, place)
            known[f"{place} {name}"] = {n: s for n, s in sums.items() if abs(s) > 1e-9}
    return known


def tallies(client: Client) -> dict[str, dict[str, float]]:
    """The counts that deciding reads, as the client has them before anything is stored."""
    backend = embedded(client)
    compiled = backend.compiled()
    backend._figures.refresh(client._core.clock.now(), backend._watch.changes())
    names = [place.tally_key for place in compiled.slots.values()]
    read = {name: backend._figures.tally(name) for name in names}
    return {
        name: {key: amount for key, amount in sums.items() if abs(amount) > 1e-9}
        for name, sums in read.items()
    }


#: For properties that open worlds: the fixture is a factory, so each example has its own.
with_worlds = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=40,
)
