"""
The store in memory: the reference that shows, in dicts, what every store promises.

A transaction writes into an overlay of its own, which is laid onto the rows when it ends well and
forgotten when it does not. A snapshot is the dicts themselves: as long as one is open, a commit
leaves them be and goes on with copies. So readers never wait, and only a commit that meets one
costs time in proportion to what is stored.
"""

from collections import ChainMap, Counter
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from threading import Lock, RLock
from typing import Any, NamedTuple, Self, TypeAlias, TypeVar, get_args
from urllib.parse import urlsplit

from attrs import Factory, define, fields

from clew.backends.base import FactKey, Kind, Place, Reading, Trial, Writing
from clew.backends.checks import check_finite, check_text
from clew.errors import BackendRejectedError, ClosedError, ConfigurationError

__all__ = ["MemoryStore", "store_from_url"]

K = TypeVar("K")
V = TypeVar("V")

#: The rows of a table; None stands for one that was removed.
Rows: TypeAlias = MutableMapping[K, V | None]


class Fact(NamedTuple):
    """A fact, in the order in which facts are given."""

    at: float
    id: str
    body: bytes


@define
class Tables:
    """Everything that is stored. Values are replaced, never changed."""

    facts: Rows[tuple[Place, Kind, str], Fact] = Factory(dict)
    by_subject: Rows[tuple[Place, Kind, str], tuple[Fact, ...]] = Factory(dict)
    by_ref: Rows[tuple[Place, Kind, str], tuple[Fact, ...]] = Factory(dict)
    persons: Rows[tuple[Place, str], tuple[int, bytes]] = Factory(dict)
    #: By (tenant, key).
    sums: Rows[tuple[str, str], dict[str, float]] = Factory(dict)
    #: By (bucket, tenant, experiment, epoch, subject).
    trials: Rows[tuple[int, str, str, str, str], Trial] = Factory(dict)
    #: By (tenant, name).
    settings: Rows[tuple[str, str], bytes] = Factory(dict)

    def each(self) -> Iterator[Rows[Any, Any]]:
        """Give every table, in a fixed order."""
        return (getattr(self, table.name) for table in fields(Tables))

    def under(self, written: Self) -> Self:
        """Give tables that show these where nothing was written, and are written to there."""
        return type(self)(*map(ChainMap, written.each(), self.each()))

    def copy(self) -> Self:
        """Give tables with the same rows."""
        return type(self)(*(dict(table) for table in self.each()))

    def take_over(self, written: Self) -> None:
        """Lay what was written onto these."""
        for table, rows in zip(self.each(), written.each(), strict=True):
            table.update(rows)
            for key in [key for key, row in rows.items() if row is None]:
                del table[key]


class MemoryReading:
    """Reads tables; see `clew.backends.base.Reading`."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def person(self, place: Place, subject: str, /) -> tuple[int, bytes] | None:
        return self._tables.persons.get((place, subject))

    def version(self, place: Place, subject: str, /) -> int:
        person = self._tables.persons.get((place, subject))
        return person[0] if person else 0

    def known(self, place: Place, kind: Kind, ids: Iterable[str], /) -> set[str]:
        return {each for each in ids if self.fact(place, kind, each) is not None}

    def fact(self, place: Place, kind: Kind, id: str, /) -> bytes | None:
        fact = self._tables.facts.get((place, kind, id))
        return fact.body if fact else None

    def facts(
        self,
        place: Place,
        kind: Kind,
        subject: str,
        /,
        *,
        since: float = -1e18,
        until: float = 1e18,
    ) -> Iterator[bytes]:
        found = self._tables.by_subject.get((place, kind, subject)) or ()
        return iter([fact.body for fact in sorted(found) if since <= fact.at < until])

    def referring(self, place: Place, kind: Kind, ref: str, /) -> Iterator[bytes]:
        found = self._tables.by_ref.get((place, kind, ref)) or ()
        return iter([fact.body for fact in sorted(found)])

    def sums(self, tenant: str, key: str, /) -> dict[str, float]:
        return dict(self._tables.sums.get((tenant, key)) or {})

    def trials(self, tenant: str, experiment: str, /) -> Iterator[Trial]:
        under = (tenant, experiment)
        found = [trial for key, trial in self._tables.trials.items() if key[1:3] == under]
        return iter([trial for trial in found if trial is not None])

    def setting(self, tenant: str, name: str, /) -> bytes | None:
        return self._tables.settings.get((tenant, name))

    def settings(self, tenant: str, prefix: str, /) -> dict[str, bytes]:
        return {
            name: body
            for (owner, name), body in self._tables.settings.items()
            if owner == tenant and name.startswith(prefix) and body is not None
        }


class MemoryWriting(MemoryReading):
    """Writes tables; see `clew.backends.base.Writing`."""

    def __init__(self, tables: Tables, follows: int) -> None:
        super().__init__(tables)
        self.follows: int | None = follows
        self.number = follows + 1

    def foresee(self, facts: Iterable[FactKey], refs: Iterable[FactKey] = ()) -> None:
        """Nothing to do: a look costs nothing here."""

    def add_fact(
        self,
        place: Place,
        kind: Kind,
        id: str,
        body: bytes,
        /,
        *,
        subject: str,
        at: float,
        ref: str = "",
    ) -> bool:
        check_text(place[1], id, subject, ref)
        check_finite(at)
        tables = self._tables
        if tables.facts.get((place, kind, id)) is not None:
            return False
        fact = tables.facts[place, kind, id] = Fact(at, id, body)
        about = (place, kind, subject)
        tables.by_subject[about] = (*(tables.by_subject.get(about) or ()), fact)
        if ref:
            to = (place, kind, ref)
            tables.by_ref[to] = (*(tables.by_ref.get(to) or ()), fact)
        return True

    def put_people(self, documents: Sequence[tuple[Place, str, bytes]], /) -> list[int]:
        versions = []
        for place, subject, body in documents:
            check_text(place[1], subject)
            version = self.version(place, subject) + 1
            self._tables.persons[place, subject] = (version, body)
            versions.append(version)
        return versions

    def add_sums(self, tenant: str, key: str, deltas: Mapping[str, float], /) -> None:
        check_text(tenant, key, *deltas)
        check_finite(*deltas.values())
        sums = self.sums(tenant, key)
        for name, delta in deltas.items():
            sums[name] = sums.get(name, 0.0) + delta
        self._tables.sums[tenant, key] = sums

    def put_trial(self, place: Place, tenant: str, trial: Trial, /) -> None:
        check_text(tenant, trial.experiment, trial.epoch, trial.subject)
        self._tables.trials[_trial_key(place, tenant, trial)] = trial

    def drop_trial(self, place: Place, tenant: str, trial: Trial, /) -> None:
        self._tables.trials[_trial_key(place, tenant, trial)] = None

    def put_setting(self, tenant: str, name: str, body: bytes, /) -> None:
        check_text(tenant, name)
        self._tables.settings[tenant, name] = body


def _trial_key(place: Place, tenant: str, trial: Trial) -> tuple[int, str, str, str, str]:
    return place[0], tenant, trial.experiment, trial.epoch, trial.subject


@define
class Commit:
    """The rows as of a commit, and how many snapshots look at them."""

    number: int = 0
    tables: Tables = Factory(Tables)
    readers: int = 0


class MemoryStore:
    """A store that lives and dies with its process."""

    def __init__(self) -> None:
        self._latest = Commit()
        # Held for the length of a transaction; re-entrant only to tell a nested one from a wait.
        self._writer = RLock()
        self._is_writing = False
        # Held for moments: while a snapshot is opened or closed and while a commit is laid on.
        self._swap = Lock()
        self._is_closed = False

    @contextmanager
    def read(self) -> Iterator[Reading]:
        """As `Store.read`."""
        self._check_open()
        with self._swap:
            commit = self._latest
            commit.readers += 1
        try:
            yield MemoryReading(commit.tables)
        finally:
            with self._swap:
                commit.readers -= 1

    @contextmanager
    def write(self) -> Iterator[Writing]:
        """As `Store.write`."""
        self._check_open()
        with self._writer:
            if self._is_writing:
                raise BackendRejectedError(
                    "this thread is inside a transaction already: write both in one"
                )
            self._is_writing = True
            try:
                written = Tables()
                latest = self._latest
                yield MemoryWriting(latest.tables.under(written), latest.number)
                self._commit(written)
            finally:
                self._is_writing = False

    def _commit(self, written: Tables) -> None:
        with self._swap:
            latest = self._latest
            tables = latest.tables.copy() if latest.readers else latest.tables
            tables.take_over(written)
            self._latest = Commit(latest.number + 1, tables)

    def changes(self) -> int:
        """As `Store.changes`: the number of commits."""
        self._check_open()
        return self._latest.number

    def facts_of(self, tenant: str, kind: Kind, /) -> Iterator[bytes]:
        """As `Store.facts_of`."""
        with self._swap:
            self._check_open()
            rows = list(self._latest.tables.facts.items())
        found = [
            (place[0], fact)
            for (place, each, _), fact in rows
            if fact is not None and each == kind and place[1] == tenant
        ]
        return iter([fact.body for _, fact in sorted(found)])

    def status(self) -> dict[str, Any]:
        """As `Store.status`."""
        with self._swap:
            self._check_open()
            counts = Counter(kind for _, kind, _ in self._latest.tables.facts)
        return {
            "location": "memory",
            "schema_version": 1,
            "facts": {kind: counts[kind] for kind in get_args(Kind)},
        }

    def close(self) -> None:
        """Forget everything."""
        self._is_closed = True
        self._latest = Commit()

    def _check_open(self) -> None:
        if self._is_closed:
            raise ClosedError("the store was closed: open another one")


def store_from_url(url: str) -> MemoryStore:
    """
    Open the store that a URL names: `memory://`, each time a new one.

    Raises:
        ConfigurationError: the URL says more than that.
    """
    if urlsplit(url)[1:] != ("", "", "", ""):
        raise ConfigurationError(
            f"{url!r} names nothing that memory could have: write 'memory://',"
            " or 'sqlite:///shop.db' to keep the data in a file"
        )
    return MemoryStore()
