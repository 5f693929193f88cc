"""Where a server is, who asks, and that the key is never told."""

import pytest

from clew import Client
from clew.backends import open_backend
from clew.backends.http.address import read_address
from clew.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLEW_KEY", raising=False)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://k@clew.example.com", "https://clew.example.com:443"),
        ("http://k@127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("https://k@example.com/shop/", "https://example.com:443/shop"),
        ("https://k@[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_a_server_is_named_by_its_url(url: str, base: str) -> None:
    """Scheme, host, port and prefix are the server's address, without the key."""
    address = read_address(url)
    assert (address.base, address.key) == (base, "k")


def test_the_key_comes_from_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The argument goes before the URL, and the URL before the environment."""
    monkeypatch.setenv("CLEW_KEY", "of-environment")
    assert read_address("https://host").key == "of-environment"
    assert read_address("https://of%2Durl@host").key == "of-url"
    assert read_address("https://of-url@host", "of-argument").key == "of-argument"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("https://", "names no host"),
        ("https://k@host:port", "no URL of a server"),
        ("https://host", "CLEW_KEY"),
        ("https://secret%0Akey@host", "copy it anew"),
        ("https://k@host/clew/v1", "leave /clew/v1 out"),
        ("https://k@host/shop/clew/v1/append", "leave /clew/v1/append out"),
        ("https://k@host?ttl=5", "deadline_ms alone"),
        ("https://k@host?deadline_ms=soon", "above 0"),
        ("https://k@host?deadline_ms=0", "above 0"),
    ],
)
def test_what_is_wrong_is_told(url: str, says: str) -> None:
    """Each error says what to do, and never the key."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        open_backend(url)
    assert "secret" not in str(caught.value)


def test_the_key_is_never_shown() -> None:
    """Neither the address nor its folder tells the key."""
    address = read_address("https://secret@host?deadline_ms=80")
    assert address.deadline_ms == 80.0
    assert "secret" not in f"{address!r} {address.base} {address.folder}"


def test_each_key_has_its_folder() -> None:
    """What one tenant's process left is never delivered with another's key (T22)."""
    urls = ["https://a@host", "https://b@host", "https://a@host/x", "https://a@other"]
    assert len({read_address(url).folder for url in urls}) == len(urls)
    assert read_address(urls[0]).folder == read_address(urls[0]).folder


def test_a_tenant_that_was_named_is_told() -> None:
    """Who means a tenant says so with each request; who names none goes by the key alone."""
    assert "Clew-Tenant" not in read_address("https://k@host").headers
    assert read_address("https://k@host", tenant="a b/é").headers["Clew-Tenant"] == "a%20b%2F%C3%A9"


def test_nothing_is_sent_before_it_is_needed(tmp_path: object) -> None:
    """A client of a server that is not there is opened all the same, and answers."""
    with Client("http://k@127.0.0.1:9?deadline_ms=60000", durability="none") as client:
        decision = client.decide("hero", subject="u-1", default={"headline": "Hi"})
        assert (decision.reason, decision.get("headline")) == ("error", "Hi")
