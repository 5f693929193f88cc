"""
What the benchmarks of the edge serve: pages of 100 KB, bare, through a middleware that does nothing
and through clew.

`python -m bench.edge_worlds` serves them on uvicorn with httptools.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.worlds import client, shop
from clew_edge import ClewMiddleware
from edge.http.serve import run

__all__ = ["ELEMENTS", "FILLING", "PLAIN", "Site", "marked", "sites"]

SIZE = 100 * 1024
_SLOTS = tuple(f"place-{number}" for number in range(5))
FILLING = b"<p><b>Your usual</b> is one step away.</p>"

Site = Callable[[dict[str, Any], Any, Any], Awaitable[None]]

_HEAD = (
    b'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Forno</title>'
    b"<style>.card > h3 { margin: 0 } .price::before { content: '<' }</style>"
    b'<script type="application/ld+json">{"@type": "Restaurant", "name": "Forno"}</script>'
    b"</head><body><!-- the catalogue --><ul>"
)
_CARD = (
    b'<li class="card" data-sku="pizza-%03d"><a href="/pizza/%03d?from=list&amp;at=%d">'
    b'<img src="/static/%03d.avif" alt="Pizza &gt; pie" width="320" height="240" loading="lazy">'
    b'<h3>Pizza no. %d</h3></a><p class="price"><data value="9.%02d">9.%02d</data> <s>12</s></p>'
    b"<button type='button' disabled>Add<span class=sr> to the basket</span></button></li>\n"
)
_TAIL = b"</ul><script>if (1 < 2) { document.title += '</li>' }</script></body></html>"


def _page(opening: bytes, closing: bytes) -> bytes:
    """A page of cards with the slots among them; `@` is a slot's name."""
    card = [_CARD % (n, n, n, n, n, n % 100, n % 100) for n in range(SIZE // 380)]
    step = len(card) // len(_SLOTS)
    for at, name in reversed(list(enumerate(_SLOTS))):
        inner = b"<p>Fresh <em>pizza</em></p>"
        slot = (opening + inner + closing).replace(b"@", name.encode())
        card.insert(at * step + step // 2, slot)
    body = _HEAD + b"".join(card)
    return body + b"<p>And more.</p>" * ((SIZE - len(body) - len(_TAIL)) // 16) + _TAIL


PLAIN = _page(b"", b"")
ELEMENTS = _page(b'<clew-slot name="@">', b"</clew-slot>")
_PARTS = _page(b"<!--clew:NONCE:@-->", b"<!--/clew:NONCE-->").split(b"NONCE")

_PAGES = {"/plain": PLAIN, "/elements": ELEMENTS}


def marked(nonce: str) -> bytes:
    """Give the page of a template that marked its slots with a nonce."""
    return nonce.encode().join(_PARTS)


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with a page in one piece, or with as many bytes that are none."""
    path = scope["path"]
    kind = b"text/html; charset=utf-8"
    if path == "/marks" and "clew" in scope:
        body = marked(scope["clew"].nonce)
    elif path in _PAGES:
        body = _PAGES[path]
    else:
        body, kind = PLAIN, b"text/css"
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


class Nothing:
    """The least a middleware can do that sees each message."""

    def __init__(self, app: Site) -> None:
        self.app = app

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        async def sent(message: dict[str, Any]) -> None:
            await send(message)

        await self.app(scope, receive, sent)


@contextmanager
def sites() -> Iterator[dict[str, Site]]:
    """The application behind nothing at all, and behind clew with one visitor who is known."""
    document = shop("bandit", sticky="session")
    [slot] = document["slots"]
    document["slots"] = [slot, *({**slot, "id": name} for name in _SLOTS)]
    for creative in document["creatives"]:
        creative["slots"] = ["hero", *_SLOTS]
    with client(document) as opened:
        filled = ClewMiddleware(
            application,
            client=opened,
            subject=lambda request: "u-1",
            traffic=lambda request: "human",
            render=lambda decision: FILLING.decode(),
        )
        yield {"nothing": Nothing(application), "clew": filled}


def main() -> None:
    """Serve both: below `/nothing` and below `/clew`."""
    with sites() as made:

        async def either(scope: dict[str, Any], receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await made["clew"](scope, receive, send)
                return
            _, site, path = scope["path"].split("/", 2)
            await made[site]({**scope, "path": f"/{path}"}, receive, send)

        run(either, "httptools")


if __name__ == "__main__":
    main()
