"""`clew doctor` says what is there, what waits and what to do."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def test_all_is_well(imported: Run) -> None:
    """With data and a live policy nothing is wrong, and everything is counted."""
    result = imported("doctor", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["faults"]) == (0, [])
    assert (found["policy"], found["policies"]) == ("till 1", ["till 1"])
    assert (found["facts"]["signal"], found["facts"]["consent"]) == (3, 2)
    assert (found["reachable"], found["schema_version"]) == (True, 1)
    assert "Nothing is wrong" in imported("doctor").stdout


def test_nothing_is_made_by_looking(run: Run, folder: Path) -> None:
    """Where there is no database, that is said with what to do, and none is made."""
    result = run("doctor")
    assert result.exit_code == 1
    assert "there is no clew.db yet" in result.stdout
    assert list(folder.iterdir()) == []


def test_a_store_without_a_policy_is_a_fault(imported: Run) -> None:
    """For a tenant with nothing live it says what to do."""
    result = imported("doctor", "--tenant", "other")
    assert result.exit_code == 1
    assert "clew policy publish" in result.stdout


def test_a_file_that_is_no_database_is_a_fault(run: Run, folder: Path) -> None:
    """What cannot be opened is told, not raised."""
    (folder / "clew.db").write_text("this is no database, " * 100)
    result = run("doctor")
    assert result.exit_code == 1
    assert "cannot be used" in result.stdout


def test_keys_of_the_environment_are_counted(
    imported: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are counted, never shown."""
    monkeypatch.setenv("CLEW_KEYS", "secret-one,secret-two")
    said = imported("doctor").stdout
    assert "2 of CLEW_KEYS" in said
    assert "secret" not in said


DYING = """
import os
from clew.delivery.spool import Spool
spool = Spool("clew.db.spool/of-default")
spool.append(b"{}", 0.0)
os._exit(0)
"""


def test_what_dead_processes_left_is_counted(imported: Run, folder: Path) -> None:
    """Facts of a process that died are told and left where they are, to be adopted."""
    subprocess.run([sys.executable, "-c", DYING], cwd=folder, check=True)
    before = sorted((folder / "clew.db.spool" / "of-default").iterdir())
    found = json.loads(imported("doctor", "--json").stdout)
    assert found["spool"]["left_behind"] == 1
    assert found["spool"]["left_behind_bytes"] > 0
    assert sorted((folder / "clew.db.spool" / "of-default").iterdir()) == before
    assert "1 file of facts left by processes that ended" in imported("doctor").stdout
