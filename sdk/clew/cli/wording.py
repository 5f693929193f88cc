"""Values of traits in words: shares with the names of items, ages in days."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import orjson
from attrs import define

from clew.backends.base import Backend
from clew.backends.embedded import Embedded
from clew.cli.show import age, amount, percent
from clew.engine.learned import values
from clew.model.policy import Trait

__all__ = ["Wording"]


@define(slots=False)
class Wording:
    """
    Writes the values of the live policy's traits.

    Args:
        tenant: whose learned items are looked up.
    """

    backend: Backend
    tenant: str

    @cached_property
    def _traits(self) -> dict[str, Trait]:
        policy = self.backend.policy()
        return {f"{t.kind}.{t.id}": t for t in policy.traits} if policy is not None else {}

    def plain(self, path: str) -> str:
        """What a trait is, in the person's words; empty where the policy does not say."""
        trait = self._traits.get(path)
        return (trait.plain or "") if trait is not None else ""

    def value(self, path: str, value: Any, *, between: str = "\n") -> str:
        """Write the value at a path; *between* stands between the shares of an affinity."""
        trait = self._traits.get(path)
        if trait is not None and trait.aggregate == "recency" and value is not None:
            return age(value)
        if trait is not None and isinstance(value, Mapping) and "shares" in value:
            return between.join(
                " ".join(filter(None, [percent(share), key, self._item(trait, key)]))
                for key, share in value["shares"].items()
            )
        return amount(value)

    def _item(self, trait: Trait, key: str) -> str | None:
        """What the trait's catalogue calls an item, listed or learned."""
        policy = self.backend.policy()
        catalogues = policy.catalogues if policy is not None else ()
        catalogue = next((one for one in catalogues if one.id == trait.catalogue), None)
        if catalogue is None:
            return None
        listed = next((item.name for item in catalogue.items if item.id == key), None)
        if listed is not None or not isinstance(self.backend, Embedded):
            return listed
        with self.backend.store.read() as read:
            learned = read.setting(self.tenant, f"item:{catalogue.id}:{key}")
        return values(orjson.loads(learned)).get("name") if learned is not None else None
