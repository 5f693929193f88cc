"""An import stores each row once, subtracts what was cancelled, and says what it left."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clew.backends.embedded import Embedded
from clew.backends.opening import open_memory
from clew.errors import ConfigurationError
from clew.integrations.importing import Report, import_file, load_map
from clew.policy import build_bundle, load_policy
from clew.testing.clock import HandClock
from integrations.tills import NOW, POLICY, line, write_csv, write_map


@pytest.fixture
def backend() -> Iterator[Embedded]:
    """A store in memory with the till's policy live."""
    bundle = build_bundle(load_policy(POLICY))
    opened = open_memory("memory://", policy=bundle, clock=HandClock(NOW))
    yield opened
    opened.close()


def run(backend: Embedded, folder: Path, *lines: str, **changes: Any) -> Report:
    """Import rows."""
    return import_file(
        write_csv(folder, lines),
        load_map(write_map(folder, **changes)),
        backend,
        tenant="default",
        now=NOW,
        dead_letters=folder / "dead.ndjson",
    )


def test_rows_are_counted_by_kind(backend: Embedded, tmp_path: Path) -> None:
    """The report says of each kind how many rows there were and what became of them."""
    report = run(backend, tmp_path, line(), line(), line(card=""), line(sku="bag"), line(n="x"))
    sale, bag = report.kinds["sale"], report.kinds["bag"]
    assert (sale.rows, sale.applied, bag.rows, bag.applied) == (3, 3, 1, 0)
    assert (report.rows, report.bad, report.left_out) == (5, 1, 1)
    assert (report.repeated, report.without_subject, report.consents) == (1, 1, 2)
    assert (report.subjects, report.anonymous) == ({"u1"}, {"anonymous:till:r1"})


def test_a_second_run_changes_nothing(backend: Embedded, tmp_path: Path) -> None:
    """The same file again is all duplicates, and store and profile are the same (F4)."""
    rows = [line(n=n) for n in range(1, 9)] * 2
    run(backend, tmp_path, *rows)
    before = backend.store.status(), backend.store.changes(), backend.subject("u1")
    again = run(backend, tmp_path, *rows)
    assert (again.applied, again.duplicate, again.consents) == (0, 16, 0)
    assert (backend.store.status(), backend.subject("u1")) == (before[0], before[2])


def test_a_longer_file_adds_its_new_rows(backend: Embedded, tmp_path: Path) -> None:
    """A file that has grown gives the new rows alone."""
    run(backend, tmp_path, line(), line())
    report = run(backend, tmp_path, line(), line(), line(), line(n=2))
    assert (report.applied, report.duplicate) == (2, 2)


def test_a_cancelled_line_subtracts(backend: Embedded, tmp_path: Path) -> None:
    """A negative quantity takes back its weight and value."""
    run(backend, tmp_path, line(n=4), line(sku="cup", n=1, price=10), line(n=-4))
    known = backend.subject("u1").computed
    assert known["value"] == 10
    assert known["usual"] == {"top": "cup", "shares": {"cup": 1.0}}


def test_without_a_ground_rows_are_refused(backend: Embedded, tmp_path: Path) -> None:
    """Nobody's rows are stored when the map names no ground and nobody consented (F5)."""
    report = run(backend, tmp_path, line(), line(card="u2"), ground=None)
    assert (report.applied, report.refused) == (0, 2)
    assert report.causes == {"no_basis": 2}
    assert backend.store.status()["facts"]["signal"] == 0


def test_the_ground_stands_in_the_ledger(backend: Embedded, tmp_path: Path) -> None:
    """The profile says on which ground the person is known, and since when."""
    run(backend, tmp_path, line())
    [permission] = backend.subject("u1").permissions
    assert (permission.basis, permission.source) == ("contract", "import:till")
    assert permission.occurred_at is not None
    assert permission.occurred_at.isoformat() == "2026-03-01T09:00:00+00:00"


def test_bad_rows_go_to_the_dead_letters(backend: Embedded, tmp_path: Path) -> None:
    """A dead letter has the row's number, why it is there, where, and the row."""
    report = run(backend, tmp_path, line(), line(sold_at="never", n="x"), "r1,too,few")
    letters = [json.loads(text) for text in (tmp_path / "dead.ndjson").read_text().splitlines()]
    assert [letter["row"] for letter in letters] == [2, 3]
    assert [problem["pointer"] for problem in letters[0]["problems"]] == ["/n"]
    assert report.first_bad == f"row 2: {letters[0]['reason']}"
    assert letters[0]["content"]["sold_at"] == "never"
    assert "3 cells" in letters[1]["reason"]


def test_without_bad_rows_there_are_no_dead_letters(backend: Embedded, tmp_path: Path) -> None:
    """No file is made when every row is sound."""
    run(backend, tmp_path, line())
    assert not (tmp_path / "dead.ndjson").exists()


def test_more_than_a_batch_is_stored(backend: Embedded, tmp_path: Path) -> None:
    """A file longer than one batch is stored whole, and its progress is told."""
    rows = [line(receipt=f"r{n}") for n in range(1203)]
    seen: list[int] = []
    path = write_csv(tmp_path, rows)
    import_file(
        path,
        load_map(write_map(tmp_path)),
        backend,
        tenant="default",
        now=NOW,
        dead_letters=tmp_path / "dead.ndjson",
        progress=seen.append,
    )
    assert backend.store.status()["facts"]["signal"] == 1203
    assert len(seen) == 3
    assert seen[-1] == path.stat().st_size


def test_without_a_policy_nothing_begins(tmp_path: Path) -> None:
    """With no live policy the import is refused before the first row."""
    bare = open_memory("memory://")
    with pytest.raises(ConfigurationError, match="no policy is live"):
        run(bare, tmp_path, line())
