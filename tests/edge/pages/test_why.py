"""What the why page tells a visitor."""

import asyncio
import json
from html.parser import HTMLParser

import orjson
import pytest

from client.worlds import creative, embedded, policy, slot
from edge.pages.sites import Site

KEEN = {
    "id": "keen",
    "when": {">=": [{"var": "computed.views"}, 3]},
    "plain": "you looked at several pizzas",
}


class Reader(HTMLParser):
    """Reads a page as text; every tag has to be closed."""

    VOID = frozenset({"meta"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in {"href", "src", "action"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.texts.append(data)


def read(answer):
    """The words of a page, each blank one space; the page has to be whole."""
    assert answer.status_code == 200
    reader = Reader()
    reader.feed(answer.text)
    reader.close()
    assert reader.open == []
    return " ".join(" ".join(reader.texts).split())


def links(answer):
    """Where a page leads to."""
    reader = Reader()
    reader.feed(answer.text)
    return reader.links


def test_the_page_is_for_one_reader_only(site):
    """Nothing keeps, indexes, frames or sniffs it, and nothing but its own style is let in."""
    answer = site.get("why")
    headers = answer.headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "private, no-store"
    assert headers["x-robots-tag"] == "noindex"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["vary"] == "accept"
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in headers["content-security-policy"]
    assert "<script" not in answer.text
    assert "set-cookie" not in headers


def test_without_an_id_nothing_is_stored_and_the_page_says_so(site):
    """Somebody unknown learns that pages show them the standard content, and why."""
    site.subject = None
    words = read(site.get("why"))
    assert "Nothing is stored about you here." in words
    assert "you have not allowed us to remember you" in words
    assert "standard content" in words
    assert site.get("why", accept="application/json").json() == {
        "known": False,
        "permissions": [],
        "decisions": [],
    }


def test_what_was_chosen_is_told_with_its_reasons(make_site):
    """What, where, when, how, why, from which data, for what, and on which ground."""
    site = make_site(
        segments=[KEEN],
        slots=[slot("home_hero", "priority")],
        creatives=[
            creative("plain", "home_hero"),
            creative("fresh", "home_hero", when={"in": ["keen", {"var": "segments"}]}),
        ],
    )
    for _ in range(4):
        site.client.emit("product_viewed", subject="u-1")
    site.decide("home_hero")
    site.clock.move(minutes=5)
    words = read(site.get("why"))
    assert "home hero 5 minutes ago fresh First of what fits you" in words
    assert "Why you looked at several pizzas." in words
    assert "What we know of you and looked at pages you viewed 4" in words
    assert "Used for personalise: you allowed it." in words
    assert "personalise Yes: you allowed this on 21 November 2026." in words
    assert "ads No: you have not allowed this" in words
    assert "service Yes: it is part of what you ordered from us." in words


def test_chance_is_said(site):
    """A choice made to learn says so, and how likely it was."""
    site.decide()
    words = read(site.get("why"))
    assert "Chosen to learn" in words
    assert "of visitors in your situation, 33 in 100 get this" in words
    assert "What we know of you and looked at Nothing." in words


def test_the_comparison_group_is_said(make_site):
    """Who is held out learns of it."""
    holdout = {"id": "global", "salt": "s", "share": 1.0, "scope": "all", "serve": "default"}
    site = make_site(holdouts=[holdout])
    site.decide()
    words = read(site.get("why"))
    assert "The standard page, as for everybody in the comparison group" in words
    assert "you belong to a small group, drawn by chance" in words


def test_what_the_visit_told_is_said(make_site):
    """What came with the request, and was looked at, is told with its value."""
    site = make_site(slots=[slot(features=["context.device"])])
    site.decide(context={"device": "phone", "mood": "sunny"})
    words = read(site.get("why"))
    assert "What this visit told device phone" in words
    assert "sunny" not in words


def test_what_was_left_alone_is_said(site):
    """Data that was asked for and not permitted is named, without its value."""
    rule = {"==": [{"var": "computed.secret"}, "plum"]}
    asking = policy(version="2", creatives=[creative("plain"), creative("own", when=rule)])
    # Checking a policy would refuse this one; the page tells what the mask hid all the same.
    embedded(site.client._client).shelf.publish(orjson.dumps(asking))
    site.consent(grant=["ads"])
    site.client.emit("secret_told", subject="u-1", data={"word": "plum"})
    site.consent(withdraw=["ads"])
    site.decide()
    words = read(site.get("why"))
    assert "secret kept for the purpose 'ads', and this was for 'personalise'" in words
    assert "plum" not in words
    assert "ads No: you withdrew this on 21 November 2026." in words


def test_the_latest_of_each_slot_is_told(site):
    """A slot that was decided twice is told once, as it was last; after a day, no more."""
    for _ in range(3):
        site.clock.move(minutes=1)
        last = site.decide()
    told = site.get("why", accept="application/json").json()["decisions"]
    assert [(one["slot"], one["creative"]) for one in told] == [("hero", last.creative)]
    assert told[0]["decided_at"] == "2026-11-21T12:03:00Z"
    site.clock.move(days=2)
    assert "Nothing within the last day" in read(site.get("why"))


def test_others_are_not_told(site):
    """A page tells of its reader only."""
    site.decide()
    site.subject = "u-2"
    assert "Nothing within the last day" in read(site.get("why"))


def test_content_is_text(make_site):
    """Markup in a creative is neither run nor shown; what only looks like some is escaped."""
    texts = {
        "headline": "<b>Fresh</b> &amp; hot <script>alert(1)</script>",
        "text": "I <3 pizza",
        "attack": '"><img src=x onerror=alert(1)',
        "url": "/order",
        "image": "https://cdn.example/x.jpg",
        "count": 3,
    }
    plain = {**creative("plain"), "content": {"en": texts}}
    fields = {name: {"type": "text"} for name in texts if name != "count"}
    fields |= {"count": {"type": "integer"}}
    site = make_site(slots=[slot(fields=fields)], creatives=[plain])
    site.decide()
    answer = site.get("why")
    words = read(answer)
    assert "Fresh & hot alert(1) I <3 pizza" in words
    assert '"><img src=x onerror=alert(1)' in words
    assert "<img" not in answer.text
    assert "/order" not in words
    assert "cdn.example" not in words


def test_a_program_gets_json(site):
    """The explanation as it stands; no id is told, which a script of the page must not learn."""
    made = site.decide()
    answer = site.get("why", accept="application/json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "private, no-store"
    document = answer.json()
    (told,) = document["decisions"]
    assert told["slot"] == "hero"
    assert told["content"] == dict(made.content)
    assert told["explanation"]["because"] == list(made.explanation.because)
    assert told["consent"] == {"purpose": "personalise", "basis": "consent"}
    granted = next(one for one in document["permissions"] if one["purpose"] == "personalise")
    assert (granted["state"], granted["source"]) == ("granted", "test")
    assert granted["occurred_at"] == "2026-11-21T12:00:00Z"
    assert "u-1" not in json.dumps(document)


@pytest.mark.parametrize("accept", ["text/html,application/json;q=0.9", "*/*", "text/html", ""])
def test_a_browser_gets_the_page(site, accept):
    """Who takes HTML gets HTML."""
    assert site.get("why", accept=accept).headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        pytest.param("http://shop/pizza/margherita?x=1", "/pizza/margherita", id="this site"),
        pytest.param("http://shop", "/", id="no path"),
        pytest.param("http://elsewhere/pizza", "/app/", id="another site"),
        pytest.param("http://shop//elsewhere/x", "/elsewhere/x", id="a host in disguise"),
        pytest.param("http://shop/\t/\\elsewhere", "/elsewhere", id="a host behind a blank"),
        pytest.param("http://shop/_clew/why", "/app/", id="itself"),
        pytest.param("javascript:alert(1)", "/app/", id="script"),
        pytest.param("http://[", "/app/", id="no address"),
        pytest.param(None, "/app/", id="none"),
    ],
)
def test_the_way_back_stays_on_this_site(site, referer, back):
    """It leads to where the reader was, or to the front page; never elsewhere."""
    site.root_path = "/app"
    headers = {} if referer is None else {"referer": referer}
    assert links(site.get("why", **headers)) == [back]


def test_a_linked_person_is_told_of_both_ids(site):
    """What was decided before signing in is theirs."""
    site.subject = "anon-1"
    site.consent(grant=["personalise"])
    site.decide()
    asyncio.run(site.client.identify("anon-1", "u-1"))
    known = Site(site.client, site.clock, subject="u-1")
    assert len(known.get("why", accept="application/json").json()["decisions"]) == 1
