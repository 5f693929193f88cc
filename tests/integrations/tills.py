"""A small till: its columns, its map and its rows, for tests of importing and of the commands."""

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from clew.clock import instant

__all__ = ["HEADER", "MAP", "NOW", "POLICY", "line", "write_csv", "write_map"]

NOW = instant("2026-06-01T00:00:00Z")

HEADER = "receipt,sold_at,card,sku,n,price"

POLICY: dict[str, Any] = {
    "id": "till",
    "version": "1",
    "purposes": [{"id": "personalise", "basis": "consent"}],
    "signals": [
        {
            "id": "item_ordered",
            "purposes": ["personalise"],
            "fields": {
                "sku": {"type": "text", "max": 8, "required": True},
                "quantity": {"type": "integer", "required": True},
                "value": {"type": "number", "required": True},
            },
        }
    ],
    "objectives": [{"id": "orders", "signal": "item_ordered"}],
    "traits": [
        {
            "id": "usual",
            "signal": "item_ordered",
            "aggregate": "affinity",
            "of": "data.sku",
            "weight": "data.quantity",
            "catalogue": "goods",
            "purpose": "personalise",
            "plain": "what you take",
        },
        {
            "id": "value",
            "signal": "item_ordered",
            "aggregate": "sum",
            "of": "data.value",
            "purpose": "personalise",
            "plain": "what you spent",
        },
        {
            "id": "since",
            "signal": "item_ordered",
            "aggregate": "recency",
            "purpose": "personalise",
            "plain": "time since you came",
        },
    ],
    "segments": [{"id": "spender", "when": {">": [{"var": "computed.value"}, 5]}}],
    "slots": [
        {
            "id": "hero",
            "strategy": "priority",
            "objective": "orders",
            "default": "plain",
            "purpose": "personalise",
        },
        {
            "id": "by_context",
            "strategy": "bandit",
            "objective": "orders",
            "default": "plain",
            "purpose": "personalise",
            "features": ["context.n"],
        },
        {
            "id": "usual_list",
            "strategy": "bandit",
            "objective": "orders",
            "default": "nothing",
            "purpose": "personalise",
            "items": {"catalogue": "goods", "count": 1, "pinned": "computed.usual"},
        },
    ],
    "creatives": [
        {
            "id": "plain",
            "version": "1",
            "slots": ["by_context", "hero"],
            "content": {"en": {"text": "Hello"}},
        },
        {
            "id": "again",
            "version": "1",
            "slots": ["by_context", "hero"],
            "when": {"in": ["spender", {"var": "segments"}]},
            "content": {"en": {"text": "Again?"}},
        },
        {"id": "nothing", "version": "1", "slots": ["usual_list"], "content": {"en": {}}},
    ],
    "catalogues": [{"id": "goods", "items": [{"id": "tea", "name": "Green tea", "price": 2.5}]}],
}

MAP: dict[str, Any] = {
    "id": "till",
    "columns": {
        "receipt": "text",
        "sold_at": "text",
        "card": "text",
        "sku": "text",
        "n": "integer",
        "price": "number",
    },
    "time": {"column": "sold_at", "format": "%d.%m.%Y %H:%M", "zone": "Europe/Vienna"},
    "subject": "card",
    "anonymous": ["receipt"],
    "policy": "policy.json",
    "ground": {"purposes": ["personalise"], "basis": "contract"},
    "kinds": [
        {"name": "bag", "plain": "carrier bags", "when": {"==": [{"var": "sku"}, "bag"]}},
        {
            "name": "sale",
            "plain": "what was sold",
            "when": {"!": {"starts_with": [{"var": "sku"}, "?"]}},
            "signal": "item_ordered",
            "data": {
                "sku": {"var": "sku"},
                "quantity": {"var": "n"},
                "value": {"*": [{"var": "n"}, {"var": "price"}]},
            },
        },
    ],
}


def line(
    receipt: str = "r1",
    sold_at: str = "01.03.2026 10:00",
    card: str = "u1",
    sku: str = "tea",
    n: object = 1,
    price: object = 2.5,
) -> str:
    """Write one row of the till."""
    return f"{receipt},{sold_at},{card},{sku},{n},{price}"


def write_csv(folder: Path, lines: Iterable[str], *, name: str = "till.csv") -> Path:
    """Write rows under the header."""
    path = folder / name
    path.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
    return path


def write_map(folder: Path, **changes: Any) -> Path:
    """Write the map, with fields set or (None) removed, and the policy beside it."""
    document = {**copy.deepcopy(MAP), **changes}
    document = {name: value for name, value in document.items() if value is not None}
    (folder / "policy.json").write_text(json.dumps(POLICY), encoding="utf-8")
    path = folder / "map.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
