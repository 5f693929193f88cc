"""
Segment's tracking API: unmodified clients of Segment and RudderStack store signals here.

Source: Segment, "HTTP Tracking API". `POST /v1/batch` takes `{"batch": [message, …], "sentAt": …}`,
and `/v1/track` and its like one message; `segment_messages` says what becomes of each.

The clients are why some things are as they are:

- The answer is exactly 200 `{"success": true}`, and only when all is durable: RudderStack's Python
  client takes 202 and 204 for failures and sends again.
- An error is `{"code": …, "message": …}`, which that client reads. 400, 401 and 413 make clients
  drop the batch, 429 and 503 make them wait and send it again.
- The body is JSON whatever its content type says; RudderStack's Node client says it is a form.
- A message at fault must not fail the others, for clients drop what is answered with 400: it is
  left out and logged, and so is what a policy or a person does not permit. What Python's `json`
  writes that is no JSON (NaN, half a surrogate pair) is read as far as it can be.
"""

import json
import logging
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from clew import BackendUnavailableError, DocumentError
from clew.model.batch import BATCH_MAX, ItemResult
from clew_edge.service.asgi import Answer, Receive, Scope, Send, respond_json
from clew_edge.service.bodies import read_body
from clew_edge.service.intake import take
from clew_edge.service.problems import RefusedError
from clew_edge.service.segment_messages import KINDS, translate
from clew_edge.service.segment_reader import Delivery, Item, fault
from clew_edge.service.tenants import Tenant

if TYPE_CHECKING:
    from clew_edge.service.app import Service

__all__ = ["ROUTES", "collect", "refusal"]

logger = logging.getLogger("clew.service")

#: The most messages in a batch, as many as Segment takes ("HTTP API", section "Errors").
MESSAGES_MAX = 2_500

#: What its clients send a key as.
_CHALLENGE = {"www-authenticate": 'Basic realm="clew"'}


async def collect(
    service: "Service", scope: Scope, receive: Receive, send: Send, *, kind: str | None = None
) -> None:
    """
    Store messages, durably.

    Args:
        kind: the type of the one message that the body is; None for a batch.
    """
    key, tenant = service.authorise(scope, "append")
    document = _read(await read_body(scope, receive, service.limits))
    messages = _messages(document, kind)
    delivery = Delivery(
        tenant=tenant.name,
        id=uuid.uuid4().hex,
        received_at=time.time(),
        sent_at=document.get("sentAt"),
        context=document["context"] if isinstance(document.get("context"), Mapping) else {},
    )
    items, faults = _facts(service, messages, delivery)
    for first in range(0, len(items), BATCH_MAX):
        part = items[first : first + BATCH_MAX]
        results = await take(key, tenant, part)
        if any(result.status == "retry" for result in results):
            raise BackendUnavailableError("not all facts were stored")
        _tell_refused(tenant, part, results)
    tenant.brought["signal", "refused"] += len(faults)
    for error in faults:
        what = f"a message of a Segment client of tenant {tenant.name} was not taken"
        service.repeats.met(what, error.problems[0])
    await respond_json(send, {"success": True})


def refusal(refused: RefusedError) -> Answer:
    """Answer with a refusal, whatever its cause, in the words that clients read."""
    document = {"code": refused.code, "message": refused.detail}
    headers = {name: _CHALLENGE.get(name, text) for name, text in refused.headers.items()}
    return Answer(refused.status, orjson.dumps(document), headers=headers)


ROUTES = {("POST", "/v1/batch"): collect} | {
    ("POST", f"/v1/{kind}"): partial(collect, kind=kind) for kind in KINDS
}


def _tell_refused(tenant: Tenant, items: Iterable[Item], results: Iterable[ItemResult]) -> None:
    """Log what the policy or a person does not permit: the client hears of success alone."""
    for item, result in zip(items, results, strict=True):
        if result.status != "refused":
            continue
        ((kind, fact),) = item.items()
        what = f"signal {fact['type']!r:.100}" if kind == "signal" else kind
        # Not the message, which may repeat what was sent of a person.
        where = [f"{error.keyword} at {error.pointer or '/'}" for error in result.errors[:1]]
        why = ", ".join([str(result.cause), *where])
        if tenant.once.is_news("segment", f"{what}: {why}"):
            logger.warning(
                "%s: not stored, though Segment's client is told success: %s (said once;"
                " POST /clew/v1/append with the same fact answers in words)",
                what,
                why,
            )


def _facts(
    service: "Service", messages: Sequence[Any], delivery: Delivery
) -> tuple[list[Item], list[DocumentError]]:
    """Give the batch items of all messages, and what is wrong with those that are at fault."""
    items: list[Item] = []
    faults: list[DocumentError] = []
    for position, message in enumerate(messages):
        try:
            items += translate(_sound(message), delivery, position)
        except DocumentError as error:
            faults.append(error)
        except Exception as error:  # noqa: BLE001 - one message at fault must not fail the others
            service.faults.met(error)
            faults.append(fault("", "internal", "it cannot be read; the traceback says why"))
    return items, faults


def _messages(document: Mapping[str, Any], kind: str | None) -> Sequence[Any]:
    if kind is not None:
        return [{**document, "type": kind}]
    batch = document.get("batch")
    if not isinstance(batch, list):
        raise RefusedError(
            400, 'the body is a batch: {"batch": [{"type": "track", …}, …]}', "batch"
        )
    if len(batch) > MESSAGES_MAX:
        raise RefusedError(
            413,
            f"a batch has at most {MESSAGES_MAX} messages, not {len(batch)}; send several",
            "batch",
        )
    return batch


def _read(body: bytes) -> Mapping[str, Any]:
    """Read the body as JSON, or else as what Python writes for it."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise RefusedError(400, f"the body is no JSON: {error}", "json") from None
    if not isinstance(document, dict):
        raise RefusedError(400, "the body is no JSON object", "json")
    return document


def _sound(message: Any) -> Any:
    """
    Give a message as the JSON it should have been: NaN is null.

    Raises:
        DocumentError: it holds text that is none.
    """
    try:
        return orjson.loads(orjson.dumps(message))
    except (orjson.JSONEncodeError, orjson.JSONDecodeError) as error:
        raise fault("", "json", f"no JSON: {error}") from None
