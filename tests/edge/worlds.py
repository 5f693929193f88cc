"""A shop's policy with slots for pages, and clients over it."""

from typing import Any

from clew import Client
from clew.backends.embedded import Embedded
from clew.backends.memory import MemoryStore
from clew.testing import HandClock
from client.worlds import bundle, creative, policy, slot

__all__ = ["allow", "shop_client", "shop_policy", "voided"]


def shop_policy(**changes: Any) -> dict[str, Any]:
    """Two slots, whose creatives are chosen by what the request tells, and of which none learns."""
    loud = {"==": [{"var": "context.mood"}, "loud"]}
    fields = {"headline": {"type": "text"}, "html": {"type": "html"}}
    return policy(
        slots=[
            slot("hero", "priority", fields=fields, sticky="session"),
            slot("side", "priority", default="calm", fields=fields, sticky="session"),
        ],
        creatives=[
            creative("plain", "hero", content=_content("Fresh pizza")),
            creative("loud", "hero", when=loud, priority=1, content=_content("LOUD pizza")),
            creative(
                "again",
                "hero",
                when={">": [{"var": "computed.views"}, 0]},
                priority=2,
                content=_content("Hungry again?"),
            ),
            creative("calm", "side", content=_content("Tea")),
            creative("noise", "side", when=loud, priority=1, content=_content("Coffee <now>")),
        ],
        **changes,
    )


def shop_client(document: dict[str, Any] | None = None, **options: Any) -> Client:
    """A client over a store of its own."""
    clock = options.pop("clock", None) or HandClock()
    backend = Embedded(
        options.pop("store", None) or MemoryStore(),
        policy=bundle(document or shop_policy()),
        clock=clock,
        uniform=lambda: 0.5,
    )
    return Client("memory://", backend=backend, clock=clock, **options)


def allow(client: Client, subject: str) -> str:
    """A person who allows personalising."""
    client.consent(subject, grant=["personalise"], source="test")
    return subject


def voided(client: Client) -> int:
    """How many decisions were voided so far."""
    client.flush()
    backend = client._core.backend
    assert isinstance(backend, Embedded)
    return sum(b'"voided"' in body for body in backend.store.facts_of("default", "outcome"))


def _content(headline: str) -> dict[str, Any]:
    return {"en": {"headline": headline, "html": f"<b>{headline}</b><script>alert(1)</script>"}}
