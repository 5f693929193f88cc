"""
Which addresses may be put where somebody clicks: none that runs a script.

A template can bring in what a person or a partner said, and `javascript:` is an address, too.

Source: RFC 3986, section 3.1 (a scheme ends at the first colon before any `/`, `?` or `#`); WHATWG
URL, section 4.4 (browsers drop tabs, newlines and leading control characters before they look).
"""

import re

__all__ = ["SCHEMES", "is_safe"]

#: Schemes that an address in content may have.
SCHEMES = frozenset({"http", "https", "mailto", "tel"})

_SCHEME = re.compile(r"[^:/?#]*:")
_UNSEEN = re.compile(r"[\x00-\x20\x7f]")


def is_safe(url: str) -> bool:
    """Whether an address is relative, or of a scheme that runs nothing; none with blanks is."""
    if _UNSEEN.search(url):
        return False
    scheme = _SCHEME.match(url)
    return scheme is None or scheme.group()[:-1].lower() in SCHEMES
