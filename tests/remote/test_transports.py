"""Both ways to the server carry the same requests, and end in the same errors."""

import pytest

from clew.backends.http.address import read_address
from clew.backends.http.full import HttpxTransport
from clew.backends.http.lean import LeanTransport
from clew.backends.http.opening import open_http
from clew.backends.http.transport import Response
from clew.errors import BackendUnavailableError
from remote.standin import KEY


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


@pytest.mark.parametrize("kind", [LeanTransport, HttpxTransport])
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
