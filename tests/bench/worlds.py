"""What the benchmarks decide about: one shop, one person, on a database that is thrown away."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from clew import Client

__all__ = ["CONTEXT", "client", "shop"]

CONTEXT = {"channel": "web"}
_CREATIVES = ("plain", "offer", "story", "again", "guide")


def shop(strategy: str = "bandit", **slot: Any) -> dict[str, Any]:
    """A shop with one slot of five creatives, three features and three traits."""
    return {
        "id": "bench",
        "version": "1",
        "purposes": [{"id": "personalise", "basis": "consent"}],
        "objectives": [{"id": "orders", "signal": "order_completed"}],
        "traits": [
            _trait("views", "product_viewed", "count", window_seconds=2_592_000),
            _trait("last_seen", "product_viewed", "last", of="data.sku"),
            _trait("usual", "product_viewed", "affinity", of="data.sku"),
        ],
        "segments": [{"id": "keen", "when": {">=": [{"var": "computed.views"}, 3]}}],
        "slots": [
            {
                "id": "hero",
                "strategy": strategy,
                "objective": "orders",
                "default": "plain",
                "purpose": "personalise",
                "sticky": "none",
                "features": ["context.channel", "computed.views", "computed.last_seen"],
                **slot,
            }
        ],
        "creatives": [
            {"id": n, "version": "1", "slots": ["hero"], "content": {"en": {"headline": n}}}
            for n in _CREATIVES
        ],
        "holdouts": [{"id": "global", "salt": "2026", "share": 0.0001}],
    }


def _trait(name: str, signal: str, aggregate: str, **more: Any) -> dict[str, Any]:
    about = {"id": name, "signal": signal, "aggregate": aggregate, "purpose": "personalise"}
    return {**about, **more}


@contextmanager
def client(policy: dict[str, Any] | None = None) -> Iterator[Client]:
    """A client on a new SQLite file, with one consenting person `u-1` who has a history."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        with Client(f"sqlite:///{path}", policy=policy or shop()) as opened:
            opened.consent("u-1", grant=["personalise"], source="bench")
            for n in range(20):
                opened.emit("product_viewed", subject="u-1", data={"sku": f"sku-{n % 4}"})
                decision = opened.decide("hero", subject="u-1", context=CONTEXT)
                opened.report(decision, "displayed")
            opened.flush()
            yield opened
