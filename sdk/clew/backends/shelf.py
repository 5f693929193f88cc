"""
The policies that a store holds, and which one is live.

A policy given in code only seeds: it is stored when its (id, version) is new, and goes live only
where nothing is live. The same version with other content is refused. Publishing is an act of its
own, so that a deployment of old code never turns a policy back.
"""

import hashlib
import logging
from typing import Any

import orjson

from clew.backends.base import Store
from clew.engine.compile import compile_policy
from clew.engine.compiled import CompiledPolicy
from clew.errors import PolicyConflict
from clew.model.policy import Policy

__all__ = ["Shelf"]

logger = logging.getLogger("clew")

_LIVE = "policy.live"
#: Parts of a policy that are stored but not acted on by this version.
_NOT_ENFORCED = ("caps", "suppressions", "journeys", "moments")


class Shelf:
    """The stored policies of one tenant."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant
        self._checked = -1
        self._live: tuple[str, CompiledPolicy] | None = None

    def seed(self, bundle: bytes) -> None:
        """
        Store a policy bundle; it goes live where nothing is.

        Args:
            bundle: canonical JSON of a checked policy.

        Raises:
            PolicyConflict: this version is stored with other content.
        """
        name = self._put(bundle)
        with self._store.write() as write:
            live = write.setting(self._tenant, _LIVE)
            if live is None:
                write.put_setting(self._tenant, _LIVE, name.encode())
            elif live.decode() != name:
                logger.warning(
                    "policy %s is stored, but %s is live; `clew policy publish` makes it live",
                    name,
                    live.decode(),
                )
        self._checked = -1

    def publish(self, bundle: bytes) -> None:
        """
        Store a policy bundle and make it the live one.

        Raises:
            PolicyConflict: this version is stored with other content.
        """
        name = self._put(bundle)
        with self._store.write() as write:
            write.put_setting(self._tenant, _LIVE, name.encode())
        self._checked = -1

    def live(self, changes: int) -> CompiledPolicy | None:
        """Give the live policy, compiled; read again when the store's change count differs."""
        if changes != self._checked:
            with self._store.read() as read:
                name = read.setting(self._tenant, _LIVE)
                if name is None:
                    self._live = None
                elif self._live is None or self._live[0] != name.decode():
                    bundle = read.setting(self._tenant, f"policy:{name.decode()}")
                    self._live = (name.decode(), _compiled(bundle or b"{}"))
            self._checked = changes
        return self._live[1] if self._live is not None else None

    @property
    def last(self) -> CompiledPolicy | None:
        """The live policy as it was when last asked for; the store is not asked."""
        live = self._live
        return None if live is None else live[1]

    def versions(self) -> list[str]:
        """Name the stored policies, as `id version`."""
        with self._store.read() as read:
            found = read.settings(self._tenant, "policy:")
        return sorted(name.removeprefix("policy:") for name in found)

    def version(self, policy_id: str, version: str) -> CompiledPolicy | None:
        """Give a stored version, compiled."""
        if self._live is not None and self._live[0] == f"{policy_id} {version}":
            return self._live[1]
        with self._store.read() as read:
            bundle = read.setting(self._tenant, f"policy:{policy_id} {version}")
        return _compiled(bundle) if bundle is not None else None

    def _put(self, bundle: bytes) -> str:
        document = orjson.loads(bundle)
        name = f"{document['id']} {document['version']}"
        with self._store.write() as write:
            present = write.setting(self._tenant, f"policy:{name}")
            if present is None:
                write.put_setting(self._tenant, f"policy:{name}", bundle)
            elif present != bundle:
                raise PolicyConflict(
                    f"policy {document['id']!r} version {document['version']!r} is stored with "
                    f"other content (sha256 {_short(present)}, yours {_short(bundle)}); give the "
                    "changed policy a new version"
                )
        _warn(document, name)
        return name


def _compiled(bundle: bytes) -> CompiledPolicy:
    from clew.codec import from_json

    return compile_policy(from_json(Policy, orjson.loads(bundle)))


def _warn(document: dict[str, Any], name: str) -> None:
    for part in _NOT_ENFORCED:
        if document.get(part):
            logger.warning("policy %s declares %s, which this version does not enforce", name, part)


def _short(bundle: bytes) -> str:
    return hashlib.sha256(bundle).hexdigest()[:12]
