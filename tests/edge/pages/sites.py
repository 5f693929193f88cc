"""The least application around what clew serves itself, and one visitor's way to it."""

import asyncio
from typing import Any

import httpx
from attrs import define
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from clew import AsyncClient, Decision
from clew.testing import HandClock
from clew_edge.pages import respond

__all__ = ["Site"]


@define
class Site:
    """One visitor's way to the pages; the visitor, the clock and the options may be changed."""

    client: AsyncClient
    clock: HandClock
    subject: str | None = "u-1"
    measure_page: bool = False
    root_path: str = ""

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what lies below `/_clew/`."""
        request = Request(scope, receive)
        route = scope["path"].removeprefix("/_clew/")
        visitor = self.client.visitor(self.subject)
        response = await respond(
            route, request, self.client, visitor, measure_page=self.measure_page
        )
        await response(scope, receive, send)

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send one request."""

        async def asked() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, root_path=self.root_path)
            async with httpx.AsyncClient(transport=transport, base_url="http://shop") as http:
                return await http.request(method, f"/_clew/{path}", **more)

        return asyncio.run(asked())

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Read a page; headers by their names in snake case."""
        return self.ask("GET", path, headers={k.replace("_", "-"): v for k, v in headers.items()})

    def report(self, *outcomes: Any, view: Any = "v-1", **headers: str) -> httpx.Response:
        """Send outcomes as the beacon does."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"view": view, "outcomes": outcomes}
        return self.ask("POST", "outcomes", json=body, headers=named)

    def consent(self, **states: Any) -> None:
        """Record what the visitor allows."""
        asyncio.run(self.client.consent(self.subject or "", source="test", **states))

    def decide(self, slot: str = "hero", **more: Any) -> Decision:
        """Decide for the visitor."""
        return asyncio.run(self.client.decide(slot, subject=self.subject, **more))
