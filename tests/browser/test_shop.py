"""Visitors of the shop, in a browser: what they see, what they may decide, what they are told."""

import pytest

from browser.forno import DESKTOP, PHONE, allow, buy, headline, hero, look_at, press, window
from clew import Client

pytestmark = pytest.mark.browser


def test_two_visitors_see_different_front_pages(shop, visit):
    """Each front page knows what its own visitor looked at, on a phone or on a desktop."""
    store = shop(first="your_usual")
    phone, desktop = visit(store, **PHONE), visit(store, **DESKTOP)
    for page in (phone, desktop):
        allow(page)
    look_at(phone, "Diavola")
    look_at(desktop, "Verde")
    look_at(desktop, "Napoli")
    phone.reload()
    assert (headline(phone), headline(desktop)) == ("How about Diavola?", "How about Napoli?")
    assert "Open until eleven" in phone.inner_text(".strip")
    assert "You looked at Napoli last" in desktop.inner_text(".strip")


def test_the_page_follows_what_is_done(shop, visit):
    """What one looked at is up for choice at once; what was drawn then stays for the session."""
    store = shop("your_usual")
    page = visit(store)
    allow(page)
    assert (headline(page), hero(page)["reason"]) == ("Fresh from the oven", "no_eligible")
    look_at(page, "Napoli")
    drawn = hero(page)
    assert drawn["reason"] == "bandit"
    assert store.decision(drawn["decision"])["eligible"] == ["plain", "your_usual"]
    buy(page, "Diavola")
    press(page, ".brand")
    assert {**hero(page), "content": None} == {**drawn, "content": None}


def test_withdrawing_on_the_page_ends_it(shop, visit):
    """The switch at the foot takes the cookie; the page that follows is the standard one."""
    page = visit(shop("your_usual", first="your_usual"))
    allow(page)
    look_at(page, "Napoli")
    assert headline(page) == "How about Napoli?"
    assert "clew" in names(page.context.cookies())
    press(page, "role=switch[checked=true]")
    assert "clew" not in names(page.context.cookies())
    for _ in range(2):
        assert headline(page) == "Fresh from the oven"
        assert "Open until eleven" in page.inner_text(".strip")
        assert hero(page)["reason"] == "consent_denied"
        assert page.locator("role=switch[checked=false]").is_visible()
        page.reload()


def names(cookies):
    """The names of cookies."""
    return {one["name"] for one in cookies}


def test_the_shop_works_without_scripts(shop, visit):
    """Pages personalise, sell and explain without a script; but what was seen, nobody knows."""
    store = shop("your_usual", first="your_usual")
    page = visit(store, **DESKTOP, java_script_enabled=False)
    allow(page)
    look_at(page, "Verde")
    look_at(page, "Napoli")
    assert headline(page) == "How about Napoli?"
    press(page, ".hero button")
    press(page, "text=Order now")
    assert page.inner_text("h1") == "Grazie!"
    press(page, ".brand")
    assert headline(page) == "Napoli again?"
    press(page, "text=Why am I seeing this?")
    assert "First of what fits you" in page.inner_text("article:has-text('home hero')")
    press(page, "text=Back to the site")
    press(page, "role=switch[checked=true]")
    assert headline(page) == "Fresh from the oven"
    with Client(f"sqlite:///{store.database}") as client:
        (found,) = client.measure("orders")
    served = {one.slot: one.decisions for one in found.creatives}
    assert served == {"home_hero": 1, "home_strip": 3, "pizza_upsell": 1}
    assert [one.displays for one in found.creatives] == [0, 0, 0]
    assert found.attributed == 0
    # What the why page decided anew to tell of a slot that keeps nothing, nobody was shown.
    assert {fact["type"] for fact in store.facts("outcome")} <= {"voided"}


def test_the_why_page_tells_what_was_shown_and_why(shop, visit):
    """In words: what was shown, how it was chosen, what is known of one, and what one allowed."""
    page = visit(shop(first="your_usual"), **PHONE)
    allow(page)
    look_at(page, "Napoli")
    press(page, "text=Why am I seeing this?")
    told = page.inner_text("article:has-text('home hero')").splitlines()
    for words in (
        "How about Napoli?",
        "First of what fits you",
        "You ordered a pizza here, or looked at one.",
        "Personalise: you allowed it.",
    ):
        assert words in told
    assert told[told.index("The pizza you looked at last") + 1] == "Napoli"
    assert "Yes: you allowed this on" in page.inner_text(".choices")
    press(page, "text=Back to the site")
    assert headline(page) == "How about Napoli?"


#: Keeps how far anything moved that nobody touched (Layout Instability, 4).
SHIFTS = """
  let sum = 0;
  const add = (entries) => entries.forEach(({ value }) => { sum += value; });
  const seen = new PerformanceObserver((list) => add(list.getEntries()));
  seen.observe({ type: "layout-shift", buffered: true });
  const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
  window.shifted = async () => {
    await frame();
    await frame();
    add(seen.takeRecords());
    return sum;
  };
"""
#: What would show that the measure measures.
PUSH = """() => {
  const block = document.createElement("div");
  block.style.height = "99px";
  document.body.prepend(block);
}"""


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_nothing_moves(shop, visit, device):
    """Personalised pages lie still as they load."""
    page = visit(shop(first="your_usual"), timers=True, **device)
    page.add_init_script(SHIFTS)
    allow(page)
    look_at(page, "Verde")
    look_at(page, "Napoli")
    for path in ("/", "/pizza/napoli"):
        page.goto(path)
        assert page.locator(".hero.night, .upsell").is_visible()
        assert page.evaluate("shifted()") == 0
        page.evaluate(PUSH)
        assert page.evaluate("shifted()") > 0


def test_a_walk_through_the_shop_breaks_nothing(shop, visit):
    """No page has an error, breaks its security policy, or asks anything of another host."""
    page = visit(shop())
    allow(page)
    for pizza in ("Verde", "Napoli"):
        look_at(page, pizza)
    press(page, ".card a:has-text('Napoli')")
    press(page, ".upsell button")
    press(page, "text=Order now")
    press(page, "text=Back to the front page")
    press(page, "text=Why am I seeing this?")
    press(page, "text=Back to the site")
    press(page, "role=switch[checked=true]")


@pytest.mark.parametrize(
    ("event", "lapse", "told"),
    [
        pytest.param("pageerror", "throw new Error('broken')", "broken", id="error"),
        pytest.param(
            "console",
            "document.body.append(document.createElement('style'))",
            "Content Security Policy",
            id="policy",
        ),
        pytest.param("request", "location.hostname = 'localhost'", "//local", id="host"),
    ],
)
def test_a_lapse_would_be_seen(shop, chromium, event, lapse, told):
    """A window does not close in silence over an error, a breach or a foreign request."""
    store = shop()

    def visited():
        with window(chromium, store.url, timers=True) as page:
            page.goto("/")
            with page.expect_event(event):
                page.evaluate(f"() => {{ setTimeout(() => {{ {lapse} }}) }}")

    with pytest.raises(AssertionError, match=told):
        visited()


def test_the_why_page_tells_what_is_shown_now(shop, visit):
    """A kept decision whose content follows the profile is told as it is shown."""
    page = visit(shop("your_usual", first="your_usual"))
    allow(page)
    look_at(page, "Verde")
    buy(page, "Napoli")
    press(page, ".brand")
    assert headline(page) == "Napoli again?"
    press(page, "text=Why am I seeing this?")
    assert "Napoli again?" in page.inner_text("main")
