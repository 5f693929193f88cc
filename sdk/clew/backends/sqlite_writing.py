"""
The statements by which an SQLite file is written: few for a whole batch, each for many rows.

With each statement a thread gives the interpreter away, and to have it back from a busy one takes
longer than to write a row. So facts wait until a read could miss them or the transaction ends, and
what is about to be asked of single rows is asked for all of them beforehand (`foresee`).
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import orjson

from clew.backends.base import FactKey, Kind, Place, Trial
from clew.backends.checks import check_finite
from clew.backends.sqlite_connection import Connection, Parameters
from clew.backends.sqlite_rows import SqliteReading

__all__ = ["SqliteWriting"]

_Key: TypeAlias = tuple[int, str, str, str]
"""Bucket, tenant, kind, and an id, a subject or a reference."""

#: Of the first version of a document: SQLite's integers have 63, and versions go on from there.
_VERSION_BITS = 62

#: How many rows one statement has: of few sizes, so that all of them stay prepared.
_SIZES = (100, 10, 1)

_ADD_FACTS = (
    "INSERT INTO facts (bucket, tenant, kind, id, subject, at, ref, body)"
    " VALUES {(?, ?, ?, ?, ?, ?, ?, ?)}"
)
_KNOWN_FACTS = (
    "WITH asked (bucket, tenant, kind, id) AS (VALUES {(?, ?, ?, ?)})"
    " SELECT bucket, tenant, kind, id FROM asked CROSS JOIN facts USING (bucket, tenant, kind, id)"
)
_KNOWN_REFS = (
    "WITH asked (bucket, tenant, kind, ref) AS (VALUES {(?, ?, ?, ?)})"
    " SELECT DISTINCT bucket, tenant, kind, ref FROM asked"
    " CROSS JOIN facts INDEXED BY facts_by_ref USING (bucket, tenant, kind, ref)"
    " WHERE facts.ref <> ''"
)
_PUT_PEOPLE = (
    "INSERT INTO persons (bucket, tenant, subject, version, body) VALUES {(?, ?, ?, ?, ?)}"
    " ON CONFLICT (bucket, tenant, subject)"
    " DO UPDATE SET version = version + 1, body = excluded.body"
)
# In one row: each more would be a step of its own.
_VERSIONS = (
    "WITH asked (number, bucket, tenant, subject) AS (VALUES {(?, ?, ?, ?)})"
    " SELECT group_concat(number || ' ' || version) FROM asked"
    " CROSS JOIN persons USING (bucket, tenant, subject)"
)


class SqliteWriting(SqliteReading):
    """Writes through a connection inside of a transaction; see `clew.backends.base.Writing`."""

    def __init__(self, connection: Connection, follows: int | None, number: int) -> None:
        super().__init__(connection)
        self._run_each = connection.run_each
        self.follows = follows
        self.number = number
        #: The facts that are not written yet, by key, and the keys under which they can be found.
        self._waiting: dict[_Key, Parameters] = {}
        self._about: set[_Key] = set()
        self._to: set[_Key] = set()
        #: What was asked for beforehand, and what of it there is.
        self._asked: set[_Key] = set()
        self._known: set[_Key] = set()
        self._asked_refs: set[_Key] = set()
        self._known_refs: set[_Key] = set()

    # -- facts

    def foresee(self, facts: Iterable[FactKey], refs: Iterable[FactKey] = ()) -> None:
        asked = {(*place, kind, id) for place, kind, id in facts} - self._asked
        self._asked |= asked
        self._known.update(self._bulk(_KNOWN_FACTS, list(asked)))
        asked = {(*place, kind, ref) for place, kind, ref in refs if ref} - self._asked_refs
        self._asked_refs |= asked
        self._known_refs.update(self._bulk(_KNOWN_REFS, list(asked)))

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
        check_finite(at)
        if self._is_known(place, kind, id):
            return False
        self._waiting[*place, kind, id] = (*place, kind, id, subject, at, ref, body)
        self._about.add((*place, kind, subject))
        if ref:
            self._to.add((*place, kind, ref))
        return True

    def known(self, place: Place, kind: Kind, ids: Iterable[str], /) -> set[str]:
        return {id for id in ids if self._is_known(place, kind, id)}

    def fact(self, place: Place, kind: Kind, id: str, /) -> bytes | None:
        key = (*place, kind, id)
        if key in self._waiting:
            body: Any = self._waiting[key][-1]
            return bytes(body)
        if key in self._asked and key not in self._known:
            return None
        return super().fact(place, kind, id)

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
        if (*place, kind, subject) in self._about:
            self.flush()
        return super().facts(place, kind, subject, since=since, until=until)

    def referring(self, place: Place, kind: Kind, ref: str, /) -> Iterator[bytes]:
        key = (*place, kind, ref)
        if key in self._to:
            self.flush()
        elif key in self._asked_refs and key not in self._known_refs:
            return iter(())
        return super().referring(place, kind, ref)

    def flush(self) -> None:
        """Write the facts that wait; to be called before the transaction ends."""
        # Sorted, as they lie in the file: neighbours share a page.
        self._bulk(_ADD_FACTS, sorted(self._waiting.values()))
        self._known |= self._waiting.keys()
        self._known_refs |= self._to
        self._waiting.clear()
        self._about.clear()
        self._to.clear()

    # -- people, sums, trials, settings

    def put_people(self, documents: Sequence[tuple[Place, str, bytes]], /) -> list[int]:
        # The first version is drawn: a row that was removed and made anew has none that it had
        # before, and whoever kept the old one does not take it for this.
        first = secrets.randbits(_VERSION_BITS) + 1
        self._bulk(_PUT_PEOPLE, [(*place, name, first, body) for place, name, body in documents])
        asked = [(n, *place, name) for n, (place, name, _) in enumerate(documents)]
        told = [pair for (row,) in self._bulk(_VERSIONS, asked) for pair in row.split(",")]
        versions = dict(pair.split(" ") for pair in told)
        return [int(versions[str(n)]) for n in range(len(documents))]

    def add_sums(self, tenant: str, key: str, deltas: Mapping[str, float], /) -> None:
        check_finite(*deltas.values())
        self._run_each(
            "INSERT INTO sums (bucket, tenant, key, name, value) VALUES (0, ?, ?, ?, ?)"
            " ON CONFLICT (bucket, tenant, key, name)"
            " DO UPDATE SET value = value + excluded.value",
            [(tenant, key, name, float(delta)) for name, delta in deltas.items()],
        )

    def put_trial(self, place: Place, tenant: str, trial: Trial, /) -> None:
        self._run(
            "INSERT INTO trials (bucket, tenant, experiment, epoch, subject, arm, triggered_at,"
            ' policy_version, left_at, opened_by, "values")'
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (bucket, tenant, experiment, epoch, subject) DO UPDATE SET"
            " arm = excluded.arm, triggered_at = excluded.triggered_at,"
            " policy_version = excluded.policy_version, left_at = excluded.left_at,"
            ' opened_by = excluded.opened_by, "values" = excluded."values"',
            (
                place[0],
                tenant,
                trial.experiment,
                trial.epoch,
                trial.subject,
                trial.arm,
                trial.triggered_at,
                trial.policy_version,
                trial.left_at,
                trial.opened_by,
                orjson.dumps(dict(trial.values)),
            ),
        )

    def drop_trial(self, place: Place, tenant: str, trial: Trial, /) -> None:
        self._run(
            "DELETE FROM trials WHERE bucket = ? AND tenant = ? AND experiment = ? AND epoch = ?"
            " AND subject = ?",
            (place[0], tenant, trial.experiment, trial.epoch, trial.subject),
        )

    def put_setting(self, tenant: str, name: str, body: bytes, /) -> None:
        self._run(
            "INSERT INTO settings (bucket, tenant, name, body) VALUES (0, ?, ?, ?)"
            " ON CONFLICT (bucket, tenant, name) DO UPDATE SET body = excluded.body",
            (tenant, name, body),
        )

    # -- inside

    def _is_known(self, place: Place, kind: Kind, id: str) -> bool:
        key = (*place, kind, id)
        if key in self._waiting or key in self._known:
            return True
        return key not in self._asked and bool(super().known(place, kind, [id]))

    def _bulk(self, template: str, rows: Sequence[Parameters]) -> list[Any]:
        """Run a statement for as many rows at once as there is a size for."""
        found: list[Any] = []
        at = 0
        while at < len(rows):
            size = next(size for size in _SIZES if size <= len(rows) - at)
            parameters = [each for row in rows[at : at + size] for each in row]
            found += self._run(_sized(template, size), parameters)
            at += size
        return found


@cache
def _sized(template: str, size: int) -> str:
    """Write the statement of a template for so many rows."""
    before, _, rest = template.partition("{")
    shape, _, after = rest.partition("}")
    return before + ", ".join([shape] * size) + after
