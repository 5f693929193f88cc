"""The routes as OpenAPI has them: what goes in, what comes out, and which scope opens them."""

from collections.abc import Mapping
from typing import Any

from clew.model.batch import BATCH_MAX

__all__ = ["PATHS"]

Json = dict[str, Any]


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(law: Json, media_type: str = "application/json") -> Json:
    return {media_type: {"schema": law}}


def _refusals(*statuses: int) -> Json:
    problem = _json(_ref("problem"), "application/problem+json")
    return {str(status): {"description": _WHY[status], "content": problem} for status in statuses}


_WHY = {
    400: "The request cannot be read.",
    401: "No key, or one that is not known.",
    403: "The key may not do this.",
    404: "There is none.",
    405: "Another method.",
    408: "The body took too long.",
    413: "Too large, or too many.",
    415: "A content encoding that is not read.",
    422: "The document breaks its schema.",
    429: "The key is used too often; see Retry-After.",
    503: "Not now; see Retry-After.",
}

#: What every request with a key may be answered.
_KEYED = (401, 403, 429, 503)
#: What every request with a body may be answered.
_BODIED = (400, 408, 413, 415, 422)


def _listed(name: str, item: str) -> Json:
    """A document with one list."""
    entries = {"type": "array", "items": _ref(item)}
    return {"type": "object", "required": [name], "properties": {name: entries}}


def _get(
    summary: str, scope: str, answer: Json, *refusals: int, query: Mapping[str, Json] | None = None
) -> Json:
    parameters = [
        {"name": name, "in": "query", "schema": law} for name, law in (query or {}).items()
    ]
    return {
        "summary": summary,
        "description": f"Needs the scope `{scope}`.",
        "parameters": parameters,
        "responses": {
            "200": {"description": "Here it is.", "content": _json(answer)},
            **_refusals(400, *refusals, *_KEYED),
        },
        "security": _SECURITY,
    }


def _tagged(route: Json) -> Json:
    """A route whose answer is named by its ETag, and not sent to whoever has it already."""
    answers = route["responses"]
    unchanged = {"description": "As it was by If-None-Match.", "headers": _TAG}
    known = {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}}
    return {
        **route,
        "parameters": [*route["parameters"], known],
        "responses": {**answers, "200": {**answers["200"], "headers": _TAG}, "304": unchanged},
    }


def _post(summary: str, scope: str, body: Json, answer: Json, **more: Any) -> Json:
    return {
        "summary": summary,
        "description": f"Needs the scope `{scope}`.",
        "requestBody": {"required": True, "content": body},
        "responses": {
            "200": {"description": "Done, and durable.", "content": _json(answer)},
            **_refusals(*_BODIED, *_KEYED),
        },
        "security": _SECURITY,
        **more,
    }


def _open(summary: str, content: Json, *refusals: int) -> Json:
    answer = {"description": "Here it is.", "content": content}
    return {"summary": summary, "responses": {"200": answer, **_refusals(*refusals)}}


_SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"basic": []}]
_TAG: Json = {"ETag": {"schema": {"type": "string"}}}
_STATUS = {"type": "object", "required": ["status"], "properties": {"status": {"const": "ok"}}}
_IN_PATH = {"name": "id", "in": "path", "required": True, "schema": _ref("common.id")}
#: Facts are refused item by item, so an item may be anything in these two.
_EVENTS = {
    "type": "array",
    "maxItems": BATCH_MAX,
    "description": "CloudEvents 1.0 events, which are objects; see their specification. "
    "An item that is none is refused alone.",
}
_BATCH = {
    "type": "object",
    "required": ["items"],
    "properties": {"items": {"type": "array", "minItems": 1, "maxItems": BATCH_MAX}},
    "description": "A `batch`; an item that breaks its schema is refused alone.",
}

PATHS: Json = {
    "/clew/v1/append": {
        "post": _post(
            "Store facts.",
            "append",
            {
                **_json(_BATCH),
                **_json(_EVENTS, "application/cloudevents-batch+json"),
            },
            _ref("batch.batch_result"),
        )
    },
    "/clew/v1/decide": {
        "post": _post(
            "Fill slots.",
            "decide",
            _json(_ref("decision_request")),
            _listed("decisions", "decision"),
            parameters=[
                {
                    "name": "fields",
                    "in": "query",
                    "schema": {"type": "string"},
                    "description": "Fields of the decisions to give, separated by commas; "
                    "without it, all.",
                }
            ],
        )
    },
    "/clew/v1/policy": {
        "get": _tagged(_get("The live policy.", "decide", _ref("policy"), 404)),
    },
    "/clew/v1/measure": {
        "get": _get(
            "Lift against holdouts.",
            "measure",
            _listed("measurements", "measurement"),
            query={
                "objective": {"type": "string"},
                "holdout": {"type": "string"},
                "looks": {"type": "integer", "minimum": 0, "maximum": 1000},
            },
        )
    },
    "/clew/v1/subjects/{id}": {
        "parameters": [_IN_PATH],
        "get": _get("What is known of a subject.", "subjects", _ref("profile"), 404),
    },
    "/clew/v1/subjects/{id}/decisions": {
        "parameters": [_IN_PATH],
        "get": _get(
            "What was decided for a subject, newest first.",
            "subjects",
            _listed("decisions", "decision"),
            404,
            query={"within_seconds": {"type": "number", "exclusiveMinimum": 0}},
        ),
    },
    "/clew/v1/decisions/{id}": {
        "parameters": [_IN_PATH],
        "get": _get("One decision.", "subjects", _ref("decision"), 404),
    },
    "/healthz": {"get": _open("Whether the process lives.", _json(_STATUS))},
    "/readyz": {
        "get": _open(
            "Whether the stores answer, take facts, and hold policies that can be read.",
            _json(_STATUS),
            503,
        )
    },
    "/metrics": {
        "get": _open("Figures of this worker.", {"text/plain": {"schema": {"type": "string"}}})
    },
    "/openapi.json": {"get": _open("This document.", _json({"type": "object"}))},
}
