"""A service in this process, asked through ASGI as a server would."""

import asyncio
import os
import time
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from attrs import frozen

from clew.backends.base import Kind
from clew.backends.embedded import Embedded
from clew.model.keys import hash_key
from clew_edge.service.app import Service
from clew_edge.service.keys import KeyFile
from clew_edge.service.limits import Limits
from clew_edge.service.tenants import Tenant
from client.worlds import bundle, policy

__all__ = [
    "KEYS",
    "Answer",
    "Asked",
    "Hand",
    "consent",
    "key_file",
    "opened",
    "outcome",
    "running",
    "signal",
    "write_keys",
]

#: By secret, what the keys of the tests may do.
KEYS: Mapping[str, Mapping[str, Any]] = {
    "clew_admin": {"tenant": "shop", "scopes": ["admin"]},
    "clew_append": {"tenant": "shop", "scopes": ["append"]},
    "clew_browser": {"tenant": "shop", "scopes": ["append", "decide", "subjects"], "browser": True},
    "clew_decide": {"tenant": "shop", "scopes": ["decide"]},
    "clew_measure": {"tenant": "shop", "scopes": ["measure"]},
    "clew_other": {"tenant": "other", "scopes": ["append", "decide", "measure", "subjects"]},
    "clew_parcels": {"tenant": "shop", "scopes": ["append:parcel_"]},
    "clew_shop": {"tenant": "shop", "scopes": ["append", "decide", "measure", "subjects"]},
    "clew_subjects": {"tenant": "shop", "scopes": ["subjects"]},
}

AT = "2026-03-01T10:00:00Z"


@frozen
class Answer:
    """What the service said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return orjson.loads(self.body)

    @property
    def results(self) -> list[tuple[str, str | None]]:
        """Of an answer to a batch: status and cause of each item."""
        assert self.status == 200, self.body
        return [(one["status"], one.get("cause")) for one in self.json["results"]]


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@frozen
class Asked:
    """A service that is open."""

    service: Service
    runner: asyncio.Runner

    @property
    def tenant(self) -> Tenant:
        """The tenant `shop`."""
        return self.service.tenants.get("shop")

    def run(self, work: Awaitable[Any]) -> Any:
        """Run something on the service's loop."""

        async def main() -> Any:
            return await work

        return self.runner.run(main())

    def ask(
        self,
        method: str,
        path: str,
        body: Any = b"",
        *,
        key: str | None = "clew_shop",
        headers: Mapping[str, str] | None = None,
        chunks: Sequence[bytes] | None = None,
    ) -> Answer:
        """Ask once; a body that is no bytes is sent as JSON."""
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        given = {"content-type": "application/json", **(headers or {})}
        if key is not None:
            given["authorization"] = f"Bearer {key}"
        return self.run(
            asked(self.service, method, path, given, [content] if chunks is None else chunks)
        )

    def append(self, *items: Any, key: str = "clew_shop") -> list[tuple[str, str | None]]:
        """Store items; gives status and cause of each."""
        return self.ask("POST", "/clew/v1/append", {"items": items}, key=key).results

    def stored(self, kind: Kind, tenant: str = "shop") -> list[Any]:
        """All facts of a kind that are stored."""
        backend = self.service.tenants.get(tenant).backend
        assert isinstance(backend, Embedded)
        return [orjson.loads(body) for body in backend.store.facts_of(tenant, kind)]

    def decide(self, subject: str = "ada", **more: Any) -> Any:
        """Fill the slot `hero`; gives the decision's document."""
        asked = {"slots": ["hero"], "subject": subject, **more}
        answer = self.ask("POST", "/clew/v1/decide", asked)
        assert answer.status == 200, answer.body
        [made] = answer.json["decisions"]
        return made


async def asked(
    service: Any, method: str, path: str, headers: Mapping[str, str], chunks: Sequence[bytes]
) -> Answer:
    """Send one request; after its last chunk the client waits."""
    plain, _, query = path.partition("?")
    messages = [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, 1)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0) if messages else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": plain,
        "raw_path": plain.encode("latin-1", "replace"),
        "query_string": query.encode("latin-1", "replace"),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    }
    await service(scope, receive, send)
    start, *rest = sent
    found = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Answer(start["status"], found, b"".join(one.get("body", b"") for one in rest))


def write_keys(path: Path, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Write a keys file, by secret; it changes visibly however soon after the last time."""
    keys = [{"id": secret, "hash": hash_key(secret), **entry} for secret, entry in entries.items()]
    path.write_bytes(orjson.dumps({"keys": keys}))
    os.utime(path, ns=(time.time_ns(), time.time_ns()))


@contextmanager
def opened(
    folder: Path,
    *,
    document: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    url: str | None = None,
) -> Iterator[Asked]:
    """Open a service over a database in a folder."""
    tenant = partial(
        Tenant, url or f"sqlite:///{folder / 'clew.db'}", policy=bundle(document or policy())
    )
    with running(Service(key_file(folder), tenant, limits=limits)) as here:
        yield here


def key_file(folder: Path) -> KeyFile:
    """The keys of the tests in a folder."""
    path = folder / "keys.json"
    write_keys(path, KEYS)
    return KeyFile(path)


@contextmanager
def running(service: Service) -> Iterator[Asked]:
    """Have a service's tenants open for as long as the block lasts."""
    with asyncio.Runner() as runner:
        here = Asked(service, runner)
        here.run(service.tenants.open({"shop", "other"}))
        try:
            yield here
        finally:
            here.run(service.tenants.close())


def consent(subject: str = "ada", id: str | None = None) -> dict[str, Any]:
    """A person who allows personalising."""
    return {
        "consent": {
            "id": id or f"c-{subject}",
            "subject": subject,
            "purpose": "personalise",
            "state": "granted",
            "occurred_at": AT,
        }
    }


def signal(
    id: str, type: str = "product_viewed", subject: str = "ada", **more: Any
) -> dict[str, Any]:
    """Something that happened."""
    return {"signal": {"id": id, "type": type, "subject": subject, "occurred_at": AT, **more}}


def outcome(id: str, type: str = "displayed", **more: Any) -> dict[str, Any]:
    """What came of a decision, now."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {"outcome": {"id": id, "type": type, "occurred_at": at, **more}}
