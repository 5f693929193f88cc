"""The two hot routes: `POST /clew/v1/append` and `POST /clew/v1/decide`."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson
from attrs import evolve

from clew.codec import FAULTS_MAX, from_json, to_json
from clew.errors import DocumentError
from clew.model.batch import BATCH_MAX, ItemResult
from clew.model.decision import Decision, Explanation, Reads
from clew.model.request import DecisionRequest
from clew_edge.service.asgi import Receive, Scope, Send, respond_json
from clew_edge.service.bodies import read_body
from clew_edge.service.cloudevents import is_batch, take_events
from clew_edge.service.intake import take, takes_back
from clew_edge.service.keys import Key
from clew_edge.service.limits import Limits
from clew_edge.service.problems import RefusedError, error_items
from clew_edge.service.reading import parameters
from clew_edge.service.tenants import Tenant
from clew_edge.service.validation import is_shallow, is_valid

if TYPE_CHECKING:
    from clew_edge.service.app import Service

__all__ = ["AT_ONCE", "ROUTES", "append", "decide", "read_json"]


#: Fields that a decision computes when it is asked for them, and what stands for none.
_COMPUTED: dict[str, Any] = {
    "content": {},
    "document": None,
    "draws": (),
    "explanation": Explanation(),
    "items": (),
    "reads": Reads(),
    "segments": (),
    "token": None,
}
#: How many faults are told in the answer to a batch; beyond them one of each item.
_ERRORS_MAX = 100
#: What every decision has (`urn:clew:decision:1`).
_ALWAYS = frozenset({"decided_at", "id", "reason", "slot"})


async def append(service: "Service", scope: Scope, receive: Receive, send: Send) -> None:
    """Store a batch; the answer says of each fact what became of it, once it is durable."""
    key, tenant = service.authorise(scope, "append", "decide")
    document = await read_json(scope, receive, service.limits)
    if not key.may("append") and not _takes_back_alone(document):
        raise RefusedError(403, "this needs a key with the scope `append`", "scope")
    if is_batch(scope):
        results = await take_events(
            key, tenant, _counted(document, "events"), received_at=time.time()
        )
    else:
        items = document.get("items") if isinstance(document, dict) else None
        if items is None:
            raise invalid('the body is a batch: {"items": [{"signal": {…}}, …]}')
        if items == []:
            raise invalid("the batch is empty: its `items` are at least one fact")
        results = await take(key, tenant, _counted(items, "items"))
    await respond_json(send, {"results": [result_json(one) for one in _brief(results)]})


async def decide(service: "Service", scope: Scope, receive: Receive, send: Send) -> None:
    """Fill slots: the subject's unsent signals are stored first, then it is decided."""
    key, tenant = service.authorise(scope, "decide")
    document = await read_json(scope, receive, service.limits)
    fields = _fields(scope)
    request = _request(document, key, tenant, service.limits)
    if request.get("signals"):
        await take(key, tenant, [{"signal": one} for one in document["signals"]])
    await respond_json(send, _decided(tenant, request, fields))


def decide_at_once(service: "Service", scope: Scope, body: bytes) -> dict[str, Any] | None:
    """As `decide`, for a request whose body is there; None where there are signals to store."""
    if b"signals" in body:
        return None
    key, tenant = service.authorise(scope, "decide")
    request = _request(_parsed(body, service.limits), key, tenant, service.limits)
    return None if request.get("signals") else _decided(tenant, request, _fields(scope))


ROUTES = {("POST", "/clew/v1/append"): append, ("POST", "/clew/v1/decide"): decide}
#: By method and path, what gives the document of an answer where nothing is to be waited for.
AT_ONCE = {("POST", "/clew/v1/decide"): decide_at_once}


async def read_json(scope: Scope, receive: Receive, limits: Limits) -> Any:
    """
    Read a body as JSON of bounded depth.

    Raises:
        RefusedError: it is none, or nested too deep.
    """
    return _parsed(await read_body(scope, receive, limits), limits)


def _parsed(body: bytes, limits: Limits) -> Any:
    """
    Read the bytes of a body as `read_json` does.

    Raises:
        RefusedError: they are no JSON, or nested too deep.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RefusedError(400, f"the body is no JSON: {error}", "json") from None
    # Few bodies have as many brackets as levels are allowed, which is told at a glance.
    brackets = body.count(b"{") + body.count(b"[")
    if brackets > limits.depth and not is_shallow(document, limits.depth):
        raise RefusedError(
            400, f"the body is nested more than {limits.depth} deep; flatten it", "depth"
        )
    return document


def shown(decision: Decision, fields: frozenset[str] | None) -> dict[str, Any]:
    """Write a decision, or some fields of it; what is not asked for is not computed."""
    if fields is None:
        return to_json(decision)
    spared = {name: empty for name, empty in _COMPUTED.items() if name not in fields}
    document = to_json(evolve(decision, **spared))
    return {name: value for name, value in document.items() if name in fields | _ALWAYS}


def _fields(scope: Scope) -> frozenset[str] | None:
    asked = parameters(scope, {"fields"}).get("fields")
    return None if asked is None else frozenset(asked.split(","))


def _takes_back_alone(document: Any) -> bool:
    """Whether a batch does no more than take back what was decided."""
    items = document.get("items") if isinstance(document, dict) else None
    return isinstance(items, list) and bool(items) and all(map(takes_back, items))


def _counted(items: Any, what: str) -> list[Any]:
    """Give what should be a list that is not too long."""
    if not isinstance(items, list):
        raise invalid(f"the {what} are a list")
    if len(items) > BATCH_MAX:
        raise RefusedError(
            413, f"a batch has at most {BATCH_MAX} {what}, not {len(items)}; send several", "batch"
        )
    return items


def _check_lists(document: Any, key: Key, limits: Limits) -> None:
    """Refuse what is too much or not permitted, before it is read: that has its price."""
    if not isinstance(document, dict):
        return
    slots, signals = document.get("slots"), document.get("signals")
    if isinstance(slots, list) and len(slots) > limits.slots:
        raise invalid(f"at most {limits.slots} slots are filled at once; ask for fewer")
    if signals and not key.may("append"):
        raise RefusedError(403, "`signals` need a key with the scope `append`", "scope")
    if isinstance(signals, list):
        _counted(signals, "signals")


def invalid(detail: str) -> RefusedError:
    """Refuse a document that is JSON but not what was asked for."""
    return RefusedError(422, detail, "document")


def result_json(result: ItemResult) -> dict[str, Any]:
    """Write the result of one item; most have nothing to say."""
    if result.errors:
        return to_json(result)
    if result.cause is not None:
        return {"id": result.id, "status": result.status, "cause": result.cause}
    return {"id": result.id, "status": result.status}


def _brief(results: Iterable[ItemResult]) -> Iterator[ItemResult]:
    """Leave out faults where there are too many for one answer, though of no item the first."""
    left = _ERRORS_MAX
    for result in results:
        yield evolve(result, errors=result.errors[: max(left, 1)]) if result.errors else result
        left -= len(result.errors)


def _decided(
    tenant: Tenant, request: Mapping[str, Any], fields: frozenset[str] | None
) -> dict[str, Any]:
    made = tenant.decide(request)
    return {"decisions": [shown(one, fields) for one in made.values()]}


def _request(document: Any, key: Key, tenant: Tenant, limits: Limits) -> Mapping[str, Any]:
    """
    Check a decide request; gives its fields.

    Raises:
        RefusedError: what is wrong with it.
    """
    _check_lists(document, key, limits)
    if is_valid("decision_request", document):
        return document  # type: ignore[no-any-return]
    try:
        known = from_json(DecisionRequest, document, keep_unknown=True, kept=tenant.unknown)
        return to_json(known)
    except DocumentError as error:
        count = len(error.problems)
        number = f"over {FAULTS_MAX}" if count > FAULTS_MAX else count
        raise RefusedError(
            422,
            f"the decision request has {number} fault{'s' if count > 1 else ''}; see errors",
            "document",
            errors=error_items(error.problems),
        ) from None
