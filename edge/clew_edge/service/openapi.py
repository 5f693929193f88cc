"""
What the service offers, as OpenAPI 3.1, whose schemas are JSON Schema 2020-12: ours, as they are.

A document `batch` becomes the component `batch`, its definition `item_result` the component
`batch.item_result`, and references are turned to them. What clients send may have fields that this
version does not know (RULES F2), so these documents do not forbid them here; nothing else is
changed.

Source: OpenAPI Specification 3.1.1, sections 4.8.7 (components) and 4.8.24 (schemas).
"""

from functools import cache
from importlib.metadata import version
from typing import Any

from clew import schema
from clew_edge.service import bridge_paths
from clew_edge.service.paths import PATHS

__all__ = ["document"]

#: Documents that no route speaks.
_ELSEWHERE = frozenset({"import_map", "keys"})
#: What clients send, of this version or a newer one.
_SENT = frozenset({"consent", "decision_request", "identity", "outcome", "signal"})


@cache
def document() -> dict[str, Any]:
    """Give the description of all routes."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "clew",
            "version": version("clew"),
            "description": "Signals in, decisions out, outcomes back, lift you can believe.",
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "paths": {**PATHS, **bridge_paths.PATHS},
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The key as user name, the password empty.",
                },
            },
        },
    }


def _schemas() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in schema.names():
        if name in _ELSEWHERE:
            continue
        law = schema.load(name)
        parts = law.pop("$defs", {})
        for meta in ("$id", "$schema"):
            law.pop(meta)
        if name in _SENT:
            del law["additionalProperties"]
            law["description"] += " Fields that are not known here are kept under `ext`."
        if name != "common":
            found[name] = _turned(law, name)
        for part, definition in parts.items():
            found[f"{name}.{part}"] = _turned(definition, name)
    return found


def _turned(law: Any, name: str) -> Any:
    """Turn references to where the components lie."""
    if isinstance(law, list):
        return [_turned(one, name) for one in law]
    if not isinstance(law, dict):
        return law
    turned = {key: _turned(value, name) for key, value in law.items()}
    if isinstance(turned.get("$ref"), str):
        urn, _, place = turned["$ref"].partition("#")
        owner = urn.split(":")[2] if urn else name
        part = place.removeprefix("/$defs/")
        turned["$ref"] = f"#/components/schemas/{owner}{f'.{part}' if part else ''}"
    return turned
