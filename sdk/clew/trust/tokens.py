"""
Tokens prove which decision is meant, and nothing else: no subject, no features (RULES K2).

A token is `<decision id>.<expiry>.<signature>`: HMAC-SHA256 (RFC 2104) over the first two parts,
with a key derived once per tenant, in at most 160 characters. Keys are given newest first; the
newest signs, all verify.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode
from itsdangerous.signer import SigningAlgorithm

from clew.errors import ConfigurationError, TokenError

__all__ = ["KEY_BYTES", "Tokens", "check_keys", "new_key"]

KEY_BYTES = 32


def new_key() -> str:
    """Make a signing key: 256 random bits as hex."""
    return secrets.token_hex(KEY_BYTES)


def check_keys(keys: Sequence[str]) -> None:
    """
    Refuse signing keys that are none, or too short to be safe.

    Raises:
        ConfigurationError: what is wrong with them.
    """
    if not keys or any(len(key) < KEY_BYTES for key in keys):
        raise ConfigurationError(
            f"keys: at least one signing key of {KEY_BYTES} characters or more is needed; "
            "make one with: python -c 'import secrets; print(secrets.token_hex(32))'"
        )


class Tokens:
    """
    Issues and verifies the tokens of one tenant.

    Args:
        keys: secrets of at least 32 characters, newest first.
        tenant: whose decisions they are; another tenant's token does not verify.
        lifetime_seconds: how long a token is good for.

    Raises:
        ConfigurationError: no key, or one that is too short to be safe.
    """

    def __init__(self, keys: Sequence[str], *, tenant: str, lifetime_seconds: float) -> None:
        check_keys(keys)
        self._lifetime = lifetime_seconds
        # Deriving per call would double the cost of a token, so it is done here, once.
        derived = [
            hmac.digest(key.encode(), f"clew.decision:{tenant}".encode(), hashlib.sha256)
            for key in reversed(keys)
        ]
        self._signer = Signer(
            derived, sep=".", key_derivation="none", algorithm=_HmacSha256(derived)
        )

    def issue(self, decision: str, now: float) -> str:
        """Make the token of a decision; *now* in seconds since the epoch."""
        return self._signer.sign(f"{decision}.{int(now + self._lifetime):x}").decode()

    def read(self, token: str, now: float) -> str | None:
        """
        Give the decision a token proves; None when the token is genuine but has expired.

        Raises:
            TokenError: the signature is not ours, or the text is no token.
        """
        try:
            decision, _, expiry = self._signer.unsign(token).decode().rpartition(".")
            expires_at = int(expiry, 16)
            _check_canonical(token.rpartition(".")[2])
        except (BadSignature, UnicodeError, ValueError):
            raise TokenError(
                "this token was not issued here: its signature does not verify; "
                "report with the token of a decision, unchanged, or with the decision itself"
            ) from None
        return decision if now <= expires_at else None


class _HmacSha256(SigningAlgorithm):
    """
    HMAC-SHA256 that goes on from where the key left off (RFC 2104, section 4).

    OpenSSL's own, which `hmac` takes for a digest that it knows by name, lets other threads have
    the interpreter for each token; to get it back takes longer than to sign.
    """

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._begun = {key: hmac.new(key, digestmod=_sha256) for key in keys}

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Sign a value."""
        signing = self._begun[key].copy()
        signing.update(value)
        return signing.digest()


def _sha256(data: bytes = b"") -> "hashlib._Hash":
    return hashlib.sha256(data)


def _check_canonical(signature: str) -> None:
    """
    Refuse another spelling of a signature, so that a token has one form alone.

    The last character of base64 holds bits that mean nothing (RFC 4648, 3.5).
    """
    if base64_encode(base64_decode(signature)).decode() != signature:
        raise BadSignature("the signature is not spelled as it was issued")
