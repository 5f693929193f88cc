"""Decisions as they are stored, shown again: one by its id, or a person's of late."""

from collections.abc import Callable, Iterable, Iterator, Mapping
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
        places = {name: (store_bucket(self._tenant, name), self._tenant) for name in names}
        with self._store.read() as read:
            records = [
                record
                for name, place in places.items()
                for record in map(orjson.loads, read.facts(place, "decision", name, since=since))
                if not self._is_void(read, record, places.values())
            ]
        made = self._shown(records)
        return sorted(made, key=lambda one: (one.decided_at, one.id), reverse=True)

    def _is_void(self, read: Reading, record: Mapping[str, Any], places: Iterable[Place]) -> bool:
        """Whether a decision was taken back because nobody used it, or its request (RULES D8)."""
        told = read.referring(self._place(record["id"]), "outcome", record["id"])
        if any(orjson.loads(body)["type"] == "voided" for body in told):
            return True
        request_id = record.get("request_id")
        return request_id is not None and any(
            True
            for place in places
            for _ in read.referring(place, "outcome", request_ref(request_id))
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

    def _place(self, id: str) -> Place:
        return bucket_of(id) or 0, self._tenant
