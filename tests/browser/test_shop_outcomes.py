"""What the shop's store is told of its visitors' windows: each thing that happened, once."""

import pytest

from browser.forno import allow, buy, hero, press, state_of, wait
from client.stores import wait_for

pytestmark = pytest.mark.browser

HERO, STRIP, UPSELL = "home_hero", "home_strip", "pizza_upsell"

#: What a purchase adds to the sums of a creative that was shown on a desktop.
TAUGHT = {"e:1": 1, "e:context.device=desktop": 1, "p:1": 0, "p:context.device=desktop": 0}

HIDE = "(hidden) => document.body.style.setProperty('display', hidden ? 'none' : 'block')"


def view_of(page):
    """The id of the page's view."""
    return state_of(page)["view"]


def displays(view, *slots):
    """The displays of slots in a view, as the store tells them."""
    return [("displayed", slot, view) for slot in slots]


def leave(store, page, view):
    """
    End a front page's story: gives its displays once its last word is stored.

    Before it, a minute goes by, in which whatever was to be said has been said.
    """
    wait(page, 60_000)
    page.click(".hero .go")
    if page.url.endswith("#menu"):
        wait(page, 200)
    return sorted(one for one in store.heard("interacted", HERO, view) if one[0] == "displayed")


def test_a_display_is_stored_once_for_each_slot_and_view(shop, visit):
    """After a second in view, whatever follows; a reload is another view, of what was kept."""
    store = shop()
    page = visit(store)
    sent = []
    page.on("request", lambda one: sent.append(one.url.removeprefix(store.url)))
    allow(page)
    first = state_of(page)
    wait(page, 999)
    page.evaluate(HIDE, True)
    wait(page, 60_000)
    page.evaluate(HIDE, False)
    wait(page, 999)
    assert sent.count("/_clew/outcomes") == 0
    wait(page, 60_000)
    assert sent.count("/_clew/outcomes") == 1
    page.reload()
    second = state_of(page)
    assert first["slots"][HERO]["decision"] == second["slots"][HERO]["decision"]
    assert first["view"] != second["view"]
    assert leave(store, page, second["view"]) == sorted(
        displays(first["view"], HERO, STRIP) + displays(second["view"], HERO, STRIP)
    )


def test_back_and_forward_are_no_second_display(shop, visit):
    """A page that the browser kept is the view that it was, going back and going forward."""
    store = shop()
    page = visit(store)
    page.add_init_script("addEventListener('pageshow', (it) => { window.kept = it.persisted })")
    allow(page)
    home = view_of(page)
    wait(page, 1_200)
    press(page, ".card a:has-text('Napoli')")
    pizza = view_of(page)
    wait(page, 1_200)
    for back, view in [(True, home), (False, pizza), (True, home)]:
        (page.go_back if back else page.go_forward)(wait_until="commit")
        assert page.evaluate("() => window.kept")
        assert view_of(page) == view
        wait(page, 60_000)
    found = leave(store, page, home)
    assert found == sorted(displays(home, HERO, STRIP) + displays(pizza, UPSELL))


def test_a_prefetched_page_was_not_seen(shop, visit):
    """Fetching a page ahead stores no display; who then opens it has seen it, once."""
    store = shop()
    page = visit(store)
    allow(page)
    home = view_of(page)
    with page.expect_event(
        "requestfinished", lambda request: request.url.endswith("/pizza/napoli")
    ) as fetched:
        page.evaluate(
            """() => {
              const link = document.createElement("link");
              document.head.append(Object.assign(link, { rel: "prefetch", href: "/pizza/napoli" }));
            }"""
        )
    assert fetched.value.all_headers()["sec-purpose"].startswith("prefetch")
    assert leave(store, page, home) == displays(home, HERO, STRIP)
    page.goto("/pizza/napoli")
    view = view_of(page)
    wait(page, 60_000)
    page.click(".upsell button")
    found = store.heard("interacted", UPSELL, view)
    assert [one for one in found if one[1] == UPSELL] == [
        ("displayed", UPSELL, view),
        ("interacted", UPSELL, view),
    ]


def test_pressing_the_hero_is_stored_once(shop, visit):
    """However often it is pressed in a view."""
    store = shop("free_delivery", first="free_delivery")
    page = visit(store)
    allow(page)
    view = view_of(page)
    for _ in range(3):
        page.click(".hero .go")
    wait(page, 60_000)
    press(page, ".brand")
    again = view_of(page)
    leave(store, page, again)
    pressed = [one for one in store.outcomes() if one[0] == "interacted"]
    assert pressed == sorted(("interacted", HERO, each) for each in (view, again))


def test_what_is_seen_and_bought_teaches_what_was_shown(shop, visit):
    """What was shown learns from its display and from a purchase; the other does not (L2)."""
    store = shop("free_delivery")
    page = visit(store)
    allow(page)
    shown = hero(page)
    assert shown["reason"] == "bandit"
    wait(page, 1_200)
    store.heard("displayed", HERO, view_of(page))
    seen = store.learned(HERO)
    buy(page, "Napoli")
    wait_for(lambda: store.learned(HERO) != seen)
    bought = store.learned(HERO)
    before, after = seen.pop(shown["creative"]), bought.pop(shown["creative"])
    assert {name: after[name] - before[name] for name in TAUGHT} == pytest.approx(TAUGHT)
    assert [*seen.values(), *bought.values()] == [{}, {}]
