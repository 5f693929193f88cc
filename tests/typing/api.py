"""
The public API as an application's type checker sees it; checked by mypy, never run.

Each assignment says that a class of ours is what a protocol of ours asks for, or that a call gives
what an application builds on.
"""

from pathlib import Path
from typing import assert_type

from clew import (
    AsyncClient,
    AsyncVisitor,
    Client,
    Decision,
    Measurement,
    Profile,
    Visitor,
    open_backend,
)
from clew.backends.base import Backend, Store
from clew.backends.embedded import Embedded
from clew.backends.http import HttpBackend, Response, Transport
from clew.backends.http.address import Address
from clew.backends.http.full import HttpxTransport
from clew.backends.http.lean import LeanTransport
from clew.backends.memory import MemoryStore
from clew.backends.sqlite import SqliteStore
from clew.clock import Clock, SystemClock
from clew.testing import FakeClient, HandClock

clock: Clock = SystemClock()
clock = HandClock()

store: Store = MemoryStore()
store = SqliteStore(Path("shop.db"))
backend: Backend = Embedded(store, clock=clock)
backend = open_backend("memory://")

transport: Transport = HttpxTransport(Address("https", "host", 443, "", "key"))
transport = LeanTransport(Address("https", "host", 443, "", "key"))
assert_type(transport.request("GET", "/healthz", seconds=1.0), Response)
backend = HttpBackend(lambda: transport, deadline_ms=80.0)

client = Client("sqlite:///shop.db", policy={"id": "shop"}, clock=clock)
client = FakeClient({"hero": {"headline": "Hi"}})
assert_type(client.emit("product_viewed", subject="u-1", data={"sku": "a"}), str)
assert_type(client.emit("product_viewed", subject=None), str)
decision = client.decide("hero", subject="u-1", context={"channel": "web"}, default={"a": 1})
assert_type(decision, Decision)
assert_type(decision.propensity, float | None)
assert_type(decision.token, str | None)
assert_type(client.decide_all(["hero"], subject=None), dict[str, Decision])
assert_type(client.measure("orders"), list[Measurement])
assert_type(client.profile("u-1"), Profile)
assert_type(client.visitor("u-1", channel="web"), Visitor)
assert_type(client.visitor(None).may_store, bool | None)
assert_type(client.decisions("u-1", within_seconds=60), list[Decision])
assert_type(client.derive_keys("cookie"), tuple[bytes, ...])
assert_type(client.identify("anon-1", "u-1"), str)
assert_type(client.flush(), int)


async def asynchronous(client: AsyncClient) -> None:
    """The same words, where waiting is awaited."""
    assert_type(client.emit("product_viewed", subject="u-1"), str)
    decision = await client.decide("hero", subject="u-1")
    assert_type(decision, Decision)
    status = client.report(decision, "displayed")
    stored = await client.report(decision, "displayed", wait=1.0)
    assert status == stored
    await client.consent("u-1", grant=["personalise"])
    visitor = client.visitor("u-1", channel="web")
    assert_type(visitor, AsyncVisitor)
    assert_type(visitor.visitor, Visitor)
    await visitor.prepare(["hero"], deadline_ms=50)
    assert_type(await visitor.decide("hero", default={"a": 1}, deadline_ms=50), Decision)
    assert_type(visitor.asked, dict[str, Decision])
    visitor.finish()
    assert_type(await client.decisions("u-1"), list[Decision])
    assert_type(await client.derive_keys("cookie"), tuple[bytes, ...])
    assert_type(await client.measure(), list[Measurement])
    async for each in client.decide_many("hero", ["u-1"], request_prefix="run"):
        assert_type(each, Decision)
