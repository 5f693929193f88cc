"""The options of the middleware, and where it stands among others."""

import asyncio

import pytest
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Mount, Route

from clew.errors import ConfigurationError
from clew_edge import ClewMiddleware, SlotExtension
from edge.asgi import answering, ask, html, page
from edge.worlds import shop_client

SLOT = b'<clew-slot name="hero">default</clew-slot>'
CALM = {"deadline_ms": 30_000}


@pytest.mark.parametrize(
    ("options", "named"),
    [
        pytest.param({"client": "sqlite:///shop.db"}, "client", id="an-address"),
        pytest.param({"identity": True}, "identity", id="a-truth"),
        pytest.param({"deadline_ms": 0}, "deadline_ms", id="no-time"),
        pytest.param({"deadline_ms": float("nan")}, "deadline_ms", id="not-a-number"),
        pytest.param({"deadline_ms": "50"}, "deadline_ms", id="text"),
        pytest.param({"subject": "ada"}, "subject", id="an-id"),
        pytest.param({"context": {"mood": "loud"}}, "context", id="a-mapping"),
        pytest.param({"render": "slots/hero.html"}, "render", id="a-template"),
    ],
)
def test_a_mistake_in_the_options_is_told_at_the_start(options, named):
    """The message names the option."""
    with shop_client() as client, pytest.raises(ConfigurationError, match=f"^{named}: "):
        ClewMiddleware(answering(), **{"client": client} | options)


def test_what_an_application_writes_into_the_state_is_read_by_what_stands_around():
    """The request's state is one, with the middleware or without it."""
    outer = {"before": 1}

    async def app(scope, receive, send):
        state = Request(scope).state
        assert state.before == 1
        state.after = 2
        await answering(html(), *page(b""))(scope, receive, send)

    with shop_client() as client:
        asyncio.run(ask(ClewMiddleware(app, client=client), state=outer))
    assert outer["after"] == 2


def test_a_middleware_inside_of_another_leaves_the_pages_to_it(caplog):
    """A page is filled once, with one decision, and handed over once."""

    def home(request):
        return HTMLResponse(SLOT)

    with shop_client() as client:
        ours = Middleware(ClewMiddleware, client=client, **CALM)
        inner = Starlette(routes=[Route("/home", home)], middleware=[ours])
        outer = Starlette(routes=[Mount("/shop", inner)], middleware=[ours])
        answers = [asyncio.run(ask(outer, "/shop/home")) for _ in range(2)]
    assert [answer.text.count('id="clew-state"') for answer in answers] == [1, 1]
    assert sum("inside of another" in message for message in caplog.messages) == 1


def test_below_a_mount_the_page_is_told_an_address_that_is_one():
    """What cannot stand in an address is escaped there."""
    with shop_client() as client:
        app = ClewMiddleware(answering(html(), *page(SLOT)), client=client, **CALM)
        answer = asyncio.run(ask(app, "/a é/", root_path="/a é"))
    assert '<script src="/a%20%C3%A9/_clew/beacon.js"' in answer.text
    assert '"post":"/a%20%C3%A9/_clew/outcomes"' in answer.text


def test_a_template_with_slots_on_a_path_without_is_told_of_once(caplog):
    """Its slots keep their defaults, which nobody would see in the browser."""
    template = Environment(autoescape=True, extensions=[SlotExtension]).from_string(
        '{% slot "hero" as hero %}default{% endslot %}'
    )

    def about(request):
        return HTMLResponse(template.render(request=request))

    with shop_client() as client:
        ours = Middleware(ClewMiddleware, client=client, routes={"/": ["hero"]})
        app = Starlette(routes=[Route("/about", about)], middleware=[ours])
        for _ in range(2):
            asyncio.run(ask(app, "/about"))
    assert sum("does not name" in message for message in caplog.messages) == 1
