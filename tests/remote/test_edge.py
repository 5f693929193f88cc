"""The middleware over a client of a server: who signs its cookie."""

import asyncio

import pytest

from clew import AsyncClient
from clew.errors import ConfigurationError
from clew_edge import ClewMiddleware
from edge.asgi import answering, ask, html, page


@pytest.mark.parametrize("face", [lambda client: client, AsyncClient.over], ids=["sync", "async"])
def test_a_cookie_needs_keys(remote, face, monkeypatch):
    """Without keys every process would sign with its own, so it refuses to start (K1)."""
    monkeypatch.delenv("CLEW_KEYS", raising=False)
    client = remote.client()
    with pytest.raises(ConfigurationError, match="CLEW_KEYS"):
        ClewMiddleware(None, client=face(client), identity="cookie")
    ClewMiddleware(None, client=face(client), identity="none")
    ClewMiddleware(None, client=face(client), identity="cookie", dev=True)
    monkeypatch.setenv("CLEW_KEYS", "k" * 32)
    ClewMiddleware(None, client=face(remote.client()), identity="cookie")


def test_in_development_a_key_of_the_process_does(remote, monkeypatch):
    """Without keys the visitor's id is signed all the same, and read on the next page (K1)."""
    monkeypatch.delenv("CLEW_KEYS", raising=False)
    seen = []

    async def app(scope, receive, send):
        visitor = scope["state"]["clew"]
        seen.append(visitor.subject)
        if visitor.subject is None:
            visitor.consent(grant=["personalise"], source="banner")
        await answering(html(), *page(b"<p>Hi</p>"))(scope, receive, send)

    wrapped = ClewMiddleware(app, client=remote.client(), identity="cookie", dev=True)
    (cookie,) = asyncio.run(ask(wrapped)).cookies
    brought = [("accept", "text/html"), ("cookie", cookie.partition(";")[0])]
    asyncio.run(ask(wrapped, headers=brought))
    assert seen[0] is None
    assert seen[1].startswith("anon-")
