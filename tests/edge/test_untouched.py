"""What the middleware must not touch passes as the very same messages."""

import asyncio

import pytest

from clew_edge import ClewMiddleware
from edge.asgi import answering, ask, html, page, start
from edge.worlds import shop_client

SLOT = b'<p><clew-slot name="hero">default</clew-slot></p>'

UNTOUCHED = [
    pytest.param([start(content_type="application/json"), *page(b'{"a":1}')], id="json"),
    pytest.param([start(content_type="text/css", etag='"1"'), *page(b"p{}")], id="style-sheet"),
    pytest.param([html(content_encoding="gzip"), *page(b"\x1f\x8b" + SLOT)], id="gzip"),
    pytest.param([html(content_encoding="br"), *page(SLOT)], id="br"),
    pytest.param([html(cache_control="no-transform"), *page(SLOT)], id="no-transform"),
    pytest.param([html(content_type="text/html; charset=utf-16"), *page(SLOT)], id="utf-16"),
    pytest.param([start(204), *page(b"")], id="204"),
    pytest.param([start(304, content_type="text/html", etag='"1"'), *page(b"")], id="304"),
    pytest.param(
        [start(206, content_type="text/html", content_range="bytes 0-9/99"), *page(SLOT)], id="206"
    ),
    pytest.param([start(303, location="/basket"), *page(b"")], id="redirect"),
    pytest.param(
        [start(content_type="text/event-stream"), *page(b"data: 1\n\n", SLOT, b"")], id="sse"
    ),
    pytest.param([start(content_type="application/x-ndjson"), *page(b"{}\n", b"{}")], id="ndjson"),
    pytest.param(
        [start(content_type="multipart/x-mixed-replace; boundary=x"), *page(b"--x", SLOT)],
        id="mixed-replace",
    ),
    pytest.param(
        [start(content_type="text/plain"), {"type": "http.response.pathsend", "path": "/a"}],
        id="pathsend",
    ),
    pytest.param(
        [
            {"type": "http.response.early_hint", "links": [b"</a>; rel=preload"]},
            start(content_type="text/plain"),
            *page(b"x"),
            {"type": "http.response.trailers", "headers": [], "more_trailers": False},
        ],
        id="hints-and-trailers",
    ),
    pytest.param([{"type": "http.response.unheard_of"}], id="unknown-message"),
]


@pytest.mark.parametrize("messages", UNTOUCHED)
def test_what_is_no_plain_page_passes_as_the_same_messages(messages):
    """Not equal messages: the same objects, so nothing was looked into or copied."""
    with shop_client() as client:
        answer = asyncio.run(ask(ClewMiddleware(answering(*messages), client=client)))
    assert len(answer.messages) == len(messages)
    assert all(a is b for a, b in zip(answer.messages, messages, strict=True))


@pytest.mark.parametrize("kind", ["websocket", "lifespan", "something.else"])
def test_what_is_not_http_reaches_the_application_as_it_came(kind):
    """Scope, receive and send are the server's own."""
    seen = []

    async def app(*given):
        seen.extend(given)

    async def receive():
        return {}

    async def send(message):
        pass

    scope = {"type": kind}
    with shop_client() as client:
        asyncio.run(ClewMiddleware(app, client=client)(scope, receive, send))
    assert all(a is b for a, b in zip(seen, (scope, receive, send), strict=True))


def test_a_page_on_a_path_without_slots_is_not_ours():
    """Where routes are declared, other pages pass as they are."""
    messages = [html(etag='"1"'), *page(SLOT)]
    with shop_client() as client:
        app = ClewMiddleware(answering(*messages), client=client, routes={"/": ["hero"]})
        answer = asyncio.run(ask(app, "/about"))
    assert all(a is b for a, b in zip(answer.messages, messages, strict=True))


def test_a_file_that_the_server_would_send_by_itself_comes_through_us_where_it_is_a_page():
    """The extensions that go past the body are not offered on pages with slots, else they are."""
    offered = {"http.response.pathsend": {}, "http.response.zerocopysend": {}, "tls": {"v": 1}}
    seen = []

    async def app(scope, receive, send):
        seen.append(set(scope["extensions"]))
        await send(start(content_type="text/plain"))
        await send(page(b"")[0])

    with shop_client() as client:
        wrapped = ClewMiddleware(app, client=client, routes={"/": ["hero"]})
        asyncio.run(ask(wrapped, "/", extensions=offered))
        asyncio.run(ask(wrapped, "/logo.png", extensions=offered))
        asyncio.run(ask(ClewMiddleware(app, client=client), "/", extensions=offered))
        asyncio.run(
            ask(ClewMiddleware(app, client=client), "/a.png", headers=[], extensions=offered)
        )
    assert seen == [{"tls"}, set(offered), {"tls"}, set(offered)]


def test_a_page_with_slots_is_asked_for_whole_and_anew():
    """Conditions and ranges speak of the page before its slots were filled."""
    seen = []

    async def app(scope, receive, send):
        seen.append([name for name, _ in scope["headers"]])
        await send(html())
        await send(page(b"")[0])

    headers = [
        ("accept", "text/html"),
        ("if-none-match", '"1"'),
        ("range", "bytes=0-9"),
        ("if-modified-since", "Sat, 21 Nov 2026 00:00:00 GMT"),
        ("x-own", "1"),
    ]
    with shop_client() as client:
        wrapped = ClewMiddleware(app, client=client, routes={"/": ["hero"]})
        asyncio.run(ask(wrapped, "/", headers=headers))
        asyncio.run(ask(wrapped, "/about", headers=headers))
    assert seen == [[b"accept", b"x-own"], [name.encode() for name, _ in headers]]


def test_headers_that_can_be_read_once_arrive():
    """ASGI lets an application give any iterable."""
    given = [(b"content-type", b"text/plain"), (b"x-own", b"1")]
    told = {"type": "http.response.start", "status": 200, "headers": iter(given)}
    with shop_client() as client:
        app = ClewMiddleware(answering(told, *page(b"x")), client=client)
        answer = asyncio.run(ask(app))
    assert list(answer.messages[0]["headers"]) == given
