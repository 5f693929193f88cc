"""Signing keys of tokens: given, or made once in the store for every process on it (RULES K1)."""

from collections.abc import Sequence

import orjson

from clew.backends.base import Store
from clew.engine.compiled import CompiledPolicy
from clew.trust.tokens import Tokens, new_key

__all__ = ["Keyring"]

#: Tokens outlive the longest window by a day (RULES K2), in seconds.
TOKEN_MARGIN_SECONDS = 86_400.0

_KEYS = "keys"


class Keyring:
    """
    The tokens of one tenant.

    Args:
        keys: newest first; without them, those of the store.
    """

    def __init__(self, store: Store, tenant: str, keys: Sequence[str]) -> None:
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
                self._keys or self._shared(),
                tenant=self._tenant,
                lifetime_seconds=longest + TOKEN_MARGIN_SECONDS,
            )
        return self._tokens

    def _shared(self) -> list[str]:
        with self._store.write() as write:
            body = write.setting("", _KEYS)
            if body is None:
                body = orjson.dumps([new_key()])
                write.put_setting("", _KEYS, body)
        return list(orjson.loads(body))
