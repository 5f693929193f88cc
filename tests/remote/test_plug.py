"""Pulling the plug: the shop over a server that dies, and comes back."""

import asyncio
import json
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import orjson

from clew import Client
from clew.backends.http.deciding import TTL_SECONDS
from clew.testing import HandClock
from remote.serving import PATIENCE_SECONDS, Serving, serving
from remote.worlds import LONG_MS

EXAMPLES = Path(__file__).parents[2] / "examples"
VISITORS = 4
_STATE = re.compile(r'<script type="application/json" id="clew-state"[^>]*>(.*?)</script>')


class Visitor:
    """A browser on the shop, which fails the test at the first request that fails."""

    def __init__(self, app: Any) -> None:
        self._browser = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://forno.example",
            follow_redirects=True,
            headers={"user-agent": "Mozilla/5.0", "accept": "text/html"},
        )
        self.answered = 0

    async def allow(self) -> None:
        """Press the banner's button."""
        await self._asked(self._browser.post("/consent", data={"choice": "allow"}))

    async def look(self, path: str = "/") -> dict[str, Any]:
        """Open a page; gives what it was told of its decisions."""
        page = await self._asked(self._browser.get(path))
        found = _STATE.search(page.text)
        assert found is not None
        return json.loads(found[1])["slots"]

    async def order(self) -> None:
        """Buy a pizza."""
        await self._asked(self._browser.post("/basket", data={"sku": "margherita"}))
        await self._asked(self._browser.post("/checkout"))

    async def _asked(self, request: Awaitable[httpx.Response]) -> httpx.Response:
        response = await request
        assert response.status_code == 200
        self.answered += 1
        return response


def stored(server: Serving) -> Counter[str]:
    """How often each fact that a client emits is in the server's database."""
    with sqlite3.connect(server.database) as database:
        rows = database.execute("SELECT id FROM facts WHERE kind IN ('signal', 'outcome')")
        return Counter(name for (name,) in rows)


async def recovered(look: Callable[[], Awaitable[dict[str, Any]]]) -> None:
    """Wait until pages are decided by the server again."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await look())["home_hero"]["reason"] in {"stale", "error", "deadline"}:  # noqa: ASYNC110 - a page tells no event
            await asyncio.sleep(0.05)


def test_the_shop_outlives_its_server(tmp_path, monkeypatch):
    """No page fails while the server is dead, and nothing that was emitted is lost (D2, F4)."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    shop = import_module("shop.app")
    policy = json.loads(shop.POLICY.read_bytes())
    policy["holdouts"] = []
    acknowledged: list[str] = []
    clock = HandClock(time.time())

    async def main(server: Serving, client: Client) -> None:
        app = shop.create_app(client, dev=True, deadline_ms=LONG_MS)
        visitors = [Visitor(app) for _ in range(VISITORS)]
        for visitor in visitors:
            await visitor.allow()
        before = [await visitor.look() for visitor in visitors]
        assert {page["home_hero"]["reason"] for page in before} == {"bandit"}

        server.kill()
        # Soon the decision is still fresh; later it stands in, for nobody decides anew.
        for seconds, reason in ((0.0, "bandit"), (3.0 * TTL_SECONDS, "stale")):
            clock.move(seconds)
            for visitor, seen in zip(visitors, before, strict=True):
                page = await visitor.look()
                assert page["home_hero"]["reason"] == reason
                assert page["home_hero"]["decision"] == seen["home_hero"]["decision"]
                assert page["home_hero"]["content"] == seen["home_hero"]["content"]
        for visitor in visitors:
            await visitor.order()
            page = await visitor.look()
            assert page["home_hero"]["reason"] in {"error", "deadline"}
            assert page["home_hero"]["content"]
            await visitor.look("/pizza/margherita")

        await asyncio.to_thread(server.start)
        for visitor in visitors:
            await recovered(visitor.look)
        assert await asyncio.to_thread(client.flush, PATIENCE_SECONDS) == 0
        assert min(visitor.answered for visitor in visitors) == 9

    with serving(tmp_path, policy) as server:
        url = f"{server.url}?deadline_ms={LONG_MS}"
        client = Client(url, spool=tmp_path / "spool", clock=clock)
        put = client._core.outbox.put

        def noting(payload: bytes) -> bool:
            [fact] = orjson.loads(payload).values()
            acknowledged.append(fact["id"])
            return put(payload)

        monkeypatch.setattr(client._core.outbox, "put", noting)
        with client:
            asyncio.run(main(server, client))
        assert set(client.losses) <= {"decide_failed"}
        found = stored(server)
    assert len(acknowledged) == 3 * VISITORS
    assert {name: found[name] for name in acknowledged} == dict.fromkeys(acknowledged, 1)
