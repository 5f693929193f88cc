"""Who may speak to a server (`schemas/keys.schema.json`), and how its keys are hashed."""

import hashlib
from datetime import datetime

from attrs import field, frozen, validators

from clew.model.limits import identifier, name, positive

__all__ = ["KeyEntry", "Keys", "hash_key"]


def hash_key(key: str) -> str:
    """
    Give what a file may hold of a key.

    One SHA-256 is enough where the secret is 256 random bits, and it is done at every request. Slow
    hashes are for secrets that people think of, which can be guessed.

    Source: NIST SP 800-63B (2017), section 5.1.2.2: one-way functions from 112 bits on.
    """
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"


@frozen(kw_only=True)
class KeyEntry:
    """One key: whose it is, which data it opens, what it may do."""

    id: str = field(validator=identifier)
    tenant: str = field(validator=name)
    hash: str = field(validator=validators.matches_re(r"sha256:[0-9a-f]{64}"))
    scopes: tuple[str, ...] = field(validator=validators.min_len(1))
    #: Whether everybody can read it in a page (RULES K2).
    browser: bool = False
    expires_at: datetime | None = None
    requests_per_second: float | None = field(default=None, validator=validators.optional(positive))


@frozen(kw_only=True)
class Keys:
    """All keys of a server; several of one id are one holder's, old and new."""

    keys: tuple[KeyEntry, ...]
