"""Chromium, and a small site of its own for the pages of a test."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from browser.forno import Forno, forno, policy, window
from clew_edge.pages.beacon import SCRIPT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: The longest to wait for what must arrive, in seconds; it is not waited when it does.
PATIENCE = 10.0

CSP = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'"


class Site:
    """Serves the pages it is given, and keeps what the beacon sends."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {"/elsewhere": "<!doctype html><title>elsewhere</title>"}
        self.headers: dict[str, str] = {"content-security-policy": CSP}
        #: Each request to the outcomes: its headers and its body.
        self.posts: list[tuple[dict[str, str], dict[str, Any]]] = []
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def take(self, headers: dict[str, str], body: bytes) -> None:
        """Keep what was sent."""
        with self._arrived:
            self.posts.append((headers, json.loads(body)))
            self._arrived.notify_all()

    def outcomes(self, last: tuple[str, str]) -> list[tuple[str, str]]:
        """Wait for an outcome, by token and type; gives all that arrived by then."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: last in self._all(), PATIENCE), self._all()
            return self._all()

    def _all(self) -> list[tuple[str, str]]:
        return [(one["token"], one["type"]) for _, body in self.posts for one in body["outcomes"]]

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/_clew/beacon.js":
                self._answer(200, "text/javascript", SCRIPT)
            elif self.path in site.pages:
                body = site.pages[self.path].encode()
                self._answer(200, "text/html; charset=utf-8", body, **site.headers)
            else:
                self._answer(404, "text/plain", b"")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            if self.path == "/_clew/outcomes":
                headers = {name.lower(): value for name, value in self.headers.items()}
                site.take(headers, body)
            self._answer(200, "text/html", b"<!doctype html>")

        def _answer(self, status: int, kind: str, body: bytes, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"content-type": kind, **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


# By module: as long as Playwright runs, its thread has a running event loop.
@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """The browser of the system; a test that needs one fails where there is none."""
    path = shutil.which("chromium")
    assert path is not None, "these tests need Chromium: install it, or run pytest -m 'not browser'"
    # Not at the top: other tests are collected without Playwright.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


@pytest.fixture
def site() -> Iterator[Site]:
    """A site for the test's pages."""
    site = Site()
    yield site
    site.close()


@pytest.fixture
def page(chromium: "Browser") -> "Iterator[Page]":
    """A window of 800 by 600 whose timers the test moves; no script in it may fail."""
    context = chromium.new_context(viewport={"width": 800, "height": 600})
    page = context.new_page()
    page.clock.install(time=0)
    page.clock.pause_at(1)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "console",
        lambda message: errors.append(message.text) if message.type == "error" else None,
    )
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def shop(tmp_path: Path) -> "Iterator[Callable[..., Forno]]":
    """Opens the shop of `browser.forno`; what it is called with is what its policy is made of."""
    with ExitStack() as opened:
        yield lambda *heroes, **how: opened.enter_context(forno(tmp_path, policy(*heroes, **how)))


@pytest.fixture
def visit(chromium: "Browser") -> "Iterator[Callable[..., Page]]":
    """Opens windows of `browser.forno` on a shop, each of another visitor."""
    with ExitStack() as opened:
        yield lambda shop, **how: opened.enter_context(window(chromium, shop.url, **how))
