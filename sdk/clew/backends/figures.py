"""
What was learned, as this process sees it: the store's sums plus its own unsettled deltas.

`report` changes an arm here at once; the store follows when the fact is made durable, which changes
nothing here. When somebody else has committed, the cached sums are dropped, and of the unsettled
deltas those whose fact is stored by then.
"""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from attrs import define, field

from clew.backends.base import Kind, Place, Reading, Store
from clew.backends.people import Hot, Pending
from clew.engine.effects import Effects
from clew.engine.learn import Arm, Prior
from clew.engine.learned import newest, values
from clew.model.policy import CatalogueItem

__all__ = ["Figures", "Sums", "teaches"]

Sums = Mapping[str, Mapping[str, float]]

#: Beginnings of the keys that deciding reads; all others only describe.
_DECIDED_BY = ("arm:", "pairs:", "slot:")


def teaches(effects: Effects) -> bool:
    """Whether folding a fact has changed anything that deciding reads here."""
    if not effects.sums:  # as of most signals
        return bool(effects.items)
    return bool(effects.items) or any(key.startswith(_DECIDED_BY) for key in effects.sums)


@define
class _Unsettled:
    place: Place
    kind: Kind
    sums: Sums
    items: Mapping[tuple[str, str], Mapping[str, Any]] = field(factory=dict)


class Figures:
    """
    Arms, tallies and learned catalogue items of one tenant.

    Reading is safe from any thread; what a decision reads may miss a delta that another thread is
    adding at that moment, never half of one.
    """

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant
        self._lock = threading.RLock()
        self._arms: dict[str, Arm] = {}
        self._tallies: dict[str, dict[str, float]] = {}
        self._items: dict[tuple[str, str], CatalogueItem | None] = {}
        self._unsettled: dict[tuple[str, str], _Unsettled] = {}
        self._read_at = 0.0
        #: The count of others' changes (`Watch`) that the cached figures belong to.
        self.version = -1

    def refresh(self, now: float, version: int) -> None:
        """Drop what is cached when others have changed the store; *version* counts how often."""
        if version == self.version:
            return
        with self._lock:
            with self._store.read() as reading:
                self._settle(reading)
            self._arms.clear()
            self._tallies.clear()
            self._items.clear()
            self.version, self._read_at = version, now

    def note(self, hot: Hot, pending: Pending, effects: Effects) -> None:
        """
        Note a fact that is on its way, and add at once what folding it into a person has taught.

        What only measuring reads can wait.
        """
        key = (pending.kind, pending.id)
        hot.pending[key] = pending
        if not teaches(effects):
            return
        taught = _taught(pending, effects)
        with self._lock:
            self._unsettled[key] = taught
            for name, deltas in taught.sums.items():
                if name in self._arms:
                    self._arms[name].add(deltas)
                if name in self._tallies:
                    _add(self._tallies[name], deltas)
            for named in taught.items:
                self._items.pop(named, None)

    def note_again(self, pending: Pending, effects: Effects) -> None:
        """Note what the same fact teaches when it is folded anew into what others have stored."""
        key = (pending.kind, pending.id)
        taught = _taught(pending, effects) if teaches(effects) else None
        with self._lock:
            if self._unsettled.get(key) == taught:  # as nearly always
                return
            self._unsettled.pop(key, None)
            if taught is not None:
                self._unsettled[key] = taught
            self.version = -1

    def settled(self, keys: Iterable[tuple[str, str]], taught: int | None) -> None:
        """
        Facts (kind, id) were dealt with by the store.

        Args:
            taught: how many of its batch have taught anything; None where it may be something else
                than here. Where these are not those that have taught here, what is cached is not
                what is stored.
        """
        with self._lock:
            known = sum(self._unsettled.pop(key, None) is not None for key in keys)
            if known != taught:
                self.version = -1

    def arm(self, key: str, prior: Prior, /) -> Arm:
        """The state of one arm; the prior where nothing was learned."""
        arm = self._arms.get(key)
        if arm is None:
            with self._lock:
                arm = self._arms[key] = Arm(prior, self._sums(key))
        return arm

    def tally(self, key: str, /) -> Mapping[str, float]:
        """Sums by name."""
        tally = self._tallies.get(key)
        if tally is None:
            with self._lock:
                tally = self._tallies[key] = self._sums(key)
        return tally

    def item(self, catalogue: str, item: str, /) -> CatalogueItem | None:
        """An entry that a catalogue learned from signals."""
        key = (catalogue, item)
        if key not in self._items:
            with self._lock:
                self._items[key] = self._read_item(catalogue, item)
        return self._items[key]

    def age(self, now: float, /) -> float:
        """How old the figures are, in seconds."""
        return max(now - self._read_at, 0.0)

    def _sums(self, key: str) -> dict[str, float]:
        with self._store.read() as reading:
            sums = reading.sums(self._tenant, key)
            for (_, name), unsettled in self._unsettled.items():
                # What was stored since the last refresh is in these sums already.
                if key in unsettled.sums and not reading.known(
                    unsettled.place, unsettled.kind, [name]
                ):
                    _add(sums, unsettled.sums[key])
        return sums

    def _read_item(self, catalogue: str, item: str) -> CatalogueItem | None:
        fields: dict[str, Any] = {}
        with self._store.read() as reading:
            body = reading.setting(self._tenant, f"item:{catalogue}:{item}")
        if body is not None:
            fields = orjson.loads(body)
        named = body is not None
        for unsettled in self._unsettled.values():
            if (catalogue, item) in unsettled.items:
                named = True
                fields = newest(fields, unsettled.items[catalogue, item])
        if not named:
            return None
        fields = values(fields)
        return CatalogueItem(id=item, name=fields.get("name"), price=fields.get("price"))

    def _settle(self, reading: Reading) -> None:
        groups: dict[tuple[Place, Kind], list[str]] = {}
        for (_, name), unsettled in self._unsettled.items():
            groups.setdefault((unsettled.place, unsettled.kind), []).append(name)
        for (place, kind), names in groups.items():
            for name in reading.known(place, kind, names):
                self._unsettled.pop((kind, name), None)


def _taught(pending: Pending, effects: Effects) -> _Unsettled:
    sums = {to: deltas for to, deltas in effects.sums.items() if to.startswith(_DECIDED_BY)}
    items = {(catalogue, item): fields for catalogue, item, fields in effects.items}
    return _Unsettled(pending.place, pending.kind, sums, items)


def _add(sums: dict[str, float], deltas: Mapping[str, float]) -> None:
    for name, delta in deltas.items():
        sums[name] = sums.get(name, 0.0) + delta
