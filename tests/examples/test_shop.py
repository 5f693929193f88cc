"""The shop works, page by page, and each of its creatives can be shown."""

import asyncio
import importlib.util
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from shutil import copytree, ignore_patterns
from subprocess import PIPE, Popen
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clew import Client
from clew.policy import check_policy, load_policy
from client.worlds import embedded

FOLDER = Path(__file__).parents[2] / "examples/shop"
POLICY = json.loads((FOLDER / "policy.json").read_bytes())
FIELDS = {slot["id"]: slot["fields"] for slot in POLICY["slots"]}
CREATIVES = {one["id"]: one for one in POLICY["creatives"]}
#: Creatives without a template: they say the same to everybody.
WRITTEN_OUT = [one for one in CREATIVES if "{{" not in json.dumps(CREATIVES[one]["content"])]
KEY = "the partner's key"
#: For a decision, in milliseconds: what is tested here is what is shown, not how fast.
PATIENCE = 30_000.0


def _shop() -> Any:
    """Import the folder as the package `shop`, as `python -m shop` beside it does."""
    spec = importlib.util.spec_from_file_location("shop", FOLDER / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules["shop"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["shop"])
    return import_module("shop.app")


shop = _shop()
Basket = import_module("shop.basket").Basket
catalogue = import_module("shop.catalogue")
PIZZAS = catalogue.PIZZAS


class Browser(httpx.Client):
    """A person's browser, with its cookies, on a shop in this process."""

    def __init__(self, app: Any) -> None:
        super().__init__(
            transport=Through(app),
            base_url="http://forno.example",
            follow_redirects=True,
            headers={"user-agent": "Mozilla/5.0"},
        )
        self.app = app


class Through(httpx.BaseTransport):
    """Speaks ASGI to an application, on a loop of its own."""

    def __init__(self, app: Any) -> None:
        self._app = httpx.ASGITransport(app)
        self._loop = asyncio.Runner()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._loop.run(self._answer(request))

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        answer = await self._app.handle_async_request(request)
        body = await answer.aread()
        return httpx.Response(answer.status_code, headers=answer.headers, content=body)

    def close(self) -> None:
        self._loop.close()


Open = Callable[..., Browser]


@pytest.fixture
def visit() -> Iterator[Open]:
    """Opens a browser on a shop of its own, with nobody held out; `show` is always chosen."""
    opened: list[Client | Browser] = []

    def browser(show: str | None = None) -> Browser:
        policy = deepcopy(POLICY)
        policy["holdouts"] = []
        if show is not None:
            slot = next(s for s in policy["slots"] if s["id"] in CREATIVES[show]["slots"])
            slot["strategy"] = "priority"
            slot.pop("features", None)
            next(c for c in policy["creatives"] if c["id"] == show)["priority"] = 9
        client = Client("memory://", policy=policy, strict=True)
        opened.append(client)
        opened.append(Browser(shop.create_app(client, partner_key=KEY, deadline_ms=PATIENCE)))
        return opened[-1]

    yield browser
    for one in reversed(opened):
        one.close()


def allow(browser: Browser) -> None:
    """Press the banner's button."""
    assert browser.post("/consent", data={"choice": "allow"}).status_code == 200


def order(browser: Browser, *skus: str) -> str:
    """Order some things and give the order's number."""
    for sku in skus:
        browser.post("/basket", data={"sku": sku})
    thanks = browser.post("/checkout")
    assert thanks.url.path == "/thanks"
    found = re.search(r"number <strong>(\d+)<", thanks.text)
    assert found is not None
    return found[1]


def plain(page: str) -> str:
    """What a page says, without what clew adds: the marks of slots and the hand-over."""
    page = re.sub(r"<!--/?clew[^>]*-->", "", page)
    return page.partition('<script type="application/json" id="clew-state"')[0].strip()


def text_of(page: str) -> str:
    """The words of a page."""
    bare = re.sub(r"<[^>]*>", " ", page).replace("&#39;", "'")
    return re.sub(r"\s+", " ", bare)


# -- pages


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("/", "Fresh from the oven"),
        *((f"/pizza/{pizza.sku}", pizza.name) for pizza in PIZZAS),
        ("/basket", "Your basket"),
        ("/thanks", "Grazie!"),
    ],
)
def test_a_page_has_its_title(visit: Open, path: str, title: str) -> None:
    """Every page answers somebody who has allowed nothing, with one main heading."""
    page = visit().get(path)
    assert page.status_code == 200
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", page.text) == [title]


@pytest.mark.parametrize("sku", ["lemonade", "calzone"])
def test_what_is_no_pizza_is_not_found(visit: Open, sku: str) -> None:
    """Only pizzas have a page."""
    assert visit().get(f"/pizza/{sku}").status_code == 404


@pytest.mark.parametrize("path", ["/", "/pizza/diavola", "/basket", "/thanks"])
def test_nothing_comes_from_elsewhere(visit: Open, path: str) -> None:
    """Pages lead to and load from the shop alone, and keep to a policy that forbids the rest."""
    page = visit().get(path)
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    leads = re.findall(r'(?:href|src|action|data|poster)="([^"]*)"', page.text)
    assert leads
    assert [lead for lead in leads if not re.match(r"/(?!/)|#", lead)] == []
    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*(?:src=|json))", page.text) == []


def test_the_styles_load_nothing() -> None:
    """The style sheet names no other file."""
    styles = (FOLDER / "static/style.css").read_text(encoding="utf-8")
    assert re.findall(r"url\(|@import|@font-face", styles) == []


def test_what_pages_use_is_there(visit: Open) -> None:
    """Each file that a page names is served, and each drawing that it uses is drawn in it."""
    browser = visit()
    for path in ("/", *(f"/pizza/{pizza.sku}" for pizza in PIZZAS)):
        page = browser.get(path).text
        for file in set(re.findall(r'"(/static/[^"]*)"', page)):
            assert browser.get(file).status_code == 200
        drawn = set(re.findall(r'\bid="([^"]*)"', page))
        assert set(re.findall(r'<use href="#([^"]*)"', page)) - drawn == set()
        assert set(re.findall(r"url\(#([^)]*)\)", page)) - drawn == set()


# -- the basket


@given(st.lists(st.sampled_from(sorted(catalogue.MENU)) | st.text(max_size=9), max_size=40))
@example(["verde"] * 21)
def test_any_cookie_is_a_basket(skus: list[str]) -> None:
    """A basket reads whatever a browser sends, and writes what it reads back the same."""
    basket = Basket.from_cookies({"basket": ".".join(skus)})
    assert len(basket) <= 20
    assert Basket.from_cookies({"basket": basket.to_cookie()}) == basket


@given(st.lists(st.sampled_from(sorted(catalogue.MENU)), max_size=20))
def test_two_for_one(skus: list[str]) -> None:
    """The offer takes off at most half of the pizzas, and nothing of the extras."""
    basket = Basket(tuple(skus))
    pizzas = [one.cents for one in basket if one.kind == "pizza"]
    free = len(pizzas) // 2
    assert sum(sorted(pizzas)[:free]) <= basket.discount <= sum(pizzas) / 2
    assert basket.total == sum(one.cents for one in basket) - basket.discount


def test_the_basket_fills_and_empties(visit: Open) -> None:
    """What is added is there, with the offer; what is taken out is gone; the rest is refused."""
    browser = visit()
    for sku in ("diavola", "margherita", "lemonade", "nothing of ours"):
        page = browser.post("/basket", data={"sku": sku})
        assert page.url.path == "/basket"
    assert "Two for one −€9.50 Delivery free To pay at the door €15.70" in text_of(page.text)
    for sku in ("diavola", "margherita", "lemonade", "lemonade"):
        page = browser.post("/basket", data={"remove": sku})
    assert "nothing in it yet" in page.text


def test_an_empty_basket_is_no_order(visit: Open) -> None:
    """Checking out with nothing leads back to the basket."""
    assert visit().post("/checkout").url.path == "/basket"


def test_an_order_empties_the_basket(visit: Open) -> None:
    """After an order the basket is empty, and orders are numbered."""
    browser = visit()
    assert order(browser, "verde") == "1001"
    assert "nothing in it yet" in browser.get("/basket").text
    assert order(browser, "verde") == "1002"


# -- consent


def test_allowing_sets_the_cookie_and_withdrawing_takes_it_back(visit: Open) -> None:
    """There is no id before consent, one after it, and none after it was withdrawn."""
    browser = visit()
    assert "May we remember" in browser.get("/").text
    assert "clew" not in browser.cookies
    allow(browser)
    assert "clew" in browser.cookies
    page = browser.get("/").text
    assert "May we remember" not in page
    assert 'aria-checked="true"' in page
    browser.post("/consent", data={"choice": "withdraw"})
    assert "clew" not in browser.cookies
    assert 'aria-checked="false"' in browser.get("/").text


def test_not_now_is_not_asked_again(visit: Open) -> None:
    """Who says not now gets no id, and no banner on the next page."""
    browser = visit()
    page = browser.post("/consent", data={"choice": "withdraw"})
    assert "clew" not in browser.cookies
    assert "May we remember" not in page.text


@pytest.mark.parametrize(
    ("referer", "path"),
    [
        ("http://forno.example/pizza/verde", "/pizza/verde"),
        ("http://elsewhere.example//other.example/x", "/other.example/x"),
        ("", "/"),
    ],
    ids=["back", "never away", "nowhere"],
)
def test_the_choice_leads_back(visit: Open, referer: str, path: str) -> None:
    """After the choice one is where one was, and always in the shop."""
    response = visit().post(
        "/consent",
        data={"choice": "allow"},
        headers={"referer": referer},
        follow_redirects=False,
    )
    assert (response.status_code, response.headers["location"]) == (303, path)


@pytest.mark.parametrize("path", ["/consent", "/basket", "/checkout"])
def test_another_site_cannot_press_our_buttons(visit: Open, path: str) -> None:
    """A form that a browser says was sent from elsewhere is refused."""
    browser = visit()
    refused = browser.post(path, headers={"sec-fetch-site": "cross-site"})
    assert refused.status_code == 403
    assert "clew" not in browser.cookies


def test_nothing_is_told_of_who_has_not_allowed_it(visit: Open) -> None:
    """Without consent nothing is stored, whatever somebody looks at and orders."""
    browser = visit()
    browser.get("/pizza/diavola")
    order(browser, "diavola")
    client = browser.app.state.client
    assert set(client.losses) == {"no_subject"}
    assert list(embedded(client).store.facts_of("default", "signal")) == []


# -- what clew shows


def test_the_policy_has_no_faults() -> None:
    """`clew policy check` finds nothing, and there are ten creatives in three slots."""
    assert not check_policy(load_policy(FOLDER / "policy.json"))
    assert len(CREATIVES) == 10
    assert sorted(FIELDS) == ["home_hero", "home_strip", "pizza_upsell"]


@pytest.mark.parametrize("creative", WRITTEN_OUT)
def test_a_creative_is_shown_as_it_is_written(visit: Open, creative: str) -> None:
    """What the policy writes stands in the page, in words and in the class that colours it."""
    browser = visit(creative)
    allow(browser)
    slot = CREATIVES[creative]["slots"][0]
    page = browser.get("/pizza/verde" if slot == "pizza_upsell" else "/").text
    content = CREATIVES[creative]["content"]["en"]
    words = {content[name] for name in ("badge", "headline", "text", "button") if name in content}
    assert {word for word in words if word not in text_of(page)} == set()
    colour = content.get("theme") or content["icon"]
    assert re.search(rf'class="(?:hero|strip|upsell) {colour}"', page)


def test_a_page_without_clew_is_the_standard_page(visit: Open) -> None:
    """The default in the templates is, to the letter, what the default creatives show."""
    env = shop.ENV
    around = {"basket": Basket(), "allowed": False, "asked": False}
    for path, name, given_ in (
        ("/", "home.html", {}),
        ("/pizza/verde", "pizza.html", {"pizza": catalogue.MENU["verde"]}),
    ):
        template = env.get_template(name)
        assert plain(visit().get(path).text) == template.render(**around, **given_).strip()


@pytest.mark.parametrize("pizza", PIZZAS, ids=lambda pizza: pizza.sku)
def test_the_hero_knows_what_one_looked_at_and_ordered(visit: Open, pizza: Any) -> None:
    """Looking at a pizza, and more so ordering it, brings it to the front page; it fits there."""
    browser = visit("your_usual")
    allow(browser)
    browser.get(f"/pizza/{pizza.sku}")
    assert f"How about {pizza.name}?" in browser.get("/").text
    order(browser, pizza.sku, "lemonade")
    page = browser.get("/").text
    assert f"{pizza.name} again?" in page
    assert re.search(rf'class="go" name="sku" value="{pizza.sku}"', page)
    state = re.search(r'id="clew-state"[^>]*>(.*?)</script>', page)
    assert state is not None
    fits("home_hero", json.loads(state[1])["slots"]["home_hero"]["content"])


def fits(slot: str, content: Mapping[str, Any]) -> None:
    """Check that rendered content is what the slot declares."""
    for name, field in FIELDS[slot].items():
        value = content.get(name, "")
        assert value or not field.get("required"), name
        assert len(value) <= field.get("max", len(value)), name
        assert not value or value in field.get("enum", [value]), name


def test_a_stranger_is_not_offered_a_usual(visit: Open) -> None:
    """Who has looked at nothing is not asked whether it shall be that again."""
    browser = visit("your_usual")
    allow(browser)
    assert 'class="hero night"' not in browser.get("/").text


def test_the_strip_knows_at_once(visit: Open) -> None:
    """After two views the line under the hero names the last pizza."""
    browser = visit()
    allow(browser)
    browser.get("/pizza/verde")
    assert "Open until eleven" in browser.get("/").text
    browser.get("/pizza/napoli")
    assert "You looked at Napoli last" in browser.get("/").text


def test_withdrawing_brings_the_standard_page(visit: Open) -> None:
    """After a withdrawal nothing on the page knows anybody."""
    browser = visit("your_usual")
    allow(browser)
    browser.get("/pizza/verde")
    assert "How about Verde?" in browser.get("/").text
    page = browser.post("/consent", data={"choice": "withdraw"}).text
    assert "Fresh from the oven" in page


# -- the partner


def late(browser: Browser, number: str, minutes: object, key: str = KEY) -> httpx.Response:
    """Report an order late, as the partner does."""
    return browser.post(
        "/partner/deliveries",
        headers={"authorization": f"Bearer {key}"},
        json={"order": number, "minutes_late": minutes},
    )


def test_a_late_delivery_is_on_the_front_page(visit: Open) -> None:
    """The partner knows a number; the shop knows whose it is, and says sorry."""
    browser = visit()
    allow(browser)
    assert late(browser, order(browser, "funghi"), 25).status_code == 202
    assert "Your last pizza came 25 minutes late. Sorry!" in browser.get("/").text


def test_an_unknown_order_is_answered_alike(visit: Open) -> None:
    """Nobody learns from the answer which orders there are."""
    browser = visit()
    allow(browser)
    known = order(browser, "funghi")
    answers = {number: late(browser, number, 5) for number in (known, "9999")}
    assert {answer.status_code for answer in answers.values()} == {202}
    assert [answer.json() for answer in answers.values()] == [{"order": n} for n in answers]


@pytest.mark.parametrize("key", ["", "wrong", f"{KEY} "], ids=["none", "another", "longer"])
def test_the_partner_needs_the_key(visit: Open, key: str) -> None:
    """With another key, or none, nothing is taken."""
    browser = visit()
    allow(browser)
    refused = late(browser, order(browser, "funghi"), 25, key)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert "Sorry" not in browser.get("/").text


def test_without_a_key_nobody_is_let_in() -> None:
    """A shop that was given no key has no partner, not one with an empty key."""
    with Client("memory://", policy=POLICY) as client, Browser(shop.create_app(client)) as browser:
        assert late(browser, "1001", 5, "").status_code == 401


@pytest.mark.parametrize("minutes", ["soon", None, {}], ids=["text", "null", "object"])
def test_the_partner_is_told_what_to_send(visit: Open, minutes: object) -> None:
    """A report that cannot be read is refused, with what to send instead."""
    refused = late(visit(), "1001", minutes)
    assert refused.status_code == 422
    assert "minutes_late: whole number" in refused.text


# -- alone


def test_it_runs_from_a_copy(tmp_path: Path) -> None:
    """A copied shop serves its front page by `python -m shop`, and leaves at most a database."""
    copytree(FOLDER, tmp_path / "shop", ignore=ignore_patterns("__pycache__"))
    command = [sys.executable, "-B", "-m", "shop", "--port", "0"]
    with Popen(command, cwd=tmp_path, stderr=PIPE, stdout=PIPE, text=True) as child:
        assert child.stderr is not None
        said = iter(child.stderr.readline, "")
        address = next(re.findall(r"http://[\d.:]+", line)[0] for line in said if "http:" in line)
        try:
            page = httpx.get(address, trust_env=False)
        finally:
            child.terminate()
            child.communicate()
    assert "Fresh from the oven" in page.text
    left = {path.name for path in tmp_path.iterdir()} - {"shop"}
    assert {name for name in left if not name.startswith("shop.db")} == set()
