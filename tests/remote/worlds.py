"""Clients and backends of one server that can be told to fail."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from attrs import Factory, define

from clew import Client
from clew.backends.http import HttpBackend
from clew.backends.http.opening import open_http
from clew.testing import HandClock
from client.worlds import creative, policy, slot
from remote.standin import PATIENCE_SECONDS, Server

__all__ = ["DOCUMENT", "LONG_MS", "SOON_MS", "Remote", "eventually"]

#: A slot that draws anew each time, one that stays for the session, and one that looks at the page.
DOCUMENT = policy(
    slots=[
        slot(),
        slot("kept", sticky="session"),
        slot("paged", "priority"),
    ],
    creatives=[
        creative("plain", "hero", "kept", "paged"),
        creative("fresh", "hero", "kept"),
        creative("usual", "hero", "kept"),
        creative("viewer", "paged", when={">=": [{"var": "computed.views"}, 1]}, priority=2),
        creative("mobile", "paged", when={"==": [{"var": "context.device"}, "phone"]}),
    ],
)

#: So long that no answer misses it, and so short that a server that hangs always does.
LONG_MS = PATIENCE_SECONDS * 1_000.0
SOON_MS = 20.0


def eventually(condition: Callable[[], Any]) -> None:
    """Hold this thread up until something holds that happens on other threads."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "in vain"
        time.sleep(0.001)


@define
class Remote:
    """One server, one clock of its clients, and the clients."""

    server: Server
    folder: Path
    clock: HandClock = Factory(lambda: HandClock(time.time()))
    clients: list[Client] = Factory(list)

    def backend(self, **options: Any) -> HttpBackend:
        """A backend at the server, which has all the time in the world."""
        return open_http(self.server.url, clock=self.clock, **{"deadline_ms": LONG_MS, **options})

    def client(self, *, deadline_ms: float = LONG_MS, **options: Any) -> Client:
        """A client whose facts wait in a folder of the test's; `u-1` allows to personalise."""
        client = Client(
            f"{self.server.url}?deadline_ms={deadline_ms}",
            clock=self.clock,
            **{"spool": self.folder / "spool", **options},
        )
        self.clients.append(client)
        return client

    def allow(self, *subjects: str) -> None:
        """Have people allow to personalise, without any client knowing."""
        for number, subject in enumerate(subjects):
            fact = {
                "id": f"c-{subject}-{number}-{time.monotonic_ns()}",
                "subject": subject,
                "purpose": "personalise",
                "state": "granted",
                "occurred_at": "2026-01-01T00:00:00Z",
            }
            [result] = self.server.backend.append([orjson.dumps({"consent": fact})])
            assert result.status == "applied"

    def close(self) -> None:
        """Close every client, whatever waits."""
        for client in self.clients:
            client.close(0.0)

    def outcomes(self) -> list[tuple[str, str]]:
        """Of every outcome that the server has, its decision, or its request, and its type."""
        facts = map(orjson.loads, self.server.backend.store.facts_of("default", "outcome"))
        return [(fact.get("decision") or fact["request_id"], fact["type"]) for fact in facts]

    def used(self, subject: str) -> list[str]:
        """The ids of the decisions for somebody that were not voided."""
        found = self.server.backend.decisions(subject, within_seconds=1e9)
        return [decision.id for decision in found]

    def recorded(self) -> list[str]:
        """The ids of the decisions that the server has recorded."""
        facts = map(orjson.loads, self.server.backend.store.facts_of("default", "decision"))
        return [fact["id"] for fact in facts]
