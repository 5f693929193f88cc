"""
Whether a request comes from a page of the same site, so that others cannot report in its name.

Browsers that send `Sec-Fetch-Site` have compared the origins themselves, and know the name the
visitor sees where a proxy in front has written another `Host`: their word decides. Older ones send
`Origin`, which is held against `Host`. What sends neither is no browser, and nobody's session is
misused through it. A forged header gains nothing: what is reported is proven by its token.

Source: W3C Fetch Metadata; RFC 6454 section 7; the order of checks of Go's
`net/http.CrossOriginProtection`.
"""

from starlette.datastructures import Headers

__all__ = ["is_same_origin"]

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def is_same_origin(headers: Headers) -> bool:
    """Whether a page of this origin, or no page at all, sent the request."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or _names(origin, headers.get("host", ""))


def _names(origin: str, host: str) -> bool:
    """Whether an origin is this host; a port may be left out where the scheme says it."""
    scheme, _, theirs = origin.partition("://")
    standard = _DEFAULT_PORTS.get(scheme, "")
    return theirs.removesuffix(standard).lower() == host.removesuffix(standard).lower() != ""
