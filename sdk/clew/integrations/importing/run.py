"""An import from the first row to the last: read, batched, stored, counted."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field

from clew.backends.base import Backend
from clew.engine.compile import compile_policy
from clew.engine.compiled import CompiledPolicy
from clew.errors import ConfigurationError
from clew.integrations.importing.columns import BadRowError
from clew.integrations.importing.dead_letters import DeadLetters
from clew.integrations.importing.maps import CompiledMap, check_against
from clew.integrations.importing.reading import open_rows
from clew.integrations.importing.report import KindCount, Report
from clew.integrations.importing.rows import Facts, RowReader
from clew.model.batch import BATCH_MAX, ItemResult

__all__ = ["check_import", "import_file"]


def check_import(path: Path, how: CompiledMap, backend: Backend) -> None:
    """
    Check, before anything is stored, that a file can be imported: its columns and the policy.

    Raises:
        OSError: the file cannot be read.
        ConfigurationError: no policy is live.
        DocumentError: the file lacks columns, or the policy does not take what the map makes.
    """
    check_against(how, _live(backend))
    with open_rows(path, how.map) as rows:
        next(iter(rows), None)  # reads the header


def import_file(
    path: Path,
    how: CompiledMap,
    backend: Backend,
    *,
    tenant: str,
    now: float,
    dead_letters: Path,
    progress: Callable[[int], Any] = lambda _position: None,
) -> Report:
    """
    Import a file, in its order, in batches that are stored as they fill.

    It may be broken off and run again: what is stored already is a duplicate then.

    Args:
        backend: with a live policy.
        now: the present, in seconds since the epoch; rows from after it are bad rows.
        dead_letters: where bad rows are written.
        progress: told after each batch how many bytes of the file have been read.

    Raises:
        OSError: a file cannot be read or written.
        ConfigurationError: no policy is live.
        DocumentError: the file lacks columns, or the policy does not take what the map makes.
        BackendUnavailableError: the store could not be written to.
    """
    policy = _live(backend)
    check_against(how, policy)
    batch = _Batch(backend, _report(how))
    reader = RowReader(how, policy, tenant, now)
    started = time.perf_counter()
    with open_rows(path, how.map) as rows, DeadLetters(dead_letters) as letters:
        for row in rows:
            batch.report.rows += 1
            try:
                facts = reader.read(row)
            except BadRowError as error:
                batch.report.bad += 1
                batch.report.first_bad = batch.report.first_bad or f"row {row.number}: {error}"
                letters.add(row, error)
                continue
            if batch.put(facts):
                progress(rows.position)
        batch.store()
        progress(rows.position)
    batch.report.seconds = time.perf_counter() - started
    return batch.report


def _live(backend: Backend) -> CompiledPolicy:
    policy = backend.policy()
    if policy is None:
        raise ConfigurationError(
            "no policy is live, so nothing may be stored: name one in the map, give --policy, or "
            "run `clew policy publish`"
        )
    return compile_policy(policy)


def _report(how: CompiledMap) -> Report:
    kinds = how.map.kinds
    return Report({kind.name: KindCount(kind.name, kind.plain, kind.signal) for kind in kinds})


@define
class _Batch:
    """Items on their way to the backend, with the kind of row each signal comes from."""

    backend: Backend
    report: Report
    _items: list[bytes] = field(factory=list)
    #: By place in `_items`; a consent record has none.
    _kinds: list[KindCount | None] = field(factory=list)

    def put(self, facts: Facts) -> bool:
        """Take what a row became; says whether a batch was stored."""
        report = self.report
        kind = report.kinds[facts.kind.kind.name]
        kind.rows += 1
        report.repeated += facts.repeated
        if not facts.items:
            return False
        report.without_subject += facts.anonymous
        (report.anonymous if facts.anonymous else report.subjects).add(facts.subject)
        full = len(self._items) + len(facts.items) > BATCH_MAX
        if full:
            self.store()
        self._items += facts.items
        self._kinds += [None] * (len(facts.items) - 1) + [kind]
        return full

    def store(self) -> None:
        """Store what waits."""
        if not self._items:
            return
        results = self.backend.append(self._items)
        for kind, result in zip(self._kinds, results, strict=True):
            if kind is None:
                self.report.consents += result.status == "applied"
            else:
                self._count(kind, result)
        self._items, self._kinds = [], []

    def _count(self, kind: KindCount, result: ItemResult) -> None:
        if result.status == "duplicate":
            kind.duplicate += 1
        elif result.status in {"refused", "retry"}:
            kind.refused += 1
            cause = result.cause or result.status
            self.report.causes[cause] += 1
            if result.errors:
                self.report.messages.setdefault(cause, result.errors[0].message)
        else:
            kind.applied += 1
