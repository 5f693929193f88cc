"""A shop's policy in short, and clients over it whose time and chance the test holds."""

import random
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import Factory, define

from clew import Client
from clew.backends.base import Store
from clew.backends.embedded import Embedded
from clew.backends.memory import MemoryStore
from clew.backends.sqlite import SqliteStore
from clew.engine.learn import Arm
from clew.model.decision import Decision
from clew.policy import build_bundle, check_policy, load_policy
from clew.testing import HandClock

__all__ = ["DAY", "HOUR", "World", "bundle", "creative", "embedded", "policy", "slot", "sums_of"]

HOUR = 3_600.0
DAY = 86_400.0


def creative(name: str, *slots: str, **more: Any) -> dict[str, Any]:
    """A creative whose headline is its name."""
    content = {"en": {"headline": name}}
    return {
        "id": name,
        "version": "1",
        "slots": list(slots or ("hero",)),
        "content": content,
        **more,
    }


def slot(name: str = "hero", strategy: str = "bandit", **more: Any) -> dict[str, Any]:
    """A slot with the default creative `plain`, which draws anew each time."""
    return {
        "id": name,
        "strategy": strategy,
        "default": "plain",
        "objective": "orders",
        "purpose": "personalise",
        "sticky": "none",
        "fields": {"headline": {"type": "text"}},
        **more,
    }


def policy(**changes: Any) -> dict[str, Any]:
    """A shop with one bandit slot `hero` of three creatives, and whatever is changed of it."""
    return {
        "id": "shop",
        "version": "1",
        "purposes": [
            {"id": "personalise", "basis": "consent"},
            {"id": "ads", "basis": "consent"},
            {"id": "service", "basis": "contract"},
        ],
        "objectives": [{"id": "orders", "signal": "order_completed", "window_seconds": DAY}],
        "traits": [
            {
                "id": "views",
                "signal": "product_viewed",
                "aggregate": "count",
                "purpose": "personalise",
                "plain": "pages you viewed",
            },
            {
                "id": "spent",
                "signal": "order_completed",
                "aggregate": "sum",
                "of": "data.total",
                "purpose": "personalise",
            },
            {
                "id": "secret",
                "signal": "secret_told",
                "aggregate": "last",
                "of": "data.word",
                "purpose": "ads",
            },
        ],
        "slots": [slot()],
        "creatives": [creative("plain"), creative("fresh"), creative("usual")],
        **changes,
    }


def bundle(document: Mapping[str, Any]) -> bytes:
    """The canonical bytes of a policy that must be without fault."""
    loaded = load_policy(dict(document))
    assert not check_policy(loaded)
    return build_bundle(loaded)


def embedded(client: Client) -> Embedded:
    """The backend inside a client."""
    backend = client._core.backend
    assert isinstance(backend, Embedded)
    return backend


def sums_of(client: Client, name: str, place: str = "hero") -> dict[str, float]:
    """What the next decision of this client would read of an arm; nothing learned is empty."""
    backend = embedded(client)
    compiled = backend.compiled()
    assert compiled is not None
    chosen = compiled.slots[place]
    backend._figures.refresh(client._core.clock.now(), backend._watch.changes())
    [key] = chosen.options_of([(name, name)]).state_keys
    arm: Arm = backend._figures.arm(key, chosen.prior)
    return {feature: amount for feature, amount in arm.sums.items() if amount}


@define
class World:
    """One store, one clock, and the clients that are opened over them."""

    url: str
    clock: HandClock = Factory(HandClock)
    wrap: Callable[[Store], Store] = lambda store: store
    clients: list[Client] = Factory(list)
    _memory: MemoryStore | None = None
    _document: Mapping[str, Any] | None = None

    def client(
        self,
        document: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        tenant: str = "default",
        **options: Any,
    ) -> Client:
        """Another client over the store, as another process would hold it, with the last policy."""
        document = self._document = document or self._document or policy()
        backend = Embedded(
            self.wrap(self._store()),
            tenant=tenant,
            policy=bundle(document),
            clock=self.clock,
            uniform=random.Random(seed).random,
        )
        client = Client(self.url, backend=backend, tenant=tenant, clock=self.clock, **options)
        self.clients.append(client)
        return client

    def close(self) -> None:
        """Close every client."""
        for client in self.clients:
            client.close()

    def _store(self) -> Store:
        if self.url.startswith("sqlite"):
            return SqliteStore(self.url.removeprefix("sqlite:///"))
        if self._memory is None:
            self._memory = MemoryStore()
        return self._memory


def people(client: Client, names: Iterable[str], purpose: str = "personalise") -> list[str]:
    """So many people who allow a purpose."""
    told = list(names)
    for name in told:
        client.consent(name, grant=[purpose], source="test")
    return told


def show(client: Client, subject: str, place: str = "hero", **more: Any) -> Decision:
    """Decide and report that it was seen."""
    decision = client.decide(place, subject=subject, **more)
    client.report(decision, "displayed")
    return decision
