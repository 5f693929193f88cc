"""What can be read: the policy, measurements, a subject's profile and decisions, one decision."""

import asyncio
import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_to_bytes

from clew import ConfigurationError, Decision
from clew.codec import to_json
from clew.model.limits import ID_MAX
from clew.policy.canonical import canonical
from clew_edge.service.asgi import Answer, Receive, Scope, Send, header, respond, respond_json
from clew_edge.service.problems import RefusedError
from clew_edge.service.tenants import Tenant

if TYPE_CHECKING:
    from clew_edge.service.app import Service

__all__ = ["ROUTES", "parameters"]

#: How far back decisions are given where nobody says, in seconds.
WITHIN_SECONDS = 86_400.0
#: Looks in one measurement.
LOOKS_MAX = 1_000

_SUBJECTS = b"/clew/v1/subjects/"
_DECISIONS = b"/clew/v1/decisions/"


async def policy(service: "Service", scope: Scope, _receive: Receive, send: Send) -> None:
    """Give the live policy as canonical JSON; its ETag is the digest of these bytes."""
    _, tenant = service.authorise(scope, "decide")
    live = tenant.backend.policy()
    if live is None:
        raise _absent("no policy is live; make one live with `clew policy publish`")
    bundle = canonical(to_json(live))
    etag = f'"{hashlib.sha256(bundle).hexdigest()}"'
    if etag in (header(scope, b"if-none-match") or b"").decode("latin-1"):
        await respond(send, Answer(304, b"", headers={"etag": etag}))
    else:
        await respond(send, Answer(200, bundle, headers={"etag": etag}))


async def measure(service: "Service", scope: Scope, _receive: Receive, send: Send) -> None:
    """Give the lift of objectives against holdouts."""
    _, tenant = service.authorise(scope, "measure")
    asked = parameters(scope, {"objective", "holdout", "looks"})
    looks = asked.get("looks", "0")
    if not re.fullmatch("[0-9]{1,4}", looks) or int(looks) > LOOKS_MAX:
        raise _fault(f"`looks` is a whole number up to {LOOKS_MAX}")
    try:
        found = await tenant.reading.measure(
            asked.get("objective"), holdout=asked.get("holdout"), looks=int(looks)
        )
    except ConfigurationError as error:
        raise _fault(str(error)) from None
    await respond_json(send, {"measurements": [to_json(one) for one in found]})


async def subject(service: "Service", scope: Scope, _receive: Receive, send: Send) -> None:
    """Give what is known of a subject: `/{id}`, or its decisions: `/{id}/decisions`."""
    _, tenant = service.authorise(scope, "subjects")
    name, slash, rest = _raw_path(scope).removeprefix(_SUBJECTS).partition(b"/")
    if slash and rest != b"decisions":
        raise _absent("below a subject there is /decisions")
    if slash:
        await respond_json(send, await _decisions(service, tenant, scope, _name(name)))
    else:
        parameters(scope, set())
        await respond_json(send, to_json(await tenant.reading.profile(_name(name))))


async def decision(service: "Service", scope: Scope, _receive: Receive, send: Send) -> None:
    """Give one recorded decision."""
    _, tenant = service.authorise(scope, "subjects")
    name = _name(_raw_path(scope).removeprefix(_DECISIONS))
    parameters(scope, set())
    found = await asyncio.to_thread(tenant.backend.decision, name)
    written = list(_written(service, [found] if found is not None else []))
    if not written:
        raise _absent(
            "there is no decision of this id whose policy is known; perhaps it is not stored yet"
        )
    await respond_json(send, written[0])


ROUTES = {
    ("GET", "/clew/v1/decisions/*"): decision,
    ("GET", "/clew/v1/measure"): measure,
    ("GET", "/clew/v1/policy"): policy,
    ("GET", "/clew/v1/subjects/*"): subject,
}


def parameters(scope: Scope, known: set[str]) -> Mapping[str, str]:
    """
    Read the query, in which each parameter stands once.

    Raises:
        RefusedError: it has parameters that are not known, or one twice.
    """
    query = scope["query_string"]
    if not query:  # as of most
        return {}
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=10,
        )
    except ValueError:
        raise _fault("the query is not readable: it is name=value&…, in UTF-8") from None
    found = dict(pairs)
    if not found.keys() <= known or len(found) < len(pairs):
        names = ", ".join(sorted(known)) or "none"
        raise _fault(f"the query takes each of these once: {names}")
    return found


async def _decisions(service: "Service", tenant: Tenant, scope: Scope, name: str) -> dict[str, Any]:
    asked = parameters(scope, {"within_seconds"})
    try:
        within = float(asked.get("within_seconds", WITHIN_SECONDS))
    except ValueError:
        within = math.nan
    if not 0.0 < within < math.inf:
        raise _fault("`within_seconds` is a number above 0")
    found = await tenant.reading.decisions(name, within_seconds=within)
    return {"decisions": list(_written(service, found))}


def _written(service: "Service", decisions: Iterable[Decision]) -> Iterator[dict[str, Any]]:
    """Write decisions; one whose record is not whole, for it came from outside, hides no other."""
    for one in decisions:
        try:
            yield to_json(one)
        except Exception as error:  # noqa: BLE001 - what is computed of a record may be anything
            service.faults.met(error)


def _raw_path(scope: Scope) -> bytes:
    """The path as it was sent: an id may hold an escaped slash."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    return path


def _name(raw: bytes) -> str:
    try:
        name = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise _fault("the id in the path is not UTF-8") from None
    if not 1 <= len(name) <= ID_MAX or b"/" in raw:
        raise _fault(f"an id has 1 to {ID_MAX} characters; a slash in it is %2F")
    return name


def _fault(detail: str) -> RefusedError:
    return RefusedError(400, detail, "request")


def _absent(detail: str) -> RefusedError:
    return RefusedError(404, detail, "absent")
