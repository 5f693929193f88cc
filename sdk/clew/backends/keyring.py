"""
Signing keys: given, or made once in the store for every process on it (RULES K1).

They sign nothing themselves: tokens, and whoever else has something to sign, get keys derived from
them, so that what one purpose signs never verifies for another, nor for another tenant.
"""

import hashlib
import hmac
from collections.abc import Sequence

import orjson

from clew.backends.base import Store
from clew.engine.compiled import CompiledPolicy
from clew.trust.tokens import Tokens, check_keys, new_key

__all__ = ["Keyring", "derived"]

#: Tokens outlive the longest window by a day (RULES K2), in seconds.
TOKEN_MARGIN_SECONDS = 86_400.0

_KEYS = "keys"


class Keyring:
    """
    The tokens and keys of one tenant.

    Args:
        keys: newest first; without them, those of the store.

    Raises:
        ConfigurationError: a key is too short to be safe.
    """

    def __init__(self, store: Store, tenant: str, keys: Sequence[str]) -> None:
        if keys:  # else the first token would tell, long after the start
            check_keys(keys)
        self._store = store
        self._tenant = tenant
        self._keys = tuple(keys)
        self._tokens: Tokens | None = None

    def tokens(self, policy: CompiledPolicy | None) -> Tokens:
        """What issues and reads tokens; made when first needed, so that nobody else pays."""
        if self._tokens is None:
            objectives = policy.objectives.values() if policy is not None else ()
            longest = max((o.objective.window_seconds for o in objectives), default=0.0)
            self._tokens = Tokens(
                self._secrets(),
                tenant=self._tenant,
                lifetime_seconds=longest + TOKEN_MARGIN_SECONDS,
            )
        return self._tokens

    def derive(self, purpose: str) -> tuple[bytes, ...]:
        """
        Derive a key of 32 bytes from each signing key, newest first, as `derived`.

        Raises:
            ConfigurationError: a signing key is too short to be safe.
        """
        return derived(self._secrets(), purpose, self._tenant)

    def _secrets(self) -> tuple[str, ...]:
        self._keys = self._keys or self._shared()
        return self._keys

    def _shared(self) -> tuple[str, ...]:
        # A token is read where an event loop runs, which may wait for no writer (`Store.read`).
        with self._store.read() as read:
            body = read.setting("", _KEYS)
        if body is None:
            body = self._made()
        return tuple(orjson.loads(body))

    def _made(self) -> bytes:
        """Make the key of a new store; the first process that does so makes it for all."""
        with self._store.write() as write:
            body = write.setting("", _KEYS)
            if body is None:
                body = orjson.dumps([new_key()])
                write.put_setting("", _KEYS, body)
        return body


def derived(keys: Sequence[str], purpose: str, tenant: str) -> tuple[bytes, ...]:
    """
    Derive a key of 32 bytes for one purpose of one tenant from each signing key.

    One block of HMAC-SHA256 over purpose and tenant, as the expansion of HKDF (RFC 5869, 2.3) for a
    key that is random already. As JSON, no two pairs read the same, and none reads as what tokens
    are derived with.

    Raises:
        ConfigurationError: a signing key is too short to be safe.
    """
    check_keys(keys)
    info = orjson.dumps(["clew.key", purpose, tenant])
    return tuple(hmac.digest(key.encode(), info, hashlib.sha256) for key in keys)
