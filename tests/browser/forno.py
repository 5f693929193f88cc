"""The shop as its visitors meet it: open on a port, its store beside it, and their windows."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from attrs import frozen

from clew.backends.base import Kind
from clew.backends.sqlite import SqliteStore
from client.stores import wait_for
from edge.http.wire import listening

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = [
    "DESKTOP",
    "PHONE",
    "Forno",
    "allow",
    "buy",
    "forno",
    "headline",
    "hero",
    "look_at",
    "policy",
    "press",
    "state_of",
    "wait",
    "window",
]

_POLICY = Path(__file__).parents[2] / "examples/shop/policy.json"

#: Windows as people have them; by its own name, a browser without a screen is taken for a program.
DESKTOP = {
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
    "viewport": {"width": 1280, "height": 900},
}
PHONE = {
    "user_agent": "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/140.0 Mobile"
    " Safari/537.36",
    "viewport": {"width": 412, "height": 915},
    "is_mobile": True,
    "has_touch": True,
}


# -- the shop


def policy(*heroes: str, first: str | None = None) -> dict[str, Any]:
    """
    Give the shop's policy with nobody held out.

    Args:
        heroes: the only creatives of the hero beside its default; none are all of them.
        first: which of them comes first wherever it is eligible, instead of a draw.
    """
    document: dict[str, Any] = json.loads(_POLICY.read_bytes())
    document["holdouts"] = []
    document["creatives"] = [
        one
        for one in document["creatives"]
        if not heroes or one["slots"] != ["home_hero"] or one["id"] in ("plain", *heroes)
    ]
    if first is not None:
        slot = document["slots"][0]
        slot["strategy"] = "priority"
        del slot["features"]
        next(one for one in document["creatives"] if one["id"] == first)["priority"] = 9
    return document


@frozen
class Forno:
    """A shop that is open, and what lies in its store."""

    url: str
    #: The file of its store.
    database: Path
    _store: SqliteStore

    def facts(self, kind: Kind) -> list[dict[str, Any]]:
        """Give all facts of a kind that are stored by now."""
        return [orjson.loads(body) for body in self._store.facts_of("default", kind)]

    def decision(self, id: str) -> dict[str, Any]:
        """Wait for the record of a decision."""
        wait_for(lambda: any(one["id"] == id for one in self.facts("decision")))
        return next(one for one in self.facts("decision") if one["id"] == id)

    def learned(self, slot: str) -> dict[str, dict[str, float]]:
        """Give what each creative that was up for choice has learned by now, by its id."""
        drawn = [one for one in self.facts("decision") if one["slot"] == slot]
        keys = {
            each["creative"]: draw["state_key"].replace(
                f":{one['creative']}:", f":{each['creative']}:"
            )
            for one in drawn
            for draw in one.get("draws", ())
            for each in draw["candidates"]
        }
        with self._store.read() as reading:
            return {name: dict(reading.sums("default", key)) for name, key in keys.items()}

    def outcomes(self) -> list[tuple[str, str, str]]:
        """Give of every stored outcome its type, the slot of its decision, and the page view."""
        slots = {one["id"]: one["slot"] for one in self.facts("decision")}
        return sorted(
            (one["type"], slots[one["decision"]], one["view_id"]) for one in self.facts("outcome")
        )

    def heard(self, type: str, slot: str, view: str) -> list[tuple[str, str, str]]:
        """Wait for an outcome; gives all that are stored by then."""
        wait_for(lambda: (type, slot, view) in self.outcomes())
        return self.outcomes()


@contextmanager
def forno(folder: Path, document: Mapping[str, Any]) -> Iterator[Forno]:
    """Open the shop under a policy, on a file in the folder."""
    database, given = folder / "shop.db", folder / "policy.json"
    given.write_bytes(orjson.dumps(document))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = (sys.executable, "-B", "-m", "browser.serve_shop", str(database), str(given))
    with listening(*command, **environment) as port:
        store = SqliteStore(database)
        try:
            yield Forno(f"http://127.0.0.1:{port}", database, store)
        finally:
            store.close()


# -- its visitors


@contextmanager
def window(
    browser: "Browser", url: str, *, timers: bool = False, **options: Any
) -> "Iterator[Page]":
    """
    Open a window of somebody who comes for the first time.

    No script in it may fail, nothing may break the page's Content Security Policy, and nothing may
    be asked of another host: that is checked when it closes.

    Args:
        timers: whether they run by themselves; otherwise the test moves them.
        options: of Playwright's context; by default those of a desktop.
    """
    context = browser.new_context(base_url=url, **(options or DESKTOP))
    page = context.new_page()
    if not timers:
        page.clock.install(time=0)
        page.clock.pause_at(1)
    faults: list[str] = []
    asked: set[str] = set()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    context.on("request", lambda request: asked.add(request.url))
    try:
        yield page
    finally:
        context.close()
    assert not faults, faults
    elsewhere = {address for address in asked if not address.startswith(f"{url}/")}
    assert not elsewhere, elsewhere


def wait(page: "Page", milliseconds: int) -> None:
    """Let the page's time go by, once its observers have told what is in view."""
    page.evaluate(
        "() => new Promise((seen) => new IntersectionObserver(seen).observe(document.body))"
    )
    page.clock.run_for(milliseconds)


def state_of(page: "Page") -> dict[str, Any]:
    """Give what the page was told of its decisions."""
    state: dict[str, Any] = json.loads(page.locator("#clew-state").text_content() or "")
    return state


def hero(page: "Page") -> dict[str, Any]:
    """Give what the page was told of the big picture on the front page."""
    told: dict[str, Any] = state_of(page)["slots"]["home_hero"]
    return told


# -- what they do


def press(page: "Page", selector: str) -> None:
    """Press what leads to another page."""
    with page.expect_navigation():
        page.click(selector)


def allow(page: "Page") -> None:
    """Come to the front page for the first time, and let the shop remember."""
    page.goto("/")
    press(page, "text=Yes, remember")


def look_at(page: "Page", pizza: str) -> None:
    """Open a pizza from the menu, and go back to the front page."""
    press(page, f".card a:has-text('{pizza}')")
    press(page, ".brand")


def buy(page: "Page", pizza: str) -> None:
    """Put a pizza of the menu into the basket, and order it."""
    press(page, f"[aria-label='Add {pizza}']")
    press(page, "text=Order now")


def headline(page: "Page") -> str:
    """Give what the big picture says."""
    return page.inner_text(".hero h1")
