"""The statements: what is asked of an SQLite file and what is written to it."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile

import orjson

from clew.backends.base import Kind, Place, Trial
from clew.backends.checks import check_finite
from clew.backends.sqlite_connection import Connection

__all__ = ["SqliteReading", "SqliteWriting"]

#: Of the first version of a document: SQLite's integers have 63, and versions go on from there.
_VERSION_BITS = 62


class SqliteReading:
    """Reads through a connection; see `clew.backends.base.Reading`."""

    def __init__(self, connection: Connection) -> None:
        self._run = connection.run

    def person(self, place: Place, subject: str, /) -> tuple[int, bytes] | None:
        rows = self._run(
            "SELECT version, body FROM persons WHERE bucket = ? AND tenant = ? AND subject = ?",
            (*place, subject),
        )
        return rows[0] if rows else None

    def version(self, place: Place, subject: str, /) -> int:
        rows = self._run(
            "SELECT version FROM persons WHERE bucket = ? AND tenant = ? AND subject = ?",
            (*place, subject),
        )
        return rows[0][0] if rows else 0

    def known(self, place: Place, kind: Kind, ids: Iterable[str], /) -> set[str]:
        statement = "SELECT 1 FROM facts WHERE bucket = ? AND tenant = ? AND kind = ? AND id = ?"
        return {each for each in ids if self._run(statement, (*place, kind, each))}

    def fact(self, place: Place, kind: Kind, id: str, /) -> bytes | None:
        rows = self._run(
            "SELECT body FROM facts WHERE bucket = ? AND tenant = ? AND kind = ? AND id = ?",
            (*place, kind, id),
        )
        return rows[0][0] if rows else None

    def facts(
        self, place: Place, kind: Kind, subject: str, /, *, since: float = 0.0, until: float = 1e18
    ) -> Iterator[bytes]:
        rows = self._run(
            "SELECT body FROM facts WHERE bucket = ? AND tenant = ? AND kind = ? AND subject = ?"
            " AND at >= ? AND at < ? ORDER BY at, id",
            (*place, kind, subject, since, until),
        )
        return (body for (body,) in rows)

    def referring(self, place: Place, kind: Kind, ref: str, /) -> Iterator[bytes]:
        rows = self._run(
            "SELECT body FROM facts WHERE bucket = ? AND tenant = ? AND kind = ? AND ref = ?"
            " AND ref <> '' ORDER BY at, id",
            (*place, kind, ref),
        )
        return (body for (body,) in rows)

    def of_kind(self, place: Place, kind: Kind, /) -> Iterator[bytes]:
        """Give all facts of a kind in one place, ordered by (at, id)."""
        rows = self._run(
            "SELECT body FROM facts WHERE bucket = ? AND tenant = ? AND kind = ? ORDER BY at, id",
            (*place, kind),
        )
        return (body for (body,) in rows)

    def counts(self) -> dict[str, int]:
        """Give the number of facts of each kind that has any."""
        return dict(self._run("SELECT kind, count(*) FROM facts GROUP BY kind"))

    def sums(self, tenant: str, key: str, /) -> dict[str, float]:
        return dict(
            self._run(
                "SELECT name, value FROM sums WHERE bucket = 0 AND tenant = ? AND key = ?",
                (tenant, key),
            )
        )

    def trials(self, tenant: str, experiment: str, /) -> Iterator[Trial]:
        rows = self._run(
            "SELECT epoch, subject, arm, triggered_at, policy_version, left_at, opened_by,"
            ' "values" FROM trials WHERE tenant = ? AND experiment = ?',
            (tenant, experiment),
        )
        return (_trial(experiment, *row) for row in rows)

    def setting(self, tenant: str, name: str, /) -> bytes | None:
        rows = self._run(
            "SELECT body FROM settings WHERE bucket = 0 AND tenant = ? AND name = ?",
            (tenant, name),
        )
        return rows[0][0] if rows else None

    def settings(self, tenant: str, prefix: str, /) -> dict[str, bytes]:
        # LIKE would fold case and read % and _ as patterns. In code point order, those that begin
        # with the prefix come first of all that are not less than it.
        rows = self._run(
            "SELECT name, body FROM settings WHERE bucket = 0 AND tenant = ? AND name >= ?"
            " ORDER BY name",
            (tenant, prefix),
        )
        return dict(takewhile(lambda row: row[0].startswith(prefix), rows))


class SqliteWriting(SqliteReading):
    """Writes through a connection inside of a transaction; see `clew.backends.base.Writing`."""

    def __init__(self, connection: Connection, follows: int | None, number: int) -> None:
        super().__init__(connection)
        self._run_each = connection.run_each
        self.follows = follows
        self.number = number

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
        rows = self._run(
            "INSERT INTO facts (bucket, tenant, kind, id, subject, at, ref, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (bucket, tenant, kind, id) DO NOTHING RETURNING 1",
            (*place, kind, id, subject, at, ref, body),
        )
        return bool(rows)

    def put_person(self, place: Place, subject: str, body: bytes, /) -> int:
        # The first is drawn: a row that was removed and made anew has none that it had before, and
        # whoever kept the old one does not take it for this.
        [(version,)] = self._run(
            "INSERT INTO persons (bucket, tenant, subject, version, body) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (bucket, tenant, subject)"
            " DO UPDATE SET version = version + 1, body = excluded.body RETURNING version",
            (*place, subject, secrets.randbits(_VERSION_BITS) + 1, body),
        )
        return int(version)

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


def _trial(
    experiment: str,
    epoch: str,
    subject: str,
    arm: str,
    triggered_at: float,
    policy_version: str,
    left_at: float | None,
    opened_by: str | None,
    values: bytes,
) -> Trial:
    return Trial(
        experiment=experiment,
        epoch=epoch,
        subject=subject,
        arm=arm,
        triggered_at=triggered_at,
        policy_version=policy_version,
        left_at=left_at,
        opened_by=opened_by,
        values={objective: tuple(each) for objective, each in orjson.loads(values).items()},
    )
