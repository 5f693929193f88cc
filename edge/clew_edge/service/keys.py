"""
Who asks: the keys file, read again when it changes, and the keys of requests held against it.

A key is looked up by the first bytes of its SHA-256 and then compared in constant time. What the
look-up's time tells of those bytes is of no use: nobody can make a key to given bytes of its hash.
"""

import base64
import binascii
import hmac
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from attrs import frozen

from clew import schema
from clew.codec import loads, to_json
from clew.errors import DocumentError
from clew.model.keys import KeyEntry, Keys, hash_key
from clew_edge.service.asgi import Scope, header
from clew_edge.service.limits import Bucket
from clew_edge.service.problems import RefusedError

__all__ = ["Key", "KeyFile", "presented"]

logger = logging.getLogger("clew.service")

#: How often the file is looked at, at most, in seconds.
LOOK_SECONDS = 1.0
#: Hex digits of a hash by which keys are looked up.
_SHORT = slice(len("sha256:"), len("sha256:") + 16)

_CHALLENGE = {"www-authenticate": 'Bearer realm="clew"'}


@frozen(kw_only=True)
class Key:
    """What the holder of a key may do."""

    id: str
    tenant: str
    scopes: frozenset[str]
    #: The beginnings of the signal types that a partner may write; empty for others.
    types: tuple[str, ...] = ()
    #: Whether everybody can read it in a page (RULES K2).
    browser: bool = False

    def may(self, scope: str) -> bool:
        """Whether it opens a route that needs this scope."""
        if scope == "append" and self.types:
            return True
        if self.browser:
            return scope == "append" and scope in self.scopes
        return scope in self.scopes or "admin" in self.scopes


class KeyFile:
    """
    The keys, as the file has them now.

    A file that has become wrong is reported in the log, and the keys stay what they were.

    Args:
        now: gives monotonic seconds.
        wall: gives seconds since the epoch.

    Raises:
        DocumentError: the file is no keys document.
        OSError: it cannot be read.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._now = now
        self._wall = wall
        self._looked_at = now()
        self._seen = _fingerprint(path)
        self._entries: Mapping[str, tuple[_Entry, ...]] = {}
        self._take(read(path))

    @property
    def tenants(self) -> frozenset[str]:
        """Whose data the keys open."""
        return frozenset(one.key.tenant for found in self._entries.values() for one in found)

    def find(self, secret: str) -> Key:
        """
        Give the key with this secret.

        Raises:
            RefusedError: there is none, or it has expired, or is used too often.
        """
        self._look()
        digest = hash_key(secret)
        matches = [
            one
            for one in self._entries.get(digest[_SHORT], ())
            if hmac.compare_digest(one.hash, digest)
        ]
        if not matches:
            raise _unknown("this key is not known here; ask for one (`clew key new`)")
        entry = matches[0]
        if entry.expires_at is not None and self._wall() >= entry.expires_at:
            raise _unknown("this key has expired; ask for a new one (`clew key new`)")
        wait = entry.bucket.wait() if entry.bucket is not None else 0.0
        if wait:
            raise RefusedError(
                429,
                "this key is used more often than it may be; wait as Retry-After says",
                "rate",
                {"retry-after": str(int(wait) + 1)},
            )
        return entry.key

    def _look(self) -> None:
        now = self._now()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        try:
            seen = _fingerprint(self._path)
            if seen != self._seen:
                self._seen = seen
                self._take(read(self._path))
        except (OSError, DocumentError) as error:
            logger.error("%s: the keys stay what they were: %s", self._path, error)  # noqa: TRY400 - no bug of ours

    def _take(self, keys: Keys) -> None:
        entries: dict[str, list[_Entry]] = {}
        for one in keys.keys:
            entries.setdefault(one.hash[_SHORT], []).append(self._entry(one))
        self._entries = {short: tuple(found) for short, found in entries.items()}

    def _entry(self, one: KeyEntry) -> "_Entry":
        rate = one.requests_per_second
        return _Entry(
            hash=one.hash,
            key=Key(
                id=one.id,
                tenant=one.tenant,
                scopes=frozenset(scope for scope in one.scopes if ":" not in scope),
                types=tuple(_prefixes(one.scopes)),
                browser=one.browser,
            ),
            expires_at=None if one.expires_at is None else one.expires_at.timestamp(),
            bucket=None if rate is None else Bucket(rate, self._now),
        )


@frozen(kw_only=True)
class _Entry:
    hash: str
    key: Key
    expires_at: float | None
    bucket: Bucket | None


def read(path: Path) -> Keys:
    """
    Read a keys file.

    Raises:
        DocumentError: it is no keys document; all its faults.
        OSError: it cannot be read.
    """
    keys = loads(Keys, path.read_bytes())
    schema.validate("keys", to_json(keys))  # scopes are spelled as the schema alone says
    return keys


def presented(scope: Scope) -> str:
    """
    Give the key that a request brings: as `Bearer`, or as the user name of `Basic` (RFC 7617).

    Raises:
        RefusedError: it brings none.
    """
    scheme, _, credentials = (header(scope, b"authorization") or b"").partition(b" ")
    try:
        if scheme.lower() == b"bearer":
            return credentials.strip().decode("ascii")
        if scheme.lower() == b"basic":
            pair = base64.b64decode(credentials.strip(), validate=True)
            return pair.partition(b":")[0].decode("ascii")
    except (UnicodeDecodeError, binascii.Error):
        pass
    raise _unknown("send your key: `Authorization: Bearer <key>`, or as the user name of `Basic`")


def _prefixes(scopes: Iterable[str]) -> Iterable[str]:
    if "append" not in scopes and "admin" not in scopes:
        for scope in scopes:
            _, colon, prefix = scope.partition(":")
            if colon:
                yield prefix


def _fingerprint(path: Path) -> tuple[int, int, int]:
    found = os.stat(path)  # noqa: PTH116 - the same, without a second object
    return found.st_mtime_ns, found.st_size, found.st_ino


def _unknown(detail: str) -> RefusedError:
    return RefusedError(401, detail, "key", _CHALLENGE)
