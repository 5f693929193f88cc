"""
CloudEvents 1.0 as signals: what `append` takes as `application/cloudevents-batch+json`.

Source: CloudEvents 1.0.2, "JSON Event Format" section 4 (batches), "CloudEvents" section 3.

=================== ===========================================================================
attribute           of the signal
=================== ===========================================================================
`source`, `id`      the id, made of both: together they name the event (section 3.1.1)
`type`              the type, as it is
`subject`           the subject; the standard leaves it open, a signal has one
`time`              when it happened; absent is now
`data`              the data, an object; `data_base64` where it is such JSON
`dataschema`        the schema's URI, never fetched
an extension        the field that it names without its underscores: `sessionid` is the session;
                    others are kept in `ext`
=================== ===========================================================================

The standard knows no partial success, and none is needed: each event has its result, in order, and
a batch may be sent again.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from attrs import evolve

from clew import DocumentError, Problem
from clew.facts import signal
from clew.model.batch import ItemResult
from clew.model.limits import ID_MAX
from clew_edge.service.asgi import Scope, header
from clew_edge.service.intake import take
from clew_edge.service.keys import Key
from clew_edge.service.problems import error_items
from clew_edge.service.tenants import Tenant

__all__ = ["MEDIA_TYPE", "event_id", "is_batch", "take_events", "translate"]

#: Of a batch; one event alone has another.
MEDIA_TYPE = "application/cloudevents-batch+json"

#: By an extension's name, the signal's field.
_FIELDS = {
    "anonymoussubject": "anonymous_subject",
    "channel": "channel",
    "department": "department",
    "party": "party",
    "sessionid": "session_id",
    "traffic": "traffic",
}
#: By the pointer of a fault of the signal, where that stands in the event.
_POINTERS = {f"/{field}": f"/{name}" for name, field in _FIELDS.items()} | {"/occurred_at": "/time"}

_STANDARD = frozenset(
    {"specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype"}
    | {"data", "data_base64"}
)


def is_batch(scope: Scope) -> bool:
    """Whether a request says that its body is a batch of events."""
    media_type = (header(scope, b"content-type") or b"").partition(b";")[0]
    return media_type.strip().lower() == MEDIA_TYPE.encode()


async def take_events(
    key: Key, tenant: Tenant, events: Sequence[Any], *, received_at: float
) -> list[ItemResult]:
    """
    Store events as signals, for a key; gives one result each, in their order.

    Args:
        received_at: seconds since the epoch.

    Raises:
        BackendUnavailableError: send the same again.
    """
    translated = [_translated(event, tenant.name, received_at) for event in events]
    items = [one for one in translated if not isinstance(one, ItemResult)]
    stored = iter(await take(key, tenant, items))
    tenant.brought["signal", "refused"] += len(translated) - len(items)
    return [one if isinstance(one, ItemResult) else next(stored) for one in translated]


def event_id(source: str, id: str) -> str:
    """Name an event within a tenant: by its source and id, which are unique together."""
    return hashlib.sha256(orjson.dumps([source, id])).hexdigest()


def translate(event: Any, *, tenant: str, received_at: float) -> dict[str, Any]:
    """
    Give the batch item that an event becomes.

    Args:
        event: decoded JSON.
        received_at: seconds since the epoch.

    Raises:
        DocumentError: what is wrong with the event, with pointers into it.
    """
    if not isinstance(event, Mapping):
        raise DocumentError("event", [Problem("", "type", "an event is an object")])
    said = {name: value for name, value in event.items() if value is not None}
    if problems := _problems(said):
        raise DocumentError("event", problems)
    fact = _signal(said, tenant, received_at)
    if "dataschema" in said:
        fact["schema_uri"] = said["dataschema"]
    ext = {name: one for name, one in said.items() if name not in _STANDARD | _FIELDS.keys()}
    if ext:
        fact["ext"] = ext
    return {"signal": fact}


def _translated(event: Any, tenant: str, received_at: float) -> dict[str, Any] | ItemResult:
    """The batch item of an event, or why there is none."""
    try:
        return translate(event, tenant=tenant, received_at=received_at)
    except DocumentError as error:
        return ItemResult(
            id=_own_id(event), status="refused", cause="schema", errors=error_items(error.problems)
        )


def _own_id(event: Any) -> str:
    """The id that an event at fault has here, as far as it says one."""
    if isinstance(event, Mapping):
        source, id = event.get("source"), event.get("id")
        if isinstance(source, str) and isinstance(id, str):
            return event_id(source, id)
    return ""


def _signal(said: Mapping[str, Any], tenant: str, received_at: float) -> dict[str, Any]:
    try:
        return signal(
            said["type"],
            subject=said["subject"],
            data=_data(said),
            now=received_at,
            tenant=tenant,
            policy=None,
            id=event_id(said["source"], said["id"]),
            at=_instant(said.get("time")),
            source=said["source"],
            **{_FIELDS[name]: value for name, value in said.items() if name in _FIELDS},
        )
    except DocumentError as error:
        problems = [evolve(one, pointer=_place(one.pointer)) for one in error.problems]
        raise DocumentError("event", problems) from None


def _place(pointer: str) -> str:
    return _POINTERS.get(pointer, pointer)


def _problems(said: Mapping[str, Any]) -> list[Problem]:
    """Find what the standard, or a signal, does not let be."""
    problems = [
        Problem(f"/{name}", "required", f"`{name}` is absent; add it: it is required")
        for name in ("specversion", "id", "source", "type", "subject")
        if name not in said
    ]
    problems += [
        Problem(f"/{name}", "type", f"`{name}` is text")
        for name in ("id", "source", "type", "subject", "time", "dataschema", *_FIELDS)
        if name in said and (not isinstance(said[name], str) or said[name] == "")
    ]
    if said.get("specversion", "1.0") != "1.0":
        problems.append(Problem("/specversion", "const", "`specversion` is not `1.0`"))
    problems += [
        Problem(f"/{name}", "maxLength", f"`{name}` has more than {ID_MAX} characters")
        for name in ("type", "subject")
        if len(str(said.get(name, ""))) > ID_MAX
    ]
    return problems


def _data(said: Mapping[str, Any]) -> dict[str, Any]:
    """The event's data, where it is an object."""
    data = said.get("data", {})
    if "data_base64" in said:
        try:
            data = orjson.loads(base64.b64decode(said["data_base64"], validate=True))
        except (TypeError, ValueError):
            message = "`data_base64` is no JSON; the data of a signal is an object"
            raise DocumentError("event", [Problem("/data_base64", "json", message)]) from None
    if not isinstance(data, dict):
        raise DocumentError(
            "event", [Problem("/data", "type", "the data of a signal is an object")]
        )
    return data


def _instant(time: str | None) -> datetime | None:
    """Read when it happened; RFC 3339 always says its offset from UTC."""
    if time is None:
        return None
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = f"`time` is no RFC 3339 instant with its offset from UTC: {time!r:.60}"
        raise DocumentError("event", [Problem("/time", "format", message)])
    return moment
