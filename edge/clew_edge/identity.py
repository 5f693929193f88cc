"""
The visitor's id in a signed first-party cookie, kept only where the person allowed it.

The `__Host-` prefix binds the cookie to this host and to HTTPS (RFC 6265bis, 4.1.3.2); in
development, without HTTPS, it goes by its bare name. Its life of 400 days is the longest a browser
grants (RFC 6265bis, 5.5).
"""

import hashlib
from collections.abc import Sequence

from itsdangerous import BadSignature, Signer

__all__ = ["Cookie"]

MAX_AGE_SECONDS = 34_560_000


class Cookie:
    """
    Reads and writes the cookie.

    Args:
        keys: newest first; the newest signs, all verify.
        dev: without HTTPS.
    """

    def __init__(self, keys: Sequence[bytes], *, dev: bool) -> None:
        self.name = "clew" if dev else "__Host-clew"
        self._secure = "" if dev else "; Secure"
        self._signer = Signer(
            list(reversed(keys)), sep=".", key_derivation="none", digest_method=hashlib.sha256
        )

    def read(self, value: str | None) -> str | None:
        """Give the id in a cookie's value; None where it is not one that we signed."""
        try:
            return self._signer.unsign(value).decode() if value else None
        except (BadSignature, UnicodeError):
            return None

    def keep(self, subject: str) -> bytes:
        """Give the `Set-Cookie` header that keeps an id."""
        return self._header(self._signer.sign(subject).decode(), MAX_AGE_SECONDS)

    def forget(self) -> bytes:
        """Give the `Set-Cookie` header that ends it."""
        return self._header("", 0)

    def _header(self, value: str, seconds: int) -> bytes:
        return (
            f"{self.name}={value}; Path=/; Max-Age={seconds}{self._secure}; HttpOnly; SameSite=Lax"
        ).encode()
