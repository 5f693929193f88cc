"""
How the rows of a file become signals (`schemas/import_map.schema.json`).

These are values only. `clew.integrations.importing` compiles them and checks that they fit.
"""

from collections.abc import Mapping
from typing import Any, Literal

from attrs import Factory, field, frozen, validators

from clew.model import limits
from clew.model.words import Basis

__all__ = ["ColumnType", "Ground", "ImportMap", "RowKind", "TimeColumn"]

#: What a cell holds; an empty cell is absent, whatever its type.
ColumnType = Literal["text", "number", "integer", "boolean"]


@frozen(kw_only=True)
class TimeColumn:
    """Where a row says when it happened."""

    column: str
    #: As `datetime.strptime` reads it; without it RFC 3339 or ISO 8601 text, or seconds since the
    #: epoch.
    format: str | None = None
    #: IANA name of the zone of text without an offset from UTC.
    zone: str = "UTC"


@frozen(kw_only=True)
class Ground:
    """On which ground the people in the file are known, recorded once for each of them."""

    purposes: tuple[str, ...] = field(validator=validators.min_len(1))
    #: GDPR Article 6(1).
    basis: Basis


@frozen(kw_only=True)
class RowKind:
    """One kind of row: how it is told, and the signal it becomes."""

    name: str = field(validator=limits.name)
    #: Rows for which this rule holds; it sees the columns. Without it, all that are left.
    when: Any = None
    #: The type of signal; rows of a kind without one are counted and left out.
    signal: str | None = field(default=None, validator=validators.optional(limits.name))
    #: The signal's fields: rules over the columns. A field that is null is left out.
    data: Mapping[str, Any] = Factory(dict)
    #: What these rows are, in plain words.
    plain: str | None = None


@frozen(kw_only=True)
class ImportMap:
    """A source of rows, and what each kind of row means."""

    id: str = field(validator=limits.name)
    columns: Mapping[str, ColumnType]
    time: TimeColumn
    #: The column that names the person.
    subject: str
    #: The first kind that fits a row takes it; a row that fits none is refused.
    kinds: tuple[RowKind, ...] = field(validator=validators.min_len(1))
    #: Columns that together name one anonymous subject where the subject's cell is empty.
    anonymous: tuple[str, ...] = ()
    #: The `source` of the signals; default: the map's id.
    source: str | None = None
    format: Literal["csv", "ndjson"] = "csv"
    encoding: str = "utf-8"
    #: A file or folder of a policy, relative to the map: seeds a store that has none.
    policy: str | None = None
    ground: Ground | None = None
