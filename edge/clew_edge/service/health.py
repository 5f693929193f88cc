"""How the service is: `/healthz`, `/readyz`, `/metrics`; and what it offers: `/openapi.json`."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from clew_edge.service.asgi import Answer, Receive, Scope, Send, respond, respond_json
from clew_edge.service.metrics import MEDIA_TYPE, Histogram, expose
from clew_edge.service.openapi import document
from clew_edge.service.problems import RefusedError

if TYPE_CHECKING:
    from clew_edge.service.app import Service
    from clew_edge.service.tenants import Tenant

__all__ = ["ROUTES"]

#: How long a store may take to answer, in seconds.
READY_SECONDS = 2.0


async def healthz(_service: "Service", _scope: Scope, _receive: Receive, send: Send) -> None:
    """Say that the process lives."""
    await respond_json(send, {"status": "ok"})


async def readyz(service: "Service", _scope: Scope, _receive: Receive, send: Send) -> None:
    """Say whether the stores answer, take facts, and hold live policies that can be read here."""
    tenants = list(service.tenants)
    try:
        async with asyncio.timeout(READY_SECONDS):
            await asyncio.gather(*(asyncio.to_thread(_look, tenant) for tenant in tenants))
    except Exception as error:  # noqa: BLE001 - whatever the store says
        said = "a store does not answer, or its live policy cannot be read"
        raise _not_ready(service, said, error) from None
    try:
        await asyncio.gather(*(tenant.probe.check() for tenant in tenants))
    except Exception as error:  # noqa: BLE001 - whatever the store says
        said = "a store cannot be written, so no fact is stored"
        raise _not_ready(service, said, error) from None
    await respond_json(send, {"status": "ok"})


def _not_ready(service: "Service", said: str, error: Exception) -> RefusedError:
    service.repeats.met(f"not ready: {said}", repr(error))
    return RefusedError(503, f"{said}; the log says more", "unavailable", {"retry-after": "1"})


def _look(tenant: "Tenant") -> None:
    """Read what deciding needs; raises when there is no answer."""
    tenant.backend.decision("ready")
    tenant.backend.policy()


async def metrics(service: "Service", _scope: Scope, _receive: Receive, send: Send) -> None:
    """Give the figures of this worker, for Prometheus."""
    items: Counter[tuple[str, str]] = Counter()
    losses: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    decide = Histogram()
    for tenant in service.tenants:
        items += tenant.brought
        losses += tenant.client.losses
        unknown += tenant.unknown
        decide.add(tenant.deciding)
    body = expose(
        requests=service.answered,
        items=items,
        losses=losses,
        unknown=unknown,
        pending=sum(tenant.client.pending for tenant in service.tenants),
        decide=decide,
    )
    await respond(send, Answer(200, body, MEDIA_TYPE))


async def openapi(_service: "Service", _scope: Scope, _receive: Receive, send: Send) -> None:
    """Give the description of all routes."""
    await respond_json(send, document())


ROUTES = {
    ("GET", "/healthz"): healthz,
    ("GET", "/metrics"): metrics,
    ("GET", "/openapi.json"): openapi,
    ("GET", "/readyz"): readyz,
}
