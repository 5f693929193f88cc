"""The examples that are servers, each started alone and used as a browser would use it."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest

from clew import Client
from examples.serving import EXAMPLES, RUNNABLE, is_server, served

#: One file per framework, named for it.
FRAMEWORKS = [path for path in RUNNABLE if path.suffix == ".py" and is_server(path)]
DEFAULT = "<h1>Fresh pizza</h1>"

each_framework = pytest.mark.parametrize("example", FRAMEWORKS, ids=lambda path: path.stem)


def skip_without_its_framework(example: Path) -> None:
    """Skip where the framework is not installed: the group `examples` has it."""
    framework = example.stem.partition("_")[0]
    if find_spec(framework) is None:
        pytest.skip(f"needs {framework}")


def state_of(page: httpx.Response) -> dict[str, Any]:
    """What the page was told of its decisions."""
    [text] = re.findall(
        r'<script type="application/json" id="clew-state">(.*?)</script>', page.text
    )
    return json.loads(text)


def credited(folder: Path) -> float:
    """How many orders the server credited to what it had shown, read when it has ended."""
    [database] = folder.glob("*.db")
    with Client(f"sqlite:///{database}") as client:
        [orders] = client.measure("orders")
    return orders.attributed


def decided(browser: httpx.Client, page: httpx.Response) -> httpx.Response:
    """The page, loaded again as long as the machine was too busy to decide in time."""
    while state_of(page)["slots"]["hero"]["reason"] == "deadline":
        page = browser.get("/")
    return page


def press(browser: httpx.Client, page: httpx.Response, label: str) -> httpx.Response:
    """Press a button of the page's form, and follow where it leads."""
    [action] = re.findall(rf'<button formaction="(.*?)">{label}</button>', page.text)
    hidden = re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', page.text)
    return decided(browser, browser.post(action, data=dict(hidden)))


@each_framework
def test_a_visitor_agrees_and_orders(example: Path, tmp_path: Path) -> None:
    """A page shows its default until its visitor agrees, then what was drawn and is learned."""
    skip_without_its_framework(example)
    with served(example, tmp_path, example.name) as browser:
        first = decided(browser, browser.get("/"))
        assert DEFAULT in first.text
        assert state_of(first)["slots"]["hero"]["reason"] == "consent_denied"
        assert "clew" not in browser.cookies

        agreed = press(browser, first, "Personalise this page")
        state = state_of(agreed)
        hero = state["slots"]["hero"]
        [shown] = hero["content"].values()
        assert "clew" in browser.cookies
        assert hero["reason"] == "bandit"
        assert shown in agreed.text
        assert agreed.headers["cache-control"] == "private, no-cache"

        displayed = {"token": hero["token"], "type": "displayed"}
        report = {"view": state["view"], "outcomes": [displayed]}
        [taken] = browser.post(state["post"], json=report).json()["outcomes"]
        assert taken["status"] in {"applied", "queued"}

        ordered = press(browser, agreed, "Order")
        assert state_of(ordered)["slots"]["hero"]["decision"] == hero["decision"]
    assert credited(tmp_path) == 1


@each_framework
def test_nobody_is_known_who_does_not_agree(example: Path, tmp_path: Path) -> None:
    """Under `uvicorn module:app`: no other site agrees for a visitor, who can also take it back."""
    skip_without_its_framework(example)
    command = ("-m", "uvicorn", f"{example.stem}:app", "--port", "0")
    with served(example, tmp_path, *command) as browser:
        elsewhere = {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"}
        forged = browser.post("/consent/grant", headers=elsewhere)
        assert forged.status_code == 403
        assert "clew" not in browser.cookies

        agreed = press(browser, browser.get("/"), "Personalise this page")
        again = press(browser, agreed, "Stop personalising")
        assert DEFAULT in again.text
        assert state_of(again)["slots"]["hero"]["reason"] == "consent_denied"
        assert "clew" not in browser.cookies

        ordered = press(browser, again, "Order")
        assert ordered.status_code == 200
        assert "clew" not in browser.cookies
    assert credited(tmp_path) == 0


def test_the_shop_serves_its_home_page(tmp_path: Path) -> None:
    """The shop runs as a module, from a folder that holds nothing else."""
    shop = EXAMPLES / "shop"
    with served(shop, tmp_path, "-m", "shop", "--port", "0") as browser:
        page = browser.get("/")
    assert page.status_code == 200
    assert set(state_of(page)["slots"]) == {"home_hero", "home_strip"}


@each_framework
def test_an_example_is_read_in_one_go(example: Path) -> None:
    """A newcomer copies at most a hundred lines."""
    assert len(example.read_text(encoding="utf-8").splitlines()) <= 100
