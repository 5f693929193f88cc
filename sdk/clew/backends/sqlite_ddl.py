"""
The tables in an SQLite file, and how a file of an older clew gets them.

The place `(bucket, tenant)` leads every key, as on databases that are spread by it. What belongs to
a tenant rather than to a person (sums, settings) lies in bucket 0. Rows with a body have a rowid:
bodies are appended, and the trees of keys stay small. Narrow rows do without.

Source: SQLite, Clustered Indexes and the WITHOUT ROWID Optimization, section 4.
"""

from collections.abc import Sequence
from typing import TypeAlias

from clew.backends.sqlite_connection import Connection
from clew.errors import ConfigurationError

__all__ = ["MIGRATIONS", "Migration", "migrate"]

#: The statements that lead from one version of the schema to the next.
Migration: TypeAlias = tuple[str, ...]

#: The first leads from an empty file to version 1, and so on; they are appended to, never changed.
MIGRATIONS: Sequence[Migration] = (
    (
        """
        CREATE TABLE facts (
            bucket INTEGER NOT NULL,
            tenant TEXT NOT NULL,
            kind TEXT NOT NULL,
            id TEXT NOT NULL,
            subject TEXT NOT NULL,
            at REAL NOT NULL,
            ref TEXT NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (bucket, tenant, kind, id)
        )
        """,
        "CREATE INDEX facts_by_subject ON facts (bucket, tenant, kind, subject, at, id)",
        "CREATE INDEX facts_by_ref ON facts (bucket, tenant, kind, ref, at, id) WHERE ref <> ''",
        """
        CREATE TABLE persons (
            bucket INTEGER NOT NULL,
            tenant TEXT NOT NULL,
            subject TEXT NOT NULL,
            version INTEGER NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (bucket, tenant, subject)
        )
        """,
        """
        CREATE TABLE sums (
            bucket INTEGER NOT NULL,
            tenant TEXT NOT NULL,
            key TEXT NOT NULL,
            name TEXT NOT NULL,
            value REAL NOT NULL,
            PRIMARY KEY (bucket, tenant, key, name)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE trials (
            bucket INTEGER NOT NULL,
            tenant TEXT NOT NULL,
            experiment TEXT NOT NULL,
            epoch TEXT NOT NULL,
            subject TEXT NOT NULL,
            arm TEXT NOT NULL,
            triggered_at REAL NOT NULL,
            policy_version TEXT NOT NULL,
            left_at REAL,
            opened_by TEXT,
            "values" BLOB NOT NULL,
            PRIMARY KEY (bucket, tenant, experiment, epoch, subject)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX trials_by_experiment ON trials (tenant, experiment)",
        """
        CREATE TABLE settings (
            bucket INTEGER NOT NULL,
            tenant TEXT NOT NULL,
            name TEXT NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (bucket, tenant, name)
        )
        """,
    ),
)

#: "clew" in ASCII. Source: SQLite, Database File Format, section 1.3.17.
_APPLICATION_ID = 0x636C6577


def migrate(connection: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """
    Bring a file to the last version, in one transaction: wholly or not at all.

    Raises:
        ConfigurationError: a newer clew has written the file, or another application.
    """
    if _version(connection, migrations) == len(migrations):
        return
    with connection.transaction():
        # Another process may have been quicker while this one waited for the transaction.
        for statements in migrations[_version(connection, migrations) :]:
            for statement in statements:
                connection.run(statement)
        connection.run(f"PRAGMA application_id = {_APPLICATION_ID}")
        connection.run(f"PRAGMA user_version = {len(migrations)}")


def _version(connection: Connection, migrations: Sequence[Migration]) -> int:
    [(application,)] = connection.run("PRAGMA application_id")
    [(tables,)] = connection.run("SELECT count(*) FROM sqlite_master")
    if tables and application != _APPLICATION_ID:
        raise ConfigurationError(
            f"{connection.path}: this is a database of another application: name a file for clew"
            " alone"
        )
    [(version,)] = connection.run("PRAGMA user_version")
    if version > len(migrations):
        raise ConfigurationError(
            f"{connection.path}: a newer clew has written this file (schema version {version}, this"
            f" one knows {len(migrations)}): upgrade clew"
        )
    return int(version)
