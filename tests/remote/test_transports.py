"""Both ways to the server carry the same requests, and end in the same errors."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat

import pytest

from clew.backends.http.address import read_address
from clew.backends.http.full import HttpxTransport
from clew.backends.http.lean import LeanTransport
from clew.backends.http.opening import open_http
from clew.backends.http.transport import Response
from clew.errors import BackendUnavailableError
from remote.standin import KEY

#: Only ever waited for when something hangs, in seconds.
GUARD = 20.0

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
MEGABYTE = b"x" * 1_000_000


class Odd:
    """A server that answers whatever is asked by the same bytes, piece by piece."""

    def __init__(self, listener, pieces, pause_seconds):
        self.url = f"http://{KEY}@127.0.0.1:{listener.getsockname()[1]}"
        #: Set once the client has ended the connection, or the test is over.
        self.is_over = threading.Event()
        self._listener = listener
        self._pieces = pieces
        self._pause_seconds = pause_seconds

    def serve(self):
        """Answer one request; it goes on until there is nothing more, or nobody to take it."""
        connection, _ = self._listener.accept()
        with connection:
            try:
                connection.recv(65_536)
                for piece in self._pieces:
                    connection.sendall(piece)
                    if self.is_over.wait(self._pause_seconds):
                        return
            except OSError:
                pass
        self.is_over.set()


@contextmanager
def answering(*head, then=(), pause_seconds=0.0):
    """An odd server whose answer is `head`, then the pieces of `then`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        odd = Odd(listener, (piece for part in (head, then) for piece in part), pause_seconds)
        threading.Thread(target=odd.serve, daemon=True).start()
        try:
            yield odd
        finally:
            odd.is_over.set()


@pytest.fixture(params=[LeanTransport, HttpxTransport])
def kind(request):
    """One of them."""
    return request.param


@pytest.fixture(params=[LeanTransport, HttpxTransport])
def transport(request, remote):
    """One of them, to the server of the test."""
    transport = request.param(read_address(remote.server.url))
    yield transport
    transport.close()
    transport.close()


def test_an_answer_is_given_whatever_its_status(transport, remote):
    """Status, headers by lower-case name and body come through, refusals too."""
    remote.server.answer = lambda _: Response(429, b"wait", {"Retry-After": "3", "X-One": "1"})
    found = transport.request("GET", "/any", seconds=60.0)
    assert (found.status, found.body) == (429, b"wait")
    assert (found.headers["retry-after"], found.headers["x-one"]) == ("3", "1")


def test_a_request_is_carried_as_it_is(transport, remote):
    """Method, path, query and body arrive; headers of one request are not those of the next."""
    remote.server.answer = lambda _: Response(200)
    transport.request(
        "POST", "/a/b%2Fc?d=e", body=b'{"f":1}', headers={"X-Other": "1"}, seconds=60.0
    )
    transport.request("GET", "/g", seconds=60.0)
    assert remote.server.requests == [("POST", "/a/b%2Fc", {"f": 1}), ("GET", "/g", None)]


@pytest.mark.parametrize("fault", ["refused", "hangs", "ends"])
def test_without_an_answer_it_says_so(transport, remote, fault):
    """A server that is not there, hangs or dies is unavailable; the error names it, not the key."""
    transport.request("GET", "/warm", seconds=60.0)
    match fault:
        case "refused":
            remote.server.stop()
        case "hangs":
            remote.server.hang()
        case "ends":
            remote.server.answer = lambda _: remote.server.stop()
    with pytest.raises(BackendUnavailableError, match=r"http://127\.0\.0\.1") as caught:
        transport.request("GET", "/any", seconds=0.2 if fault == "hangs" else 60.0)
    assert KEY not in str(caught.value)


def asked(transport, seconds):
    """Ask once, on a thread that is not waited for without end."""
    return ThreadPoolExecutor(1).submit(transport.request, "GET", "/any", seconds=seconds)


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(OK, id="in its head"),
        pytest.param(OK + b"Content-Length: 100000\r\n\r\n", id="in its body"),
        pytest.param(CHUNKED, id="in its chunks"),
    ],
)
def test_an_answer_that_trickles_is_none(kind, head):
    """What is not complete in time is not waited for, though there is always something to read."""
    if kind is HttpxTransport and head == OK:
        pytest.skip("httpx has a deadline for each piece of a head alone")
    piece = b"1\r\nx\r\n" if head == CHUNKED else b"x"
    with answering(head, then=repeat(piece), pause_seconds=0.02) as odd:
        transport = kind(read_address(odd.url))
        with pytest.raises(BackendUnavailableError, match=r"http://127\.0\.0\.1"):
            asked(transport, 1.0).result(GUARD)
        assert odd.is_over.wait(GUARD)
    transport.close()


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        pytest.param(CHUNKED, b"F4240\r\n" + MEGABYTE + b"\r\n", id="in chunks"),
        pytest.param(CHUNKED + b"FFFFFFFFFFFFFFFFFFF\r\n", MEGABYTE, id="in one chunk"),
        pytest.param(OK + b"Content-Length: 99999999999999\r\n\r\n", MEGABYTE, id="of a length"),
        pytest.param(OK + b"\r\n", MEGABYTE, id="until its end"),
    ],
)
def test_an_answer_without_end_is_none(kind, head, piece):
    """What is larger than any answer is read no further, and the connection is closed."""
    with answering(head, then=repeat(piece)) as odd:
        transport = kind(read_address(odd.url))
        with pytest.raises(
            BackendUnavailableError, match="is larger than 67108864 bytes"
        ) as caught:
            asked(transport, GUARD).result(GUARD)
        assert KEY not in str(caught.value)
        assert odd.is_over.wait(GUARD)
    transport.close()


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(
            [CHUNKED, *3 * [b"F4240\r\n" + MEGABYTE + b"\r\n"], b"0\r\n\r\n"], id="chunks"
        ),
        pytest.param([OK + b"Content-Length: 3000000\r\n\r\n", *3 * [MEGABYTE]], id="a length"),
        pytest.param([OK + b"\r\n", *3 * [MEGABYTE]], id="until its end"),
    ],
)
def test_a_large_answer_is_whole(kind, pieces):
    """However its length is told, an answer of megabytes comes through as it is."""
    with answering(*pieces) as odd:
        transport = kind(read_address(odd.url))
        assert transport.request("GET", "/any", seconds=60.0).body == MEGABYTE * 3
    transport.close()


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"HTTP/1."], id="in its head"),
        pytest.param([OK + b"Content-Length: 9\r\n\r\n", b"x"], id="in its body"),
        pytest.param([CHUNKED, b"9\r\nx"], id="in a chunk"),
        pytest.param([CHUNKED, b"1\r\nx\r\n"], id="between chunks"),
        pytest.param([CHUNKED, b"-5\r\nx\r\n"], id="of a chunk of less than nothing"),
    ],
)
def test_an_answer_that_breaks_off_is_none(kind, pieces):
    """What is known to be cut short, or is no HTTP, is not taken for the whole."""
    with answering(*pieces) as odd:
        transport = kind(read_address(odd.url))
        with pytest.raises(BackendUnavailableError, match=r"http://127\.0\.0\.1"):
            transport.request("GET", "/any", seconds=60.0)
    transport.close()


def test_a_server_without_tls_is_named(kind, remote):
    """Whoever writes https:// for http:// is told so, not only what OpenSSL thinks of it."""
    transport = kind(read_address(remote.server.url.replace("http:", "https:")))
    with pytest.raises(BackendUnavailableError, match=r"is its URL http://"):
        transport.request("GET", "/any", seconds=60.0)
    transport.close()


def test_a_server_that_comes_back_is_found(transport, remote):
    """A connection that ended while nobody used it costs no request."""
    for _ in range(3):
        assert transport.request("GET", "/clew/v1/policy", seconds=60.0).status == 200
        remote.server.stop()
        remote.server.start()


@pytest.mark.parametrize(
    ("proxy", "bypassed", "is_lean"),
    [(None, "", True), ("http://proxy:3128", "", False), ("http://proxy:3128", "127.0.0.1", True)],
    ids=["no proxy", "proxy", "not for this host"],
)
def test_whoever_needs_a_proxy_gets_one(remote, monkeypatch, proxy, bypassed, is_lean):
    """Requests go by the lean way unless the system says that a proxy lies between."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    if proxy is not None:
        monkeypatch.setenv("http_proxy", proxy)
        monkeypatch.setenv("no_proxy", bypassed)
    backend = open_http(remote.server.url)
    assert isinstance(backend._transport, LeanTransport) is is_lean
    backend.close()
