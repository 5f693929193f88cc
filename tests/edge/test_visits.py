"""Who a visitor is: consent, the cookie, signing in, programs."""

import asyncio

import pytest

from clew import AsyncClient, AsyncVisitor, Visitor
from clew_edge import ClewMiddleware
from edge.asgi import answering, ask, html, page, start
from edge.worlds import allow, shop_client

SLOT = b'<clew-slot name="hero">default</clew-slot>'
HTML = ("accept", "text/html")


def wrapped(client, view=None, **options):
    """A page with a slot, whose view does something with the visitor first."""

    async def app(scope, receive, send):
        if view is not None:
            view(scope["state"]["clew"])
        await answering(html(), *page(SLOT))(scope, receive, send)

    return ClewMiddleware(
        app, client=client, **{"identity": "cookie", "dev": True, "deadline_ms": 30_000} | options
    )


def get(app, *, cookie=None, path="/", **headers):
    told = [HTML, *((n.replace("_", "-"), v) for n, v in headers.items())]
    if cookie is not None:
        told.append(("cookie", cookie.partition(";")[0]))
    return asyncio.run(ask(app, path, headers=told))


def grant(visitor):
    visitor.consent(grant=["personalise"], source="banner")


def withdraw(visitor):
    visitor.consent(withdraw=["personalise"], source="banner")


def test_nobody_is_given_an_id_before_consent():
    """A page with slots sets no cookie."""
    with shop_client() as client:
        assert get(wrapped(client)).cookies == []


def test_consent_keeps_an_id_in_a_signed_cookie_and_the_next_page_knows_it():
    """The grant mints the id; the browser brings it back."""
    seen = []
    with shop_client() as client:
        (cookie,) = get(wrapped(client, grant)).cookies
        again = get(wrapped(client, seen.append), cookie=cookie)
        subject = seen[0].subject
        assert again.cookies == []
        permitted = {each.purpose: each.permitted for each in client.profile(subject).permissions}
        assert permitted["personalise"]
    assert subject.startswith("anon-")
    assert subject in cookie


def test_withdrawing_everything_ends_the_cookie_and_the_next_page_is_the_default():
    """Without consent there is no id, and the reason says so."""
    seen = []
    with shop_client() as client:
        (cookie,) = get(wrapped(client, grant)).cookies
        (gone,) = get(wrapped(client, withdraw), cookie=cookie).cookies
        assert "Max-Age=0" in gone
        get(wrapped(client, lambda visitor: seen.append(visitor.decide("hero"))))
        get(wrapped(client, lambda visitor: seen.append(visitor.decide("hero"))), cookie=cookie)
    assert [decision.reason for decision in seen] == ["consent_denied", "consent_denied"]


def test_without_identity_no_cookie_is_ever_set():
    """`identity="none"` keeps nothing, whatever is granted."""
    with shop_client() as client:
        assert get(wrapped(client, grant, identity="none")).cookies == []


def test_a_response_that_sets_the_cookie_is_private_even_when_it_is_no_page():
    """A redirect after the consent form carries the cookie, for one browser."""

    async def app(scope, receive, send):
        grant(scope["state"]["clew"])
        await answering(start(303, location="/"), *page(b""))(scope, receive, send)

    with shop_client() as client:
        answer = get(ClewMiddleware(app, client=client, identity="cookie"))
    assert answer.cookies[0].startswith("__Host-clew=anon-")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["location"] == "/"


def test_a_forged_cookie_is_nobody():
    """An id that was not signed here is not looked up."""
    seen = []
    with shop_client() as client:
        allow(client, "anon-victim")
        get(wrapped(client, seen.append), cookie="clew=anon-victim.AAAA")
    assert seen[0].subject is None


def test_who_is_signed_in_is_the_subject_and_the_cookie_names_the_browser():
    """The application's own account goes before our cookie."""
    seen = []
    with shop_client() as client:
        (cookie,) = get(wrapped(client, grant)).cookies
        app = wrapped(client, seen.append, subject=lambda request: "ada")
        assert get(app, cookie=cookie).cookies == []
    assert seen[0].subject == "ada"
    assert seen[0].anonymous_subject is not None
    assert seen[0].anonymous_subject in cookie


def test_signing_in_links_the_browser_and_signing_out_gives_it_a_new_id():
    """After a sign-out the next person on the device inherits nothing."""
    with shop_client() as client:
        (cookie,) = get(wrapped(client, grant)).cookies
        assert get(wrapped(client, lambda v: v.identify("ada")), cookie=cookie).cookies == []
        (fresh,) = get(wrapped(client, lambda v: v.logout()), cookie=cookie).cookies
    assert fresh.partition(".")[0] != cookie.partition(".")[0]


@pytest.mark.parametrize(
    "agent",
    [
        pytest.param(
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            id="googlebot",
        ),
        pytest.param("curl/8.1", id="curl"),
        pytest.param("facebookexternalhit/1.1", id="link-preview"),
    ],
)
def test_a_program_gets_what_a_new_visitor_gets_and_is_not_counted(agent):
    """What is shown never depends on the user agent; who says that he is a program is no human."""
    seen = []
    with shop_client() as client:
        (cookie,) = get(wrapped(client, grant)).cookies
        fresh = get(wrapped(client), user_agent="Mozilla/5.0 Firefox/140.0")
        bot = get(wrapped(client, seen.append), cookie=cookie, user_agent=agent)
    assert bot.shown == fresh.shown
    assert (seen[0].subject, seen[0].traffic) == (None, "bot")


def test_the_applications_own_word_on_traffic_holds():
    """Whoever tests a page may say so."""
    seen = []
    with shop_client() as client:
        get(wrapped(client, seen.append, traffic=lambda request: "internal"))
    assert seen[0].traffic == "internal"


def test_a_word_for_traffic_that_there_is_not_is_as_none(caplog):
    """The page goes on by what the request tells, and the log says what may be given."""
    seen = []
    with shop_client() as client:
        get(wrapped(client, seen.append, traffic=lambda request: "robot"))
    assert seen[0].traffic == "human"
    assert "gave 'robot'; it gives human, bot" in caplog.text


def test_the_policy_may_read_channel_and_language_and_what_the_application_adds():
    """Context is what the request tells; the application's own goes before ours."""
    seen = []
    with shop_client() as client:
        app = wrapped(client, seen.append, context=lambda request: {"mood": "loud"})
        get(app, accept_language="nl-NL,nl;q=0.9")
    context = dict(seen[0].context)
    assert len(context.pop("view_id")) == 32
    assert context == {"channel": "web", "locale": "nl-NL", "mood": "loud"}


def test_a_plain_client_gives_a_plain_visitor_and_an_asynchronous_one_its_own():
    """A view gets the words of the client that the application has."""
    seen = []

    async def both():
        with shop_client() as client:
            await ask(wrapped(client, seen.append))
        async with AsyncClient("memory://") as client:
            await ask(wrapped(client, seen.append))

    asyncio.run(both())
    assert [type(visitor) for visitor in seen] == [Visitor, AsyncVisitor]


def test_a_request_that_asks_for_nothing_stores_nothing():
    """The visitor is made when it is first asked for."""
    made = []
    with shop_client() as client:
        app = wrapped(client, context=lambda request: made.append(1) or {})

        async def plain(scope, receive, send):
            await answering(start(content_type="text/css"), *page(b"p{}"))(scope, receive, send)

        app.app = plain
        get(app, path="/site.css")
    assert made == []


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(object, id="an-object"),
        pytest.param(lambda: True, id="a-truth"),
        pytest.param(lambda: b"ada", id="bytes"),
        pytest.param(lambda: asyncio.sleep(0), id="a-coroutine"),
    ],
)
def test_what_cannot_be_an_id_is_nobody(answer, caplog):
    """The text of an object may be the same for two people, who would be taken for one."""
    seen = []
    with shop_client() as client:
        get(wrapped(client, seen.append, subject=lambda request: answer()))
    assert seen[0].subject is None
    assert sum("subject= gave" in message for message in caplog.messages) == 1


@pytest.mark.parametrize("answer", [None, False, "", 0])
def test_who_is_not_signed_in_is_nobody_and_no_fault(answer, caplog):
    """`user.is_authenticated and user.id` is a usual way to ask."""
    seen = []
    with shop_client() as client:
        get(wrapped(client, seen.append, subject=lambda request: answer))
    assert seen[0].subject is None
    assert not any("subject=" in message for message in caplog.messages)


def test_the_id_of_who_is_signed_in_is_never_kept_in_the_browser():
    """Whoever comes next to this browser would be taken for that person."""

    def sign_in_and_allow(visitor):
        visitor.identify("ada; Domain=evil.test")
        grant(visitor)

    with shop_client() as client:
        assert get(wrapped(client, sign_in_and_allow)).cookies == []


def test_a_language_is_as_long_as_languages_are():
    """A header of any length does not fill the records."""
    seen = []
    with shop_client() as client:
        get(wrapped(client, seen.append), accept_language="de" + "-abcdefgh" * 1_000)
    assert len(seen[0].context["locale"]) < 40
