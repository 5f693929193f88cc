"""The statements by which an SQLite file is read."""

from collections.abc import Iterable, Iterator
from itertools import takewhile

import orjson

from clew.backends.base import Kind, Place, Trial
from clew.backends.sqlite_connection import Connection

__all__ = ["SqliteReading"]


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
        self,
        place: Place,
        kind: Kind,
        subject: str,
        /,
        *,
        since: float = -1e18,
        until: float = 1e18,
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
