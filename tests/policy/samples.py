"""A sound policy that uses everything, and the ways to write it down."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

__all__ = ["policy", "write_folder"]

_HEADLINE = {"headline": {"type": "text", "max": 30, "required": True}}

_SHOP: dict[str, Any] = {
    "id": "shop",
    "version": "7",
    "locale": "en",
    "parties": ["zero", "first"],
    "traffic": ["human"],
    "purposes": [
        {"id": "service", "basis": "contract"},
        {"id": "personalise", "basis": "consent", "parent": "service", "value": "fewer steps"},
        {"id": "partners", "basis": "consent", "retention_days": 30},
    ],
    "signals": [
        {"id": "page_viewed", "purposes": ["personalise"]},
        {
            "id": "order_completed",
            "purposes": ["service"],
            "fields": {"total": {"type": "number"}, "sku": {"type": "text"}},
        },
    ],
    "objectives": [
        {
            "id": "orders",
            "signal": "order_completed",
            "value": {"var": "data.total"},
            "count": "sum",
            "currency": "EUR",
            "value_max": 500,
            "window_seconds": 172800.0,
            "parent": "revenue",
        },
        {"id": "clicks", "signal": "interacted", "role": "secondary"},
        {
            "id": "complaints",
            "signal": "complaint_filed",
            "direction": "down",
            "role": "guardrail",
            "max_drop": 0.02,
        },
    ],
    "traits": [
        {
            "id": "views",
            "signal": "page_viewed",
            "aggregate": "count",
            "window_seconds": 2592000,
            "where": {"==": [{"var": "channel"}, "web"]},
            "purpose": "personalise",
        },
        {
            "id": "usual",
            "signal": "item_ordered",
            "aggregate": "affinity",
            "of": "data.sku",
            "purpose": "personalise",
        },
        {
            "id": "with",
            "signal": "item_ordered",
            "aggregate": "together",
            "of": "data.sku",
            "by": "data.order",
            "catalogue": "menu",
            "purpose": "personalise",
        },
        {
            "id": "views",
            "kind": "declared",
            "signal": "form_sent",
            "aggregate": "last",
            "of": "data.views",
            "purpose": "service",
        },
        {
            "id": "score",
            "kind": "predicted",
            "signal": "score_bought",
            "aggregate": "last",
            "of": "data.score",
            "purpose": "partners",
        },
    ],
    "segments": [
        {"id": "keen", "when": {">=": [{"var": "computed.views"}, 3]}},
        {"id": "bought", "when": {">": [{"var": "predicted.score"}, 0.5]}},
    ],
    "slots": [
        {
            "id": "hero",
            "strategy": "bandit",
            "default": "plain",
            "objective": [{"id": "orders", "weight": 0.8}, {"id": "clicks", "weight": 0.2}],
            "purpose": "personalise",
            "features": ["context.channel", "computed.views", "segments"],
            "fields": {
                **_HEADLINE,
                "link": {"type": "url"},
                "size": {"type": "text", "enum": ["s", "l"]},
                "rank": {"type": "integer", "min": 1, "max": 9},
                "ends": {"type": "instant"},
            },
            "channels": ["web", "app"],
        },
        {
            "id": "banner",
            "strategy": "split",
            "default": "plain",
            "objective": "orders",
            "purpose": "personalise",
            "shares": {"sale": 0.7, "again": 0.3},
        },
        {
            "id": "extra",
            "strategy": "bandit",
            "default": "plain",
            "objective": "clicks",
            "purpose": "personalise",
            "items": {
                "catalogue": "menu",
                "count": 3,
                "pinned": "computed.usual",
                "together": "with",
                "content": {"name": "{{ item.name }}"},
            },
        },
        {
            "id": "letter",
            "strategy": "priority",
            "default": "plain",
            "objective": "orders",
            "purpose": "service",
            "sticky": "seconds",
            "sticky_seconds": 60,
        },
    ],
    "creatives": [
        {
            "id": "plain",
            "version": "1",
            "slots": ["hero", "banner", "extra", "letter"],
            "content": {"en": {"headline": "Welcome"}, "de": {"headline": "Willkommen"}},
        },
        {
            "id": "sale",
            "version": "2",
            "slots": ["banner", "hero"],
            "when": {"in": ["keen", {"var": "segments"}]},
            "tags": ["promotion"],
            "channels": ["email", "web"],
            "starts_at": "2026-03-01T00:00:00Z",
            "ends_at": "2026-04-01T00:00:00Z",
            "content": {"en": {"headline": "Half price", "link": "/sale", "size": "s", "rank": 2}},
        },
        {
            "id": "again",
            "version": "1",
            "slots": ["hero", "banner"],
            "content": {"en": {"headline": "{{ computed.usual.top }} again?"}},
        },
        {
            "id": "note",
            "version": "1",
            "slots": ["letter"],
            "when": {"<": [{"var": "declared.views"}, 5]},
            "content": {"en": {"headline": "Dear customer"}},
            "priority": 3,
        },
        {"id": "idea", "version": "0", "slots": ["hero"], "status": "draft",
         "content": {"en": {"headline": "Soon"}}},
    ],
    "holdouts": [
        {"id": "global", "salt": "a", "share": 0.1},
        {"id": "heroes", "salt": "b", "share": 0.2, "scope": ["hero", "banner"],
         "starts_at": "2026-01-01T00:00:00Z", "ends_at": "2027-01-01T00:00:00Z"},
    ],
    "caps": [{"id": "weekly", "tag": "promotion", "limit": 2, "window_seconds": 604800}],
    "suppressions": [
        {"id": "quiet", "when": {"var": "journeys.case.open"}, "tags": ["promotion"]}
    ],
    "catalogues": [
        {
            "id": "menu",
            "items": [{"id": "b", "name": "Bread"}, {"id": "a", "price": 2.0}],
            "learn": {"signal": "page_viewed", "item": "data.sku"},
        }
    ],
    "journeys": [{"id": "case", "states": ["open", "closed"], "purpose": "service"}],
    "moments": [
        {"id": "late", "when": {"==": [{"var": "context.parcel"}, "late"]}, "creatives": ["plain"]}
    ],
}  # fmt: skip


def policy() -> dict[str, Any]:
    """Give the policy anew; the caller may change it."""
    return deepcopy(_SHOP)


def write_folder(folder: Path, document: dict[str, Any]) -> None:
    """Write every part of a policy to a file of its own, `slots/0.json`, and the rest to one."""
    head = {}
    for section, parts in document.items():
        if not isinstance(parts, list) or section in {"parties", "traffic"}:
            head[section] = parts
            continue
        (folder / section).mkdir()
        for place, part in enumerate(parts):
            (folder / section / f"{place}.json").write_text(json.dumps(part), encoding="utf-8")
    (folder / "policy.json").write_text(json.dumps(head), encoding="utf-8")
