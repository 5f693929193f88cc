"""Rewrites a page whose fillings are at hand, without waiting for any."""

from collections.abc import Callable, Iterable, Iterator

from clew_edge.markup.scanner import Scanner
from clew_edge.markup.slots import Slot

__all__ = ["rewrite"]


def rewrite(
    chunks: Iterable[bytes],
    fill: Callable[[str], bytes | None],
    *,
    nonce: bytes | None = None,
    markup: bool = True,
) -> Iterator[bytes]:
    """
    Give the page with each slot's content replaced by what `fill` answers to its name.

    None keeps the default, in which slots are then looked for. `nonce` and `markup` are those of
    `Scanner`.

    >>> page = [b'<h1><clew-slot name="he', b'ro">Welcome</clew-slot></h1>']
    >>> b"".join(rewrite(page, {"hero": b"Hello"}.get))
    b'<h1><clew-slot name="hero">Hello</clew-slot></h1>'
    """
    scanner = Scanner(nonce, markup=markup)
    for chunk in chunks:
        yield from _filled(scanner.feed(chunk), fill, nonce, markup=markup)
    yield from _filled(scanner.close(), fill, nonce, markup=markup)


def _filled(
    pieces: Iterable[bytes | Slot],
    fill: Callable[[str], bytes | None],
    nonce: bytes | None,
    *,
    markup: bool,
) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        elif (filling := fill(piece.name)) is not None:
            yield filling
        else:
            yield from rewrite([piece.default], fill, nonce=nonce, markup=markup)
