"""The data of each tenant, opened once: its client, its backend and its writer."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from clew import AsyncClient, BackendUnavailableError, ClewError, Client, open_backend
from clew.model.batch import ItemResult
from clew.model.decision import Decision
from clew.once import Once
from clew_edge.service.metrics import Histogram
from clew_edge.service.probing import Probe
from clew_edge.service.problems import RefusedError
from clew_edge.service.writing import Writer

__all__ = ["Tenant", "Tenants"]

logger = logging.getLogger("clew.service")

#: How long the end of the service waits for a store, in seconds.
CLOSE_SECONDS = 10.0


class Tenant:
    """
    The data of one tenant.

    Args:
        url: where the data lies.
        name: the tenant's.
        policy: a canonical bundle to seed it with.

    Raises:
        ClewError: it cannot be opened.
    """

    def __init__(self, url: str, name: str, *, policy: bytes | None = None) -> None:
        self.name = name
        self.backend = open_backend(url, tenant=name, policy=policy)
        self.client = Client(url, backend=self.backend, tenant=name)
        #: For what may wait for the store: it does so on threads.
        self.reading = AsyncClient.over(self.client)
        #: Facts that were brought, by kind and result.
        self.brought: Counter[tuple[str, str]] = Counter()
        #: Fields of documents that this version does not know, by the kind of document (RULES F2).
        self.unknown: Counter[str] = Counter()
        self.deciding = Histogram()
        self.once = Once()
        #: Whether its data can be written.
        self.probe = Probe(self.backend, name)
        self._answers = self.client._core.answers  # noqa: SLF001 - an application never names a request
        self._writer = Writer(self.backend.append, f"clew-writer-{name}")

    async def append(self, items: Sequence[bytes]) -> list[ItemResult]:
        """
        Store encoded batch items, durably; concurrent calls share a transaction.

        Raises:
            BackendUnavailableError: send the same again.
        """
        results = await self._writer.append(items)
        if any(one.status == "applied" for one in results):
            self.probe.note_stored()
        return results

    def decide(self, request: Mapping[str, Any]) -> dict[str, Decision]:
        """
        Fill slots, one decision for each; the records are durable.

        It does not wait: an embedded decision takes less than the way to a thread and back.

        Args:
            request: in wire form (`urn:clew:decision_request:1`), and checked.

        Raises:
            BackendUnavailableError: the store does not answer.
            RefusedError: it does, and each slot fails all the same: nobody else's need wait.
        """
        began = time.perf_counter()
        made = self._answers.decide(
            request["slots"],
            id=request.get("id"),
            subject=request.get("subject"),
            context=request.get("context"),
            default=None,
            deadline_ms=request.get("deadline_ms"),
            request_id=request.get("request_id"),
            anonymous_subject=request.get("anonymous_subject"),
            session_id=request.get("session_id"),
            traffic=request.get("traffic", "human"),
        )
        self.deciding.observe(time.perf_counter() - began)
        if all(one.reason == "error" for one in made.values()):
            self._check_answers()
            raise RefusedError(500, "this decision failed; the server's log says more", "internal")
        return made

    def _check_answers(self) -> None:
        """Raise where nobody's decision can be made, and not only one that fails."""
        try:
            self.probe.ask()
            self.backend.policy()
        except ClewError as error:
            raise BackendUnavailableError("the store does not answer") from error

    def close(self) -> int:
        """Finish what was accepted and let go; gives how many facts remain in the spool."""
        self._writer.close(CLOSE_SECONDS)
        return self.client.close(CLOSE_SECONDS)


class Tenants:
    """
    All tenants that are open.

    Args:
        open_tenant: opens one, by name; called on a thread.
    """

    def __init__(self, open_tenant: Callable[[str], Tenant]) -> None:
        self._open_tenant = open_tenant
        self._open: dict[str, Tenant] = {}
        self._opening: dict[str, asyncio.Task[None]] = {}

    def __iter__(self) -> Iterator[Tenant]:
        return iter(self._open.values())

    async def open(self, names: Iterable[str]) -> None:
        """Open tenants; raises when one cannot be."""
        for name in sorted(names):
            self._open[name] = await asyncio.to_thread(self._open_tenant, name)

    def get(self, name: str) -> Tenant:
        """
        Give a tenant.

        Raises:
            RefusedError: the keys have it since just now, and it is being opened.
        """
        found = self._open.get(name)
        if found is not None:
            return found
        if name not in self._opening:
            self._opening[name] = asyncio.create_task(self._open_late(name))
        raise RefusedError(
            503, "this tenant is being opened; try again", "opening", {"retry-after": "1"}
        )

    async def close(self) -> None:
        """Close all of them, at the same time."""
        closing = [asyncio.to_thread(tenant.close) for tenant in self]
        for tenant, remaining in zip(self, await asyncio.gather(*closing), strict=True):
            if remaining:
                logger.warning(
                    "tenant %s: %d facts wait in the spool for the next start",
                    tenant.name,
                    remaining,
                )

    async def _open_late(self, name: str) -> None:
        try:
            await self.open([name])
        except Exception:
            logger.exception("tenant %s could not be opened", name)
        finally:
            del self._opening[name]
