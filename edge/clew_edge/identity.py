"""
The visitor's id in a signed first-party cookie, kept only where the person allowed it.

The `__Host-` prefix binds the cookie to this host and to HTTPS (RFC 6265bis, 4.1.3.2); in
development, without HTTPS, it goes by its bare name. Its life of 400 days is the longest a browser
grants (RFC 6265bis, 5.5).
"""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Sequence

from itsdangerous import BadSignature, Signer

from clew import AsyncClient

__all__ = ["Cookie", "KeyedCookie"]

logger = logging.getLogger("clew.edge")

MAX_AGE_SECONDS = 34_560_000

#: How long requests wait for the keys of the cookie, from when the first has asked for them.
KEYS_SECONDS = 1.0

#: The length of a key of the process, in bytes.
KEY_BYTES = 32


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


class KeyedCookie:
    """
    The cookie, as soon as its keys came from the store, which is asked once for all requests.

    A store that hangs delays only those that come in the first second; then nobody is known, until
    it answers. Over a client that has no keys, it is signed with a key of this process alone.
    """

    def __init__(self, client: AsyncClient, *, dev: bool) -> None:
        self._client = client
        self._dev = dev
        self._cookie: Cookie | None = None
        self._reading: asyncio.Task[None] | None = None
        self._until = 0.0
        self._has_failed = False

    async def get(self) -> Cookie | None:
        """Give the cookie; None as long as its keys cannot be had."""
        if self._cookie is None:
            now = asyncio.get_running_loop().time()
            if self._reading is None:
                self._until = now + KEYS_SECONDS
                self._reading = asyncio.create_task(self._read())
            await asyncio.wait((self._reading,), timeout=max(0.0, self._until - now))
        return self._cookie

    async def _read(self) -> None:
        try:
            self._cookie = Cookie(await self._keys(), dev=self._dev)
        except Exception as error:  # noqa: BLE001 - pages must be served, to nobody in particular
            self._say(error)
        finally:
            self._reading = None

    async def _keys(self) -> Sequence[bytes]:
        if self._client.has_keys:
            return await self._client.derive_keys("edge.cookie")
        return (secrets.token_bytes(KEY_BYTES),)

    def _say(self, error: Exception) -> None:
        if not self._has_failed:
            self._has_failed = True
            logger.error(
                "the keys of the cookie cannot be read, so its visitors are not known: %r "
                "(said once)",
                error,
                exc_info=error,
            )
