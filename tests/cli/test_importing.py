"""`clew import` says what it did with every kind of row."""

import gzip
import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clew.cli.app import app
from integrations.tills import HEADER, line, write_csv, write_map

Run = Callable[..., Result]

EXAMPLE = Path(__file__).parents[2] / "examples/order_history"
AS_OF = "2026-06-01T00:00:00Z"


def take(run: Run, file: Path, how: Path, *words: object) -> dict[str, Any]:
    """Import a file and give the report."""
    result = run("import", file, "--map", how, "--as-of", AS_OF, "--json", *words)
    assert result.stderr == ""
    return json.loads(result.stdout)  # type: ignore[no-any-return]


def dump(file: Path) -> str:
    """The digest of everything that a database file holds."""
    with closing(sqlite3.connect(file)) as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


def test_it_says_what_it_did(run: Run, folder: Path) -> None:
    """Kinds, signals, subjects, bad rows and where they are, and the rate are told in words."""
    file = write_csv(folder, [line(), line(card=""), line(sku="bag"), line(n="x")])
    result = run("import", file, "--map", write_map(folder), "--as-of", AS_OF)
    assert result.exit_code == 0
    for said in (
        "carrier bags",
        "left out",
        "4 rows: 2 signals applied, 0 duplicate, 0 refused, 1 row left out, 1 bad row.",
        "1 subject; 1 row without one, under 1 anonymous subject; 2 new consent records.",
        "till.csv.deadletter.ndjson",
        "signals per second",
    ):
        assert said in result.stdout
    assert (folder / "till.csv.deadletter.ndjson").exists()


def test_a_second_run_says_that_nothing_changed(run: Run, folder: Path) -> None:
    """The same file again leaves the database as it was, to the byte of its content."""
    file, how = write_csv(folder, [line(n=n) for n in range(9)]), write_map(folder)
    take(run, file, how)
    before = dump(folder / "clew.db")
    result = run("import", file, "--map", how, "--as-of", AS_OF)
    assert "Everything was stored before: nothing changed." in result.stdout
    assert dump(folder / "clew.db") == before


@pytest.mark.parametrize("form", ["csv.gz", "ndjson", "ndjson.gz"])
def test_every_form_of_file_is_taken(run: Run, folder: Path, form: str) -> None:
    """CSV and NDJSON are read, gzipped or not."""
    rows = [line(), line(card="u2")]
    if form.startswith("csv"):
        text = "\n".join([HEADER, *rows])
    else:
        names = HEADER.split(",")
        text = "\n".join(json.dumps(dict(zip(names, row.split(","), strict=True))) for row in rows)
    data = gzip.compress(text.encode()) if form.endswith("gz") else text.encode()
    file = folder / f"till.{form}"
    file.write_bytes(data)
    how = write_map(folder, format=form.partition(".")[0])
    assert take(run, file, how)["applied"] == 2


def test_without_a_ground_it_fails_and_says_why(run: Run, folder: Path) -> None:
    """Rows of people nobody has a ground for are refused, plainly, and the exit code is 1 (F5)."""
    file, how = write_csv(folder, [line()]), write_map(folder, ground=None)
    result = run("import", file, "--map", how, "--as-of", AS_OF)
    assert result.exit_code == 1
    assert "1 refused (no_basis)" in result.stdout
    assert "The map has no `ground`" in result.stdout


def test_a_file_of_bad_rows_fails(run: Run, folder: Path) -> None:
    """When no row could be taken the exit code is 1."""
    file, how = write_csv(folder, [line(n="x")]), write_map(folder)
    letters = folder / "bad.ndjson"
    result = run("import", file, "--map", how, "--as-of", AS_OF, "--dead-letters", letters)
    assert result.exit_code == 1
    assert json.loads(letters.read_text())["row"] == 1


def test_rows_from_ahead_of_as_of_are_bad(run: Run, folder: Path) -> None:
    """`--as-of` is the present: what is dated after it is refused."""
    file = write_csv(folder, [line(), line(sold_at="01.07.2026 10:00")])
    report = take(run, file, write_map(folder))
    assert (report["applied"], report["bad"]) == (1, 1)


def test_a_policy_that_the_map_has_not_beside_it(run: Run, folder: Path) -> None:
    """It is said which file is meant, where it is looked for, and what to do."""
    how = write_map(folder)
    how.write_text(json.dumps(json.loads(how.read_bytes()) | {"policy": "gone.json"}))
    result = run("import", write_csv(folder, [line()]), "--map", how)
    assert result.exit_code == 1
    assert f"/policy: there is no {folder / 'gone.json'}, which is looked for" in result.stderr


def test_a_faulty_map_is_told_whole(run: Run, folder: Path) -> None:
    """All faults of a map are told, each with its place, and nothing is imported."""
    how = write_map(folder, subject="crad", anonymous=["recipt"])
    result = run("import", write_csv(folder, [line()]), "--map", how)
    assert result.exit_code == 1
    assert "/subject: `crad` is no column of the map; did you mean `card`?" in result.stderr
    assert "/anonymous/0" in result.stderr
    assert not (folder / "clew.db").exists()


@pytest.fixture(scope="module")
def retail(retail_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """The real file, imported into a database; with the report."""
    folder = tmp_path_factory.mktemp("retail")
    file = folder / "retail.db"
    return file, _import_retail(retail_csv, file)


def _import_retail(retail_csv: Path, file: Path) -> Any:
    words = ["import", str(retail_csv), "--map", str(EXAMPLE / "map.json"), "--json"]
    at = ["--as-of", "2011-12-10T00:00:00Z", "--backend", f"sqlite:///{file}"]
    result = CliRunner().invoke(app, [*words, *at])
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def look(words: str, file: Path) -> str:
    """Run a command on the imported file as of its end."""
    at = ["--as-of", "2011-12-10T00:00:00Z", "--backend", f"sqlite:///{file}"]
    result = CliRunner().invoke(app, [*words.split(), *at])
    assert result.exit_code == 0
    return result.stdout


def test_the_real_file_is_taken_whole(retail: tuple[Path, Any]) -> None:
    """All 30,000 order lines become signals, and each kind of dirt is counted."""
    _, report = retail
    assert (report["rows"], report["applied"], report["bad"]) == (30_000, 30_000, 0)
    assert (report["subjects"], report["without_subject"], report["repeated"]) == (3569, 2000, 25)


def test_a_customer_of_the_real_file(retail: tuple[Path, Any], tmp_path: Path) -> None:
    """A profile shows value, recency and what is ordered; a decision the usual and an upsell."""
    file = shutil.copy(retail[0], tmp_path / "copy.db")
    said = look("profile 17841", file)
    for part in ("2,539.23", "1.5 days", "DISCO BALL", "high_value", "import:online_retail"):
        assert part in said
    said = look("decide usual_and_upsell --subject 17841", file)
    assert "you order DISCO BALL CHRISTMAS DECORATION most often" in said
    assert "along with this" in said


def test_the_real_file_again_changes_nothing(
    retail: tuple[Path, Any], retail_csv: Path, tmp_path: Path
) -> None:
    """A second import of all rows is all duplicates and leaves the content as it was."""
    file = Path(shutil.copy(retail[0], tmp_path / "copy.db"))
    before = dump(file)
    report = _import_retail(retail_csv, file)
    assert (report["applied"], report["duplicate"], report["consents"]) == (0, 30_000, 0)
    assert dump(file) == before


@pytest.mark.parametrize(
    ("header", "with_policy", "said"),
    [
        pytest.param("other,columns", True, "column", id="columns"),
        pytest.param(HEADER, False, "no policy is live", id="no-policy"),
    ],
)
def test_a_failed_import_makes_no_database(
    run: Run, folder: Path, header: str, *, with_policy: bool, said: str
) -> None:
    """What cannot be imported at all leaves no empty database behind."""
    file, how = write_csv(folder, [line()]), write_map(folder)
    if not with_policy:
        document = json.loads(how.read_text())
        del document["policy"]
        how.write_text(json.dumps(document))
    rows = file.read_text().splitlines(keepends=True)
    file.write_text("".join([f"{header}\n", *rows[1:]]))
    before = set(folder.iterdir())
    result = run("import", file, "--map", how)
    assert result.exit_code == 1
    assert said in result.stderr
    assert set(folder.iterdir()) == before
