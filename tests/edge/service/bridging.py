"""A shop behind the service, as clients of other makers meet it."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from clew.backends.base import Store
from clew.backends.embedded import Embedded
from client.worlds import creative, policy, slot
from edge.service.asking import Asked, opened

__all__ = ["basic", "facts", "shop", "shop_opened", "store_of"]

#: What may be stored of everybody: the contract is its ground.
_TYPES = (
    "group_joined",
    "order_completed",
    "page_viewed",
    "parcel_delivered",
    "product_viewed",
    "screen_viewed",
    "traits_set",
)


def shop() -> dict[str, Any]:
    """Two sticky slots, one of which changes its mind with what the request tells."""
    loud = {"==": [{"var": "context.mood"}, "loud"]}
    fields = {"headline": {"type": "text"}, "image": {"type": "url"}}
    return policy(
        signals=[{"id": type, "purposes": ["service"]} for type in _TYPES],
        parties=["first", "partner"],
        traits=[],
        slots=[
            slot("hero", "priority", purpose="service", sticky="session", fields=fields),
            slot("side", "priority", purpose="service", sticky="session", default="calm"),
        ],
        creatives=[
            creative("plain", "hero", content={"en": {"headline": "Fresh pizza"}}),
            creative("loud", "hero", when=loud, priority=1),
            creative("calm", "side"),
        ],
    )


@contextmanager
def shop_opened(folder: Path) -> Iterator[Asked]:
    """Open the service over this shop, in memory."""
    with opened(folder, document=shop(), url="memory://") as here:
        yield here


def basic(key: str) -> dict[str, str]:
    """As Segment's clients bring a key: the name of a user without a password."""
    return {"authorization": f"Basic {base64.b64encode(f'{key}:'.encode()).decode()}"}


def store_of(here: Asked, tenant: str = "shop") -> Store:
    """Where the service keeps a tenant's data."""
    backend = here.service.tenants.get(tenant).backend
    assert isinstance(backend, Embedded)
    return backend.store


def facts(store: Store, kind: Any = "signal", tenant: str = "shop") -> list[dict[str, Any]]:
    """All that is stored of a kind, by id."""
    found = [orjson.loads(body) for body in store.facts_of(tenant, kind)]
    return sorted(found, key=lambda fact: str(fact["id"]))
