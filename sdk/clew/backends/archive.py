"""Decisions as they are stored, shown again: one by its id, or a person's of late."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

from clew.backends.base import Place, Reading, Store
from clew.backends.shelf import Shelf
from clew.engine.bucketing import store_bucket
from clew.engine.compiled import CompiledPolicy
from clew.ids import bucket_of
from clew.model.decision import Decision

__all__ = ["Archive"]


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
        with self._store.read() as read:
            records = [record for name in names for record in self._used(read, name, since)]
        made = self._shown(records)
        return sorted(made, key=lambda one: (one.decided_at, one.id), reverse=True)

    def _used(self, read: Reading, name: str, since: float) -> Iterator[dict[str, Any]]:
        place = store_bucket(self._tenant, name), self._tenant
        for body in read.facts(place, "decision", name, since=since):
            record = orjson.loads(body)
            if not self._is_void(read, record["id"]):
                yield record

    def _is_void(self, read: Reading, id: str) -> bool:
        """Whether a decision was taken back because nobody used it (RULES D8)."""
        told = read.referring(self._place(id), "outcome", id)
        return any(orjson.loads(body)["type"] == "voided" for body in told)

    def _shown(self, records: Iterable[Mapping[str, Any]]) -> Iterator[Decision]:
        policies: dict[tuple[str, str], CompiledPolicy | None] = {}
        for record in records:
            version = record.get("policy_id", ""), record.get("policy_version", "")
            if version not in policies:
                policies[version] = self._shelf.version(*version)
            policy = policies[version]
            if policy is not None:
                yield self._show(policy, record)

    def _place(self, id: str) -> Place:
        return bucket_of(id) or 0, self._tenant
