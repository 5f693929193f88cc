"""Every kind of response, as it comes out of a real server."""

import pytest
from websockets.sync.client import connect

from edge.http.site import AFTER, BEFORE, CACHEABLE, PAGE, ZIPPED
from edge.http.wire import GUARD_SECONDS, Wire

FILLED = PAGE.replace(b"default", b"<b>LOUD pizza</b>")
LOUD = {"cookie": "who=ada", "x_mood": "loud"}

#: Said anew in each answer, or said by one server of HEAD and not by the other (RFC 9110, 9.3.2).
OF_THE_SERVER = {"date", "transfer-encoding"}

UNTOUCHED = [
    pytest.param("/json", 200, b'{"a":1}', CACHEABLE, id="json"),
    pytest.param("/nothing", 204, b"", CACHEABLE, id="204"),
    pytest.param("/unchanged", 304, b"", CACHEABLE, id="304"),
    pytest.param("/part", 206, PAGE[:40], {"content-length": "40"}, id="206"),
    pytest.param("/gzip", 200, ZIPPED, {"content-length": str(len(ZIPPED))}, id="gzip"),
    pytest.param("/no-transform", 200, PAGE, {"content-length": str(len(PAGE))}, id="no-transform"),
]

FILLABLE = [
    pytest.param("/page", 200, FILLED, id="page"),
    pytest.param("/plain", 200, BEFORE + AFTER, id="page-without-slots"),
    pytest.param("/missing", 404, FILLED, id="404"),
    pytest.param("/file", 200, FILLED, id="file"),
    pytest.param("/pieces?gate=open&done=pieces", 200, FILLED, id="streamed"),
]


@pytest.mark.parametrize(("path", "status", "body", "headers"), UNTOUCHED)
def test_what_is_no_plain_page_arrives_as_it_was_sent(wire: Wire, path, status, body, headers):
    """Body, length and validators are the application's own."""
    got = wire.get(path)
    assert (got.status, got.body) == (status, body)
    assert got.headers.items() >= headers.items()


@pytest.mark.parametrize(("path", "status", "shown"), FILLABLE)
def test_a_page_arrives_filled_and_well_framed(wire: Wire, path, status, shown):
    """The slot is filled, no trailer follows, and the next answer begins where this one ended."""
    wire.get("/gate/open", method="POST")
    got = wire.get(path, **LOUD)
    assert (got.status, got.shown, got.trailers) == (status, shown, [])
    assert got.headers["cache-control"] == "private, no-cache"
    assert got.headers.keys().isdisjoint({"etag", "last-modified", "trailer"})
    assert wire.get("/json").body == b'{"a":1}'
    assert wire.get(path, **LOUD).shown == shown


@pytest.mark.parametrize(
    "path",
    [
        *(case.values[0] for case in UNTOUCHED),
        *(case.values[0] for case in FILLABLE),
    ],
)
def test_head_tells_what_get_would(wire: Wire, path):
    """HEAD and GET answer with the same headers, and HEAD with nothing after them."""
    wire.get("/gate/open", method="POST")
    head, got = wire.get(path, method="HEAD", **LOUD), wire.get(path, **LOUD)
    assert head.body == b""
    assert told(head) == told(got)


def told(got):
    return {name: value for name, value in got.headers.items() if name not in OF_THE_SERVER}


def test_http_1_0_gets_a_whole_page(wire: Wire):
    """Whatever way the server tells the page's end to such a client, it has all of the page."""
    assert wire.get("/page", version="1.0", **LOUD).shown == FILLED


def test_a_websocket_speaks_through_the_middleware(port):
    """What is no HTTP is not ours: messages come back as they were sent, marks and all."""
    text = PAGE.decode()
    with connect(f"ws://127.0.0.1:{port}/echo", open_timeout=GUARD_SECONDS) as opened:
        opened.send(text)
        assert opened.recv(GUARD_SECONDS) == text
