"""
OpenFeature's remote evaluation: a slot is a flag, a creative its variant.

Source: OpenFeature Remote Evaluation Protocol (OFREP) 0.3, openapi.yaml; what 0.1 and 0.2 ask for
is the same here.

- The value is the content: an object. `slot.field` is the flag of one field, for applications that
  ask for text, a number or a boolean; the bulk answer has the slots alone. The value of a list slot
  has its entries as `items`. A creative without that field has no value, and the application's own
  default holds (ADR 0006).
- The targeting key is the subject, and OFREP requires it. `anonymous_subject`, `session_id`,
  `request_id` and `traffic` of the context mean what they mean in a decision request; all else is
  its context.
- The reason is OpenFeature's; ours, the propensity, and the decision's id and token, to report
  outcomes with, are metadata.
- To evaluate is to decide: the decision is recorded, and what came of it is reported by its token.
  The bulk answer's ETag names the policy and what the decisions show. Where the client has that
  already it is 304, it goes on with the tokens it has, and decisions made anew are voided (D8).
- A request that is not served for other reasons (its key, its size, a sick store) has a problem
  document as elsewhere; OFREP leaves the bodies of 401, 403 and 429 open.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from clew import Decision, DocumentError
from clew.codec import from_json, to_json
from clew.model.policy import Policy
from clew.model.request import DecisionRequest
from clew_edge.service.asgi import Answer, Receive, Scope, Send, header, respond, respond_json
from clew_edge.service.bodies import read_body
from clew_edge.service.validation import is_shallow

if TYPE_CHECKING:
    from clew_edge.service.app import Service

__all__ = ["ROUTES", "EvaluationError", "etag", "evaluate", "evaluate_all", "flag", "read_request"]

_PATH = "/ofrep/v1/evaluate/flags"

#: By reason of a decision, OpenFeature's (specification, "Types", resolution reason); the reasons
#: that are not here all say why it is the default.
_REASONS = {
    "bandit": "SPLIT",
    "split": "SPLIT",
    "holdout": "SPLIT",
    "priority": "TARGETING_MATCH",
    "moment": "TARGETING_MATCH",
    "pinned": "TARGETING_MATCH",
    "override": "STATIC",
    "preview": "STATIC",
    "stale": "STALE",
}

#: Fields of a decision request that the context of an evaluation may hold.
_OF_REQUEST = ("anonymous_subject", "session_id", "request_id", "traffic")
#: What deciding itself reads of a context, beside the rules of the policy.
_TEXTS = ("channel", "locale", "view_id")


class EvaluationError(Exception):
    """An evaluation that fails; *code* is OpenFeature's (specification, "Types", error code)."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(details)
        self.code = code
        self.status = 404 if code == "FLAG_NOT_FOUND" else 400

    def document(self, key: str | None = None) -> dict[str, str]:
        """Write it as the answer to the evaluation of a flag, or of all."""
        named = {} if key is None else {"key": key}
        return {**named, "errorCode": self.code, "errorDetails": str(self)}


async def evaluate(service: "Service", scope: Scope, receive: Receive, send: Send) -> None:
    """Evaluate one flag."""
    _, tenant = service.authorise(scope, "decide")
    body = await read_body(scope, receive, service.limits)
    key = scope["path"].removeprefix(f"{_PATH}/")
    try:
        slot, field = _find(tenant.backend.policy(), key)
        request = read_request(body, [slot], service.limits.depth)
    except EvaluationError as error:
        await respond_json(send, error.document(key), error.status)
        return
    made = tenant.decide(request)
    await respond_json(send, flag(made[slot], key, field))


async def evaluate_all(service: "Service", scope: Scope, receive: Receive, send: Send) -> None:
    """Evaluate every slot of the policy, unless nothing has changed since the answer before."""
    _, tenant = service.authorise(scope, "decide")
    body = await read_body(scope, receive, service.limits)
    policy = tenant.backend.policy()
    slots = () if policy is None else tuple(slot.id for slot in policy.slots)
    try:
        request = read_request(body, slots, service.limits.depth)
    except EvaluationError as error:
        await respond_json(send, error.document(), error.status)
        return
    made = tenant.decide(request) if slots else {}
    tag = etag(policy, made.values())
    if tag in _tags(scope):
        for decision in made.values():
            if decision.cache == "miss":
                tenant.client.report(decision, "voided")
        await respond(send, Answer(304, b"", headers={"etag": tag}))
        return
    flags = [flag(decision, slot) for slot, decision in made.items()]
    await respond_json(send, {"flags": flags}, 200, {"etag": tag})


ROUTES = {("POST", _PATH): evaluate_all, ("POST", f"{_PATH}/*"): evaluate}


def read_request(body: bytes, slots: Iterable[str], depth: int) -> Mapping[str, Any]:
    """
    Read an evaluation request as one that asks to fill slots, in wire form.

    Args:
        depth: how deep it may be nested.

    Raises:
        EvaluationError: it is no JSON, names no subject, or its context is none.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise EvaluationError("PARSE_ERROR", f"the body is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise EvaluationError("PARSE_ERROR", 'the body is an object: {"context": {…}}')
    context = document.get("context") or {}
    if not isinstance(context, dict) or not is_shallow(context, depth):
        details = f"`context` is an object, nested at most {depth} deep"
        raise EvaluationError("INVALID_CONTEXT", details)
    rest = dict(context)
    subject = rest.pop("targetingKey", None)
    if subject is None or subject == "":
        details = "`targetingKey` is absent from the context; give the subject's key"
        raise EvaluationError("TARGETING_KEY_MISSING", details)
    for name in _TEXTS:
        if not isinstance(rest.get(name, ""), str):
            raise EvaluationError("INVALID_CONTEXT", f"`{name}` of the context is text")
    named = {name: rest.pop(name) for name in _OF_REQUEST if name in rest}
    request = {"slots": list(slots), "subject": subject, "context": rest, **named}
    try:
        return to_json(from_json(DecisionRequest, request, keep_unknown=True))
    except DocumentError as error:
        faults = "; ".join(str(one) for one in error.problems)
        raise EvaluationError(
            "INVALID_CONTEXT", faults.replace("/subject", "/targetingKey")
        ) from None


def flag(decision: Decision, key: str, field: str | None = None) -> dict[str, Any]:
    """Write a decision as the evaluation of the flag that was asked for by *key*."""
    known = {
        "reason": decision.reason,
        "decision": decision.id,
        "token": decision.token,
        "propensity": decision.propensity,
        "policy_version": decision.policy_version,
    }
    evaluation = {
        "key": key,
        "reason": _REASONS.get(decision.reason, "DEFAULT"),
        "variant": decision.creative or "none",
        "metadata": {name: value for name, value in known.items() if value is not None},
    }
    value = _value(decision) if field is None else decision.get(field)
    return evaluation if value is None else {**evaluation, "value": value}


def _value(decision: Decision) -> Mapping[str, Any]:
    """The content, and the entries of a list."""
    if not decision.items:
        return decision.content
    return {**decision.content, "items": [to_json(item) for item in decision.items]}


def etag(policy: Policy | None, decisions: Iterable[Decision]) -> str:
    """Name what a bulk evaluation shows: the policy, and of each slot what is in it and why."""
    version = None if policy is None else [policy.id, policy.version]
    shown = [[d.slot, d.creative, d.creative_version, d.reason, _value(d)] for d in decisions]
    return f'"{hashlib.sha256(orjson.dumps([version, shown])).hexdigest()}"'


def _find(policy: Policy | None, key: str) -> tuple[str, str | None]:
    """
    Give the slot that a flag's key means, and the field if it means only that.

    Raises:
        EvaluationError: the policy has no such slot, or the slot no such field.
    """
    slots = {} if policy is None else {slot.id: slot for slot in policy.slots}
    if key in slots:
        return key, None
    slot, _, field = key.rpartition(".")
    if slot in slots and field in slots[slot].fields:
        return slot, field
    details = f"the policy has no slot {key!r}; ask for one of its slots, or for `slot.field`"
    raise EvaluationError("FLAG_NOT_FOUND", details)


def _tags(scope: Scope) -> list[str]:
    """The ETags that the client has (RFC 9110, section 13.1.2)."""
    known = (header(scope, b"if-none-match") or b"").decode("latin-1")
    return [tag.strip().removeprefix("W/") for tag in known.split(",")]
