"""What the beacon reports of a page, in a browser."""

import json

import pytest

pytestmark = pytest.mark.browser

ELEMENT = '<clew-slot name="hero">{}</clew-slot>'
COMMENTS = "<!--clew:hero-->{}<!--/clew-->"

#: Somewhere to click when all else is done: what was to be said before it, was said.
END = (
    '<!--clew:end--><button type="button" id="end" style="position:fixed;bottom:0">End</button>'
    "<!--/clew-->"
)
LAST = ("t-end", "interacted")


def html(body, *, slots=("hero", "end"), without=()):
    """A page as the middleware leaves it; `without` are slots whose decision has no token."""
    told = {name: {"token": None if name in without else f"t-{name}"} for name in slots}
    state = json.dumps({"v": 1, "view": "v-1", "post": "/_clew/outcomes", "slots": told})
    return (
        f'<!doctype html><title>shop</title><body style="margin:0">{body}{END}</body>'
        f'<script type="application/json" id="clew-state">{state}</script>'
        '<script src="/_clew/beacon.js" defer></script>'
    )


def block(height, inside="", **style):
    """A block of so many pixels."""
    more = "".join(f";{name.replace('_', '-')}:{value}" for name, value in style.items())
    return f'<div style="height:{height}px{more}">{inside}</div>'


def settle(page):
    """Wait until the page's observers have told what is in view."""
    page.evaluate(
        "() => new Promise((seen) => new IntersectionObserver(seen).observe(document.body))"
    )


def show(page, site, body, **more):
    """Open a page and wait until the beacon has looked at it."""
    site.pages["/"] = html(body, **more)
    page.goto(site.url)
    settle(page)


def wait(page, milliseconds):
    """Let the page's time go by."""
    page.clock.run_for(milliseconds)


def scroll(page, y):
    """Scroll the window."""
    page.evaluate("(y) => scrollTo({ top: y, behavior: 'instant' })", y)
    settle(page)


def heard(page, site):
    """End the page's story: gives all that it said, in order, but of the end."""
    wait(page, 200)
    page.click("#end")
    wait(page, 200)
    return [one for one in site.outcomes(LAST) if one[0] != "t-end"]


DISPLAYED = ("t-hero", "displayed")
INTERACTED = ("t-hero", "interacted")
DISMISSED = ("t-hero", "dismissed")

PLACES = [pytest.param(ELEMENT, id="element"), pytest.param(COMMENTS, id="comments")]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "inside",
    [
        pytest.param(block(200), id="block"),
        pytest.param(f"{block(100)} and {block(100)}", id="several"),
        pytest.param("<b>Fresh</b> pizza", id="words"),
        pytest.param("Fresh pizza", id="bare text"),
        pytest.param(f"<!--clew:end-->{block(50)}<!--/clew-->{block(150)}", id="a slot within"),
    ],
)
def test_what_is_in_view_for_a_second_was_displayed(page, site, place, inside):
    """After one second and not before, once, however long it stays."""
    show(page, site, f"<h1>{place.format(inside)}</h1>")
    wait(page, 999)
    page.evaluate("() => document.body.style.setProperty('display', 'none')")
    settle(page)
    wait(page, 5_000)
    page.evaluate("() => document.body.style.removeProperty('display')")
    settle(page)
    wait(page, 999)
    assert site.posts == []
    wait(page, 101)  # what has happened is sent a tenth of a second later
    assert DISPLAYED in site.outcomes(DISPLAYED)
    wait(page, 60_000)
    assert heard(page, site) == [DISPLAYED]


@pytest.mark.parametrize("place", PLACES)
def test_half_of_it_has_to_be_in_view(page, site, place):
    """Less than half for a minute is nothing; half is enough."""
    show(page, site, block(401) + place.format(block(400)) + block(2_000))
    wait(page, 60_000)
    scroll(page, 2)
    wait(page, 500)
    scroll(page, 0)
    wait(page, 60_000)
    page.click("#end")
    wait(page, 200)
    assert DISPLAYED not in site.outcomes(LAST)
    scroll(page, 1)
    wait(page, 1_200)
    assert DISPLAYED in site.outcomes(DISPLAYED)


@pytest.mark.parametrize(
    ("y", "expected"), [pytest.param(280, [], id="less"), pytest.param(340, [DISPLAYED], id="half")]
)
def test_of_what_is_larger_than_the_window_half_a_window_is_enough(page, site, y, expected):
    """A block five windows high, never half in view, is seen by half a window of it."""
    show(page, site, block(600) + ELEMENT.format(block(3_000)))
    scroll(page, y)
    wait(page, 60_000)
    assert heard(page, site) == expected


def test_what_was_scrolled_away_in_time_was_not_displayed(page, site):
    """A second has to be one piece."""
    show(page, site, ELEMENT.format(block(200)) + block(3_000))
    for _ in range(5):
        wait(page, 900)
        scroll(page, 1_000)
        wait(page, 900)
        scroll(page, 0)
    scroll(page, 1_000)
    wait(page, 60_000)
    assert heard(page, site) == []


def test_what_a_box_cuts_off_is_not_displayed(page, site):
    """A slide of a carousel that is scrolled aside is in the window, yet not in view."""
    slides = block(200, ELEMENT.format(block(200)), margin_left="400px", width="400px")
    show(page, site, block(200, slides, width="400px", overflow="hidden"))
    wait(page, 60_000)
    assert heard(page, site) == []


def test_nothing_is_displayed_in_a_hidden_tab(page, site):
    """Time counts while the page is visible."""
    page.add_init_script("Object.defineProperty(document, 'hidden', { get: () => window.away })")
    turn = """(away) => {
      window.away = away;
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    show(page, site, ELEMENT.format(block(200)))
    wait(page, 900)
    page.evaluate(turn, True)
    wait(page, 60_000)
    page.evaluate(turn, False)
    wait(page, 999)
    assert site.posts == []
    wait(page, 200)
    assert heard(page, site) == [DISPLAYED]


def test_a_prerendered_page_waits_until_it_is_shown(page, site):
    """A page that the browser made ahead says nothing before somebody comes."""
    page.add_init_script("Object.defineProperty(document, 'prerendering', { value: true })")
    show(page, site, ELEMENT.format(block(200, "<button id='go'>Go</button>")))
    wait(page, 60_000)
    page.click("#go")
    page.evaluate("() => document.dispatchEvent(new Event('prerenderingchange'))")
    settle(page)
    wait(page, 1_200)
    assert heard(page, site) == [DISPLAYED]


def test_what_happens_at_once_is_sent_at_once(page, site):
    """Two displays of the same moment are one request: JSON, from this site, with the view's id."""
    site.headers["referrer-policy"] = "no-referrer"
    show(page, site, ELEMENT.format(block(200)))
    wait(page, 1_200)
    assert set(site.outcomes(DISPLAYED)) == {DISPLAYED, ("t-end", "displayed")}
    ((headers, body),) = site.posts
    assert body["view"] == "v-1"
    assert set(body) == {"view", "outcomes"}
    assert headers["content-type"] == "application/json"
    assert (headers["origin"], headers["sec-fetch-site"]) == (site.url, "same-origin")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("control", "act"),
    [
        pytest.param("<a id=x href='#there'>Go</a>", "click", id="link"),
        pytest.param("<a id=x href='#there'><i>Go</i></a>", "Enter", id="link by key"),
        pytest.param("<button id=x type=button>Go</button>", "click", id="button"),
        pytest.param("<button id=x type=button>Go</button>", "Space", id="button by key"),
        pytest.param("<div id=x role=button>Go</div>", "click", id="role"),
        pytest.param(
            f"{COMMENTS.replace('hero', 'end').format('a')}<button id=x>Go</button>",
            "click",
            id="after a slot within",
        ),
        pytest.param(
            "<form target=f method=post><input id=x></form><iframe name=f></iframe>",
            "Enter",
            id="form",
        ),
    ],
)
def test_what_is_activated_within_a_place_is_an_interaction(page, site, place, control, act):
    """Links, buttons and forms, by pointer or by key; once per view."""
    site.headers["content-security-policy"] += "; frame-src 'self'"
    show(page, site, place.format(control))
    for _ in range(2):
        page.click("#x") if act == "click" else page.press("#x", act)
    assert heard(page, site) == [INTERACTED]


@pytest.mark.parametrize(
    ("body", "button"),
    [
        pytest.param(ELEMENT.format(block(200, "<p id=x>Text</p>")), "left", id="text"),
        pytest.param(ELEMENT.format(block(200, "<input id=x>")), "left", id="text field"),
        pytest.param(ELEMENT.format(block(200, "<a id=x href='#'>a</a>")), "right", id="menu"),
        pytest.param(ELEMENT.format(block(9)) + "<a id=x href='#'>a</a>", "left", id="outside"),
        pytest.param(COMMENTS.format(block(9)) + "<a id=x href='#'>a</a>", "left", id="after"),
        pytest.param(
            "<div>" + COMMENTS.format("a") + "<a id=x href='#'>a</a></div>",
            "left",
            id="beside bare text",
        ),
    ],
)
def test_what_activates_nothing_of_the_place_is_none(page, site, body, button):
    """Clicks on text, into fields, for a menu, or beside the place say nothing."""
    show(page, site, body)
    page.click("#x", button=button)
    assert heard(page, site) == []


def test_the_words_of_a_link_are_a_place(page, site):
    """Where the slot is the label of a link, the link is its control."""
    show(page, site, f"<a id=x href='#there'>{COMMENTS.format('Order now')}</a>")
    page.click("#x")
    assert heard(page, site) == [INTERACTED]


def test_a_page_that_stops_its_events_is_heard(page, site):
    """What the page keeps from bubbling is an interaction all the same."""
    show(page, site, ELEMENT.format(block(200, "<button id=x type=button>Go</button>")))
    page.evaluate("() => window.x.addEventListener('click', (event) => event.stopPropagation())")
    page.click("#x")
    assert heard(page, site) == [INTERACTED]


@pytest.mark.parametrize(
    "control",
    [
        pytest.param("<button id=x type=button data-clew-dismiss>No</button>", id="button"),
        pytest.param("<span data-clew-dismiss><i id=x>No</i></span>", id="any element"),
        pytest.param(
            "<form target=f method=post><button id=x data-clew-dismiss>No</button></form>"
            "<iframe name=f></iframe>",
            id="button of a form",
        ),
    ],
)
def test_what_is_sent_away_is_dismissed(page, site, control):
    """An element with `data-clew-dismiss` dismisses, and is no interaction."""
    site.headers["content-security-policy"] += "; frame-src 'self'"
    show(page, site, COMMENTS.format(block(200, control)))
    page.click("#x")
    assert heard(page, site) == [DISMISSED]


def test_the_last_word_survives_the_page(page, site):
    """A click on a link that leaves the page is told, though the page is gone."""
    show(page, site, ELEMENT.format(block(200, "<a id=x href='/elsewhere'>Go</a>")))
    page.click("#x")
    page.wait_for_url("**/elsewhere")
    assert site.outcomes(INTERACTED) == [INTERACTED]


def test_coming_back_is_no_second_display(page, site):
    """A page out of the back/forward cache has been seen already."""
    show(page, site, ELEMENT.format(block(200)))
    page.evaluate(
        "() => addEventListener('pageshow', (event) => { window.kept = event.persisted })"
    )
    wait(page, 1_200)
    page.goto(f"{site.url}/elsewhere")
    page.go_back(wait_until="commit")
    assert page.evaluate("() => window.kept")
    settle(page)
    wait(page, 60_000)
    assert heard(page, site) == [DISPLAYED]


def test_a_decision_without_a_token_is_not_reported(page, site):
    """A default made on the spot teaches nothing (D2)."""
    show(page, site, ELEMENT.format(block(200, "<button id=x>Go</button>")), without=["hero"])
    page.click("#x")
    wait(page, 60_000)
    assert heard(page, site) == []


def test_a_place_that_nobody_decided_is_left_alone(page, site):
    """A place without a decision says nothing, whatever its name."""
    names = ["other", "constructor", "__proto__", 'a"]']
    show(page, site, "".join(f"<!--clew:{name}-->{block(20)}<!--/clew-->" for name in names))
    wait(page, 60_000)
    assert heard(page, site) == []


@pytest.mark.parametrize(
    "state", ["", "{", "null", "[]", "{}", '{"slots":null}', '{"slots":{"hero":null}}']
)
def test_a_broken_hand_over_breaks_no_page(page, site, state):
    """Whatever stands in the hand-over, the script is silent; the page's fixture sees to that."""
    whole = html(ELEMENT.format(block(200)))
    start, end = whole.index("{"), whole.index("</script>")
    site.pages["/"] = whole[:start] + state + whole[end:]
    page.goto(site.url)
    settle(page)
    page.click("#end")
    wait(page, 60_000)
    assert site.posts == []


def test_nothing_is_kept_in_the_browser(page, site):
    """No cookie, no storage."""
    show(page, site, ELEMENT.format(block(200)))
    wait(page, 1_200)
    assert DISPLAYED in site.outcomes(DISPLAYED)
    assert page.context.cookies() == []
    assert page.evaluate("() => localStorage.length + sessionStorage.length") == 0
