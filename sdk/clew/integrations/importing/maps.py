"""
An import map made ready: rules compiled, columns and time bound to readers.

What is wrong with a map is told at once, each fault with its place: before the first row is read.
"""

import codecs
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

import orjson
from attrs import frozen

from clew import schema
from clew.codec import from_json
from clew.engine.compiled import CompiledPolicy
from clew.errors import DocumentError, Problem
from clew.integrations.importing.columns import Cell, compile_columns, compile_time
from clew.logic import Rule, compile_rule
from clew.model.import_map import ImportMap, RowKind
from clew.schema import nearest, pointer

__all__ = ["CompiledKind", "CompiledMap", "check_against", "load_map"]


@frozen
class CompiledKind:
    """One kind of row, ready to be told and written."""

    kind: RowKind
    when: Rule | None
    data: tuple[tuple[str, Rule], ...]


@frozen
class CompiledMap:
    """A map, ready to read rows with."""

    map: ImportMap
    #: Where the map lies; paths in it are relative to that.
    folder: Path
    kinds: tuple[CompiledKind, ...]
    #: From the cells of a row to its values; raises `BadRowError`.
    read: Callable[[Mapping[str, Cell]], dict[str, Any]]
    #: From the time column's value to seconds since the epoch; raises `BadRowError`.
    time: Callable[[Any], float]

    @property
    def policy(self) -> Path | None:
        """The policy that the map names."""
        return None if self.map.policy is None else self.folder / self.map.policy


def load_map(path: Path) -> CompiledMap:
    """
    Read and compile a map.

    Raises:
        OSError: the file cannot be opened.
        DocumentError: all that is wrong with it.
    """
    try:
        document = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        message = f"this is no JSON: {error.msg}, line {error.lineno}, column {error.colno}"
        raise DocumentError(path.name, [Problem("", "json", message)]) from None
    try:
        schema.validate("import_map", document)
    except DocumentError as error:
        raise DocumentError(path.name, error.problems) from None
    value = from_json(ImportMap, document)
    problems = [*_unknown_columns(value), *_unusable(value)]
    kinds = tuple(_kind(kind, place, value, problems) for place, kind in enumerate(value.kinds))
    if problems:
        raise DocumentError(path.name, problems)
    return CompiledMap(
        map=value,
        folder=path.parent,
        kinds=kinds,
        read=compile_columns(value.columns),
        time=compile_time(value.time),
    )


def check_against(how: CompiledMap, policy: CompiledPolicy) -> None:
    """
    Check that the policy takes what the map makes.

    Raises:
        DocumentError: it does not know a signal or a purpose.
    """
    known, purposes = policy.known_signals, policy.purposes.chains
    ground = how.map.ground
    problems = [
        Problem(
            pointer(["kinds", place, "signal"]),
            "unknown_signal",
            f"the policy declares no signal `{kind.signal}`{nearest(kind.signal, known)}",
        )
        for place, kind in enumerate(how.map.kinds)
        if known is not None and kind.signal is not None and kind.signal not in known
    ]
    problems += [
        Problem(
            pointer(["ground", "purposes", place]),
            "unknown_purpose",
            f"the policy has no purpose `{purpose}`{nearest(purpose, purposes)}",
        )
        for place, purpose in enumerate(ground.purposes if ground else ())
        if purpose not in purposes
    ]
    if problems:
        raise DocumentError(f"import map {how.map.id}", problems)


def _kind(kind: RowKind, place: int, value: ImportMap, problems: list[Problem]) -> CompiledKind:
    above: list[str | int] = ["kinds", place]
    when = None if kind.when is None else _rule(kind.when, [*above, "when"], value, problems)
    rules = (
        (name, _rule(source, [*above, "data", name], value, problems))
        for name, source in kind.data.items()
    )
    return CompiledKind(kind, when, tuple((name, rule) for name, rule in rules if rule))


def _rule(
    source: Any, path: list[str | int], value: ImportMap, problems: list[Problem]
) -> Rule | None:
    here = pointer(path)
    try:
        rule = compile_rule(source)
    except DocumentError as error:
        problems += [Problem(f"{here}{p.pointer}", p.keyword, p.message) for p in error.problems]
        return None
    columns = value.columns
    problems += [
        _unknown(name, here, columns) for name in sorted(rule.reads) if name and name not in columns
    ]
    return rule


def _unknown_columns(value: ImportMap) -> Iterator[Problem]:
    named = {"/time/column": value.time.column, "/subject": value.subject}
    named |= {f"/anonymous/{place}": name for place, name in enumerate(value.anonymous)}
    for here, name in named.items():
        if name not in value.columns:
            yield _unknown(name, here, value.columns)


def _unknown(name: str, here: str, columns: Mapping[str, Any]) -> Problem:
    hint = nearest(name, columns) or "; declare it under `columns`"
    return Problem(here, "unknown_column", f"`{name}` is no column of the map{hint}")


def _unusable(value: ImportMap) -> Iterator[Problem]:
    try:
        compile_time(value.time)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones is no zone
        message = f"there is no time zone {value.time.zone!r}; write it as in Europe/London"
        yield Problem("/time/zone", "unknown_zone", message)
    if value.time.format is not None and not _is_format(value.time.format):
        message = f"{value.time.format!r} cannot be read; write it as in %Y-%m-%d %H:%M:%S"
        yield Problem("/time/format", "unknown_format", message)
    try:
        codecs.lookup(value.encoding)
    except LookupError:
        message = f"there is no encoding {value.encoding!r}; for example utf-8 or iso-8859-1"
        yield Problem("/encoding", "unknown_encoding", message)


def _is_format(form: str) -> bool:
    """Whether what is written in this form can be read in it."""
    written = datetime(2000, 12, 31, tzinfo=UTC).strftime(form)
    try:
        datetime.strptime(written, form)  # noqa: DTZ007 - only whether it raises
    except (ValueError, re.error):
        return False
    return True
