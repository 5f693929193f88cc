"""
Which responses may be touched, and what caches are told of those that are (RFC 9110, RFC 9111).

Everything here is decided from the start message, so that it can be sent at once.
"""

import codecs
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TypeAlias

__all__ = [
    "Headers",
    "charset",
    "is_encoded",
    "is_page",
    "is_rewritable",
    "private",
    "unmeasured",
    "unvalidated",
]

#: As ASGI has them: names in lower case.
Headers: TypeAlias = Sequence[tuple[bytes, bytes]]

#: Without a body (RFC 9110, 15.3.5, 15.3.6, 15.4.5), or with a part of one (15.3.7).
_BODILESS = frozenset({204, 205, 304})
_PARTIAL = 206

#: What speaks to shared caches beside `cache-control`: of CDNs (RFC 9213), of nginx, of Akamai.
_FOR_CACHES = frozenset({b"age", b"edge-control", b"expires", b"surrogate-control"}) | {
    b"x-accel-expires"
}
#: What is true of the page before its slots were filled alone (RFC 9110, 8.8 and 14.3; RFC 9530).
_OF_THE_BODY = frozenset(
    {
        b"accept-ranges",
        b"content-digest",
        b"content-md5",
        b"digest",
        b"etag",
        b"last-modified",
        b"repr-digest",
    }
)

_CHARSET = re.compile(rb"charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)

_ASCII = bytes(range(128))
#: Its escapes switch to other characters, in the same bytes.
_SHIFTING = "iso2022"


def is_page(headers: Headers) -> bool:
    """Whether the body is HTML."""
    return _first(headers, b"content-type").partition(b";")[0].strip().lower() == b"text/html"


def is_rewritable(status: int, headers: Headers) -> bool:
    """
    Whether the body of a page may be changed.

    Not: what is encoded (it is not HTML yet), a part of a page, and what says `no-transform`
    (RFC 9111, 5.2.2.6).
    """
    if status in _BODILESS or status == _PARTIAL:
        return False
    if is_encoded(headers):
        return False
    return b"no-transform" not in _directives(headers) and charset(headers) is not None


def is_encoded(headers: Headers) -> bool:
    """Whether the body is compressed, or encoded otherwise."""
    return _first(headers, b"content-encoding").strip().lower() not in {b"", b"identity"}


def charset(headers: Headers) -> str | None:
    """Give the name of the page's encoding; None when its markup is not written in ASCII."""
    found = _CHARSET.search(_first(headers, b"content-type"))
    return "utf-8" if found is None else _extends_ascii(found.group(1).decode("latin-1"))


@lru_cache(maxsize=64)
def _extends_ascii(label: str) -> str | None:
    """Give the codec of a label; None where it is unknown, or ASCII stands otherwise in it."""
    try:
        name = codecs.lookup(label).name
        is_plain = _ASCII.decode().encode(name) == _ASCII
    except (LookupError, UnicodeError):
        return None
    return name if is_plain and not name.startswith(_SHIFTING) else None


def private(headers: Headers) -> list[tuple[bytes, bytes]]:
    """
    Give the headers of a response that is one visitor's own: no shared cache may keep it.

    What the application forbids beyond that stays forbidden.
    """
    kept = [each for each in headers if not _is_for_caches(each[0].lower())]
    stricter = _directives(headers) & {b"no-store", b"no-transform"}
    value = b", ".join([b"private", b"no-cache", *sorted(stricter)])
    return [*kept, (b"cache-control", value)]


def unvalidated(headers: Headers) -> list[tuple[bytes, bytes]]:
    """
    Give the headers without what is true of the application's own body alone.

    Nobody may be told that a page has not changed: its slots may have.
    """
    return [each for each in headers if each[0].lower() not in _OF_THE_BODY]


def unmeasured(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Give the headers without the length, which filling slots changes."""
    return [each for each in headers if each[0].lower() != b"content-length"]


def _is_for_caches(name: bytes) -> bool:
    return name in _FOR_CACHES or name.endswith(b"cache-control")


def _first(headers: Headers, name: bytes) -> bytes:
    return next((value for key, value in headers if key.lower() == name), b"")


def _directives(headers: Headers) -> frozenset[bytes]:
    values: Iterable[bytes] = (v for key, v in headers if key.lower() == b"cache-control")
    return frozenset(each.strip().lower() for value in values for each in value.split(b","))
