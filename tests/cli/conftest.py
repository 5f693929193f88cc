"""The command line in a folder of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import CliRunner, Result

from clew.cli.app import app
from integrations.tills import POLICY, line, write_csv, write_map

Run: TypeAlias = Callable[..., Result]

#: When the till of the tests is looked at.
AS_OF = "2026-06-01T00:00:00Z"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, with nothing set in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("CLEW_URL", "CLEW_TENANT", "CLEW_KEYS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Run `clew` with these words there, and with what is typed when it asks."""
    return lambda *words, typed=None: CliRunner().invoke(
        app, [str(word) for word in words], input=typed
    )


@pytest.fixture
def policy(folder: Path) -> Path:
    """The till's policy as a file."""
    path = folder / "policy.json"
    path.write_text(json.dumps(POLICY), encoding="utf-8")
    return path


@pytest.fixture
def imported(folder: Path, run: Run) -> Run:
    """The command line where `u1` has bought four teas and `u2` one."""
    rows = [line(n=3), line(n=1), line(card="u2", sold_at="02.05.2026 09:30")]
    file, how = write_csv(folder, rows), write_map(folder)
    assert run("import", file, "--map", how, "--as-of", AS_OF).exit_code == 0
    return run
