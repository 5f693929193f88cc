"""The bridges' routes as OpenAPI has them; their bodies are the protocols' own, in short."""

from typing import Any

from clew_edge.service.segment_messages import KINDS

__all__ = ["PATHS"]

Json = dict[str, Any]

_TEXT: Json = {"type": "string"}
_SECURITY: list[dict[str, list[str]]] = [{"basic": []}, {"bearer": []}]
_PROBLEM: Json = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/problem"}}}


def _object(required: list[str], **properties: Json) -> Json:
    return {"type": "object", "required": required, "properties": properties}


def _answer(description: str, law: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": law}}}


def _post(summary: str, scope: str, body: Json, responses: Json, **more: Any) -> Json:
    return {
        "summary": summary,
        "description": f"Needs the scope `{scope}`.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": responses,
        "security": _SECURITY,
        **more,
    }


_REFUSALS = {
    401: "No key, or one that is not known.",
    403: "The key may not do this.",
    408: "The body took too long.",
    413: "Too large.",
    415: "A content encoding that is not read.",
    429: "The key is used too often; see Retry-After.",
    503: "Not now; see Retry-After.",
}

_MESSAGE: Json = {"type": "object", "description": "A message of Segment's tracking API."}
_BATCH = _object(["batch"], batch={"type": "array", "items": _MESSAGE}, sentAt=_TEXT)
_NOT_TAKEN = _object(["code", "message"], code=_TEXT, message=_TEXT)
_TAKEN = {
    "200": _answer("Taken, and durable.", _object(["success"], success={"const": True})),
    "400": _answer("The body cannot be read; do not send it again.", _NOT_TAKEN),
    **{str(status): _answer(why, _NOT_TAKEN) for status, why in _REFUSALS.items()},
}

_CONTEXT = _object(["context"], context=_object(["targetingKey"], targetingKey=_TEXT))
_FLAG = _object(
    ["key", "reason", "variant", "metadata"],
    key=_TEXT,
    reason=_TEXT,
    variant=_TEXT,
    metadata={"type": "object"},
    value={},
)
_FAULT = _object(["errorCode", "errorDetails"], key=_TEXT, errorCode=_TEXT, errorDetails=_TEXT)
_EVALUATED = {
    "400": {
        "description": "The request cannot be evaluated, or not even be read.",
        "content": {"application/json": {"schema": _FAULT}, **_PROBLEM},
    },
    **{str(status): {"description": why, "content": _PROBLEM} for status, why in _REFUSALS.items()},
}
_TAG: Json = {"ETag": {"schema": _TEXT}}

PATHS: Json = {
    "/v1/batch": {"post": _post("Segment: store messages.", "append", _BATCH, _TAKEN)},
    **{
        f"/v1/{kind}": {"post": _post(f"Segment: `{kind}`.", "append", _MESSAGE, _TAKEN)}
        for kind in KINDS
    },
    "/ofrep/v1/evaluate/flags/{key}": {
        "parameters": [{"name": "key", "in": "path", "required": True, "schema": _TEXT}],
        "post": _post(
            "OpenFeature: fill a slot, or one field of it.",
            "decide",
            _CONTEXT,
            {
                "200": _answer("What is in it.", _FLAG),
                "404": _answer("The policy has no such slot.", _FAULT),
                **_EVALUATED,
            },
        ),
    },
    "/ofrep/v1/evaluate/flags": {
        "post": _post(
            "OpenFeature: fill all slots of the policy.",
            "decide",
            _CONTEXT,
            {
                "200": {
                    **_answer("All flags.", _object(["flags"], flags={"type": "array"})),
                    "headers": _TAG,
                },
                "304": {"description": "As it was by If-None-Match.", "headers": _TAG},
                **_EVALUATED,
            },
            parameters=[{"name": "If-None-Match", "in": "header", "schema": _TEXT}],
        )
    },
}
