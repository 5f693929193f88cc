"""Importing real order lines, beside reading the same file and inserting each line as it is."""

import csv
import gzip
import itertools
import sqlite3
import sys
import tempfile
from pathlib import Path

import orjson

from bench.harness import compare
from clew import open_backend
from clew.clock import instant
from clew.integrations.importing import import_file, load_map
from clew.policy import build_bundle, load_policy

__all__ = ["main"]

_HERE = Path(__file__)
_DATA = _HERE.parents[3] / "shared/data/online_retail_sample.csv.gz"
_EXAMPLE = _HERE.parents[2] / "examples/order_history"
#: Lines of the file that are imported in one go.
_LINES = 500


def _floor(file: Path) -> None:
    """What any importer does at least: parse, encode, insert under a unique key, commit."""
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(f"{folder}/floor.db")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE lines (id TEXT PRIMARY KEY, body BLOB)")
        with file.open(newline="") as lines, database:
            for number, row in enumerate(csv.DictReader(lines)):
                database.execute(
                    "INSERT INTO lines VALUES (?, ?)", (f"{number}", orjson.dumps(row))
                )
        database.close()


def _import(file: Path, folder: Path, bundle: bytes) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        backend = open_backend(f"sqlite:///{place}/orders.db", policy=bundle)
        report = import_file(
            file,
            load_map(_EXAMPLE / "map.json"),
            backend,
            tenant="default",
            now=instant("2011-12-10T00:00:00Z"),
            dead_letters=Path(place) / "dead.ndjson",
        )
        backend.close()
        assert sum(kind.applied for kind in report.kinds.values()) == _LINES


def main() -> None:
    """Compare the importer with its floor, or say that the data is not here."""
    if not _DATA.exists():
        sys.stdout.write(f"import of orders: {_DATA.name} is not here, nothing was timed\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "orders.csv"
        with gzip.open(_DATA, "rt", newline="") as lines:
            file.write_text("".join(itertools.islice(lines, _LINES + 1)), newline="")
        bundle = build_bundle(load_policy(_EXAMPLE / "policy"))
        compare(
            f"import of {_LINES} order lines",
            {
                "parse + insert": lambda: _floor(file),
                "clew import": lambda: _import(file, Path(folder), bundle),
            },
            floor="parse + insert",
            at_most={"clew import": 15.0},
        )


if __name__ == "__main__":
    main()
