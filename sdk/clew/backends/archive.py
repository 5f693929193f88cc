"""Decisions as they are stored, shown again: one by its id, or a person's of late."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import orjson

from clew.backends.base import Place, Reading, Store
from clew.backends.decided import request_ref
from clew.backends.shelf import Shelf
from clew.engine.bucketing import store_bucket
from clew.engine.compiled import CompiledPolicy
from clew.ids import bucket_of
from clew.model.decision import Decision

__all__ = ["Archive"]

#: Outcomes that say that somebody has seen a decision.
_SEEN = frozenset({"displayed", "sent"})


class Archive:
    """
    The stored decisions of one tenant.

    Args:
        shelf: has the policies that made them; one whose policy is gone, or that names none,
            cannot be shown.
        show: makes a `Decision` of a policy and a record.
    """

    def __init__(
        self,
        store: Store,
        tenant: str,
        shelf: Shelf,
        show: Callable[[CompiledPolicy, Mapping[str, Any]], Decision],
    ) -> None:
        self._store = store
        self._tenant = tenant
        self._shelf = shelf
        self._show = show

    def one(self, id: str) -> Decision | None:
        """Give a decision by its id."""
        with self._store.read() as read:
            body = read.fact(self._place(id), "decision", id)
        return None if body is None else next(self._shown([orjson.loads(body)]), None)

    def lately(self, names: Iterable[str], since: float) -> list[Decision]:
        """
        Give what was decided for a person and used, newest first.

        Args:
            names: all their identities; what was decided before a link lies with its own.
            since: seconds since the epoch.
        """
        owners = frozenset(names)
        with self._store.read() as read:
            records = [
                record
                for name in owners
                for body in read.facts(self._home(name), "decision", name, since=since)
                if not self._is_void(read, record := orjson.loads(body), owners)
            ]
        made = self._shown(records)
        return sorted(made, key=lambda one: (one.decided_at, one.id), reverse=True)

    def _is_void(self, read: Reading, record: Mapping[str, Any], owners: Collection[str]) -> bool:
        """Whether a decision was taken back, or its request and nobody has seen it (RULES D8)."""
        bodies = read.referring(self._place(record["id"]), "outcome", record["id"])
        told = {orjson.loads(body)["type"] for body in bodies}
        request_id = record.get("request_id")
        if "voided" in told or request_id is None or told & _SEEN:
            return "voided" in told
        return any(
            orjson.loads(body)["subject"] in owners
            for home in {self._home(name) for name in owners}
            for body in read.referring(home, "outcome", request_ref(request_id))
        )

    def _shown(self, records: Iterable[Mapping[str, Any]]) -> Iterator[Decision]:
        policies: dict[tuple[str, str], CompiledPolicy | None] = {}
        for record in records:
            version = record.get("policy_id", ""), record.get("policy_version", "")
            if version not in policies:
                policies[version] = self._shelf.version(*version)
            policy = policies[version]
            if policy is not None:
                yield self._show(policy, record)

    def _home(self, subject: str) -> Place:
        return store_bucket(self._tenant, subject), self._tenant

    def _place(self, id: str) -> Place:
        return bucket_of(id) or 0, self._tenant
