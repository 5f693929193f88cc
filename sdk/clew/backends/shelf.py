"""
The policies that a store holds, and which one is live.

A policy given in code only seeds: it is stored when its (id, version) is new, and goes live only
where nothing is live. The same version with other content is refused. Publishing is an act of its
own, so that a deployment of old code never turns a policy back.

A live policy that this version cannot read, written by a newer one or by hand, is a state that
passes: until there is another, facts are kept and sent again, and decisions fall back.
"""

import hashlib
import logging
from typing import Any

import orjson

from clew.backends.base import Store
from clew.engine.compile import compile_policy
from clew.engine.compiled import CompiledPolicy
from clew.errors import BackendUnavailableError, PolicyConflict
from clew.model.policy import Policy

__all__ = ["Shelf"]

logger = logging.getLogger("clew")

_LIVE = "policy.live"
#: Characters of what is wrong with a policy that are told; one may have thousands of faults.
_SAID_MAX = 300
#: Parts of a policy that are stored but not acted on by this version.
_NOT_ENFORCED = ("caps", "suppressions", "journeys", "moments")


class Shelf:
    """The stored policies of one tenant."""

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant
        self._checked = -1
        self._live: tuple[str, CompiledPolicy] | None = None
        #: The live policy that cannot be read, by name and bundle, and why not.
        self._unreadable: tuple[str, bytes | None, str] | None = None

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
                    "policy %s is stored, but %s stays live until somebody publishes the other: "
                    "clew policy publish PATH --tenant %s --backend URL",
                    name,
                    live.decode(),
                    self._tenant,
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
        """
        Give the live policy, compiled; read again when the store's change count differs.

        Raises:
            BackendUnavailableError: this version cannot read it.
        """
        if changes != self._checked:
            self._look()
            self._checked = changes
        live, unreadable = self._live, self._unreadable
        if unreadable is not None:
            raise BackendUnavailableError(unreadable[2])
        return None if live is None else live[1]

    def live_name(self) -> str | None:
        """Name the live policy, as `id version`, whether or not it can be read."""
        with self._store.read() as read:
            return _name(read.setting(self._tenant, _LIVE))

    @property
    def last(self) -> CompiledPolicy | None:
        """The policy that was live and readable when last asked for; the store is not asked."""
        live = self._live
        return None if live is None else live[1]

    def versions(self) -> list[str]:
        """Name the stored policies, as `id version`."""
        with self._store.read() as read:
            found = read.settings(self._tenant, "policy:")
        return sorted(name.removeprefix("policy:") for name in found)

    def version(self, policy_id: str, version: str) -> CompiledPolicy | None:
        """
        Give a stored version, compiled.

        Raises:
            BackendUnavailableError: this version of clew cannot read it.
        """
        name = f"{policy_id} {version}"
        if self._live is not None and self._live[0] == name:
            return self._live[1]
        with self._store.read() as read:
            bundle = read.setting(self._tenant, f"policy:{name}")
        return _compiled(name, bundle) if bundle is not None else None

    def _look(self) -> None:
        """See which policy is live now; one that is known already is not compiled again."""
        with self._store.read() as read:
            name = _name(read.setting(self._tenant, _LIVE))
            if name is None:
                self._live = self._unreadable = None
                return
            if self._live is not None and self._live[0] == name:
                self._unreadable = None
                return
            bundle = read.setting(self._tenant, f"policy:{name}")
        if self._unreadable is None or self._unreadable[:2] != (name, bundle):
            self._take(name, bundle)

    def _take(self, name: str, bundle: bytes | None) -> None:
        try:
            self._live = (name, _compiled(name, bundle))
            self._unreadable = None
        except BackendUnavailableError as error:
            logger.error("%s", error)  # noqa: TRY400 - the sentence says what is wrong
            self._unreadable = (name, bundle, str(error))

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


def _name(live: bytes | None) -> str | None:
    # Whoever wrote it by hand may have written anything; there is no such policy then.
    return None if live is None else live.decode(errors="replace")


def _compiled(name: str, bundle: bytes | None) -> CompiledPolicy:
    from clew.codec import from_json

    try:
        if bundle is None:
            raise LookupError("no policy of this name and version is stored")  # noqa: TRY301
        return compile_policy(from_json(Policy, orjson.loads(bundle)))
    except Exception as error:
        # What a newer version, or a hand, has written may break anything.
        raise BackendUnavailableError(
            f"policy {name} cannot be read by this version of clew ({_said(error)}): publish "
            "another one (`clew policy publish`), or upgrade clew if a newer one published it"
        ) from error


def _said(error: Exception) -> str:
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return said if len(said) <= _SAID_MAX else f"{said[:_SAID_MAX]}…"


def _warn(document: dict[str, Any], name: str) -> None:
    for part in _NOT_ENFORCED:
        if document.get(part):
            logger.warning("policy %s declares %s, which this version does not enforce", name, part)


def _short(bundle: bytes) -> str:
    return hashlib.sha256(bundle).hexdigest()[:12]
