"""`clew doctor` says what is there, what waits and what to do."""

import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result

from clew import Client
from clew.backends.sqlite import SqliteStore
from clew.delivery.dead_letters import DeadLetters
from clew.delivery.spool import Spool

Run = Callable[..., Result]


def test_all_is_well(imported: Run) -> None:
    """With data and a live policy nothing is wrong, and everything is counted."""
    result = imported("doctor", "--json")
    found = json.loads(result.stdout)
    assert (result.exit_code, found["faults"]) == (0, [])
    assert (found["policy"], found["policies"]) == ("till 1", ["till 1"])
    assert (found["facts_of_all_tenants"]["signal"], found["facts_of_all_tenants"]["consent"]) == (
        3,
        2,
    )
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
    monkeypatch.setenv("CLEW_KEYS", f"{'hidden-one-' * 3},{'hidden-two-' * 3}")
    said = imported("doctor").stdout
    assert "2 of CLEW_KEYS" in said
    assert "hidden" not in said
    monkeypatch.setenv("CLEW_KEYS", "hidden")
    result = imported("doctor")
    assert (result.exit_code, "cannot be used" in result.stdout) == (1, True)
    assert "hidden" not in result.stdout


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


def test_facts_of_other_tenants_are_not_shown_as_this_ones(imported: Run) -> None:
    """A store counts what it holds, whosever it is, and that is said."""
    said = " ".join(imported("doctor", "--tenant", "typo").stdout.split())
    assert "facts of all tenants signal 3" in said


def test_keys_are_where_they_are_said_to_be(run: Run, imported: Run) -> None:
    """Keys are in the store once a token was made; where there is no store there are none."""
    nowhere = ("doctor", "--backend", "memory://")
    none = "none yet; made with the first token"
    assert json.loads(run(*nowhere, "--json").stdout)["keys"] == none
    assert json.loads(imported("doctor", "--json").stdout)["keys"] == none
    with Client("sqlite:///clew.db") as client:
        client.decide("hero", subject="u1").token  # noqa: B018 - it is made when asked for
    assert json.loads(imported("doctor", "--json").stdout)["keys"] == "in the store"
    Path("other.db").write_text("no database, " * 100)
    unreadable = run("doctor", "--backend", "sqlite:///other.db", "--json")
    assert json.loads(unreadable.stdout)["keys"] == "not known"


def test_a_lock_that_another_holds_is_a_fault(
    imported: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether facts can be stored is tried, not taken from the answers to questions."""
    monkeypatch.setitem(SqliteStore.__init__.__kwdefaults__, "patience", 0.1)
    with closing(sqlite3.connect(folder / "clew.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        result = imported("doctor")
    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    assert "cannot be written, so no fact is stored" in said
    assert "other processes kept it locked" in said
    assert "Nothing is wrong" not in said


def test_a_full_disk_is_a_fault(imported: Run, folder: Path) -> None:
    """A disk that takes nothing more is told with its error; the data can still be read."""
    with closing(sqlite3.connect(folder / "clew.db", isolation_level=None)) as other:
        other.execute("SELECT count(*) FROM settings")  # a server's, which has the file open
        found = subprocess.run(
            [sys.executable, "-c", "from clew.cli import main; main()", "doctor", "--json"],
            cwd=folder,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_024, 1_024)),
            stdout=subprocess.PIPE,
            check=False,
        )
    document = json.loads(found.stdout)
    assert (found.returncode, document["reachable"], document["writable"]) == (1, True, False)
    [fault] = document["faults"]
    assert "cannot be written, so no fact is stored" in fault


def test_looking_leaves_one_row(imported: Run, folder: Path) -> None:
    """However often it is looked, and for whom, there is one setting more, and no fact."""
    counted = []
    for tenant in ("default", "default", "typo"):
        imported("doctor", "--tenant", tenant)
        with closing(sqlite3.connect(folder / "clew.db")) as file:
            counted += file.execute("SELECT count(*) FROM settings WHERE name = 'probe'")
    assert counted == [(1,)] * 3


def test_a_disk_that_is_nearly_full_is_told(
    imported: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Little room is shown before it is none; much is not worth a line."""
    assert "disk_free_bytes" not in json.loads(imported("doctor", "--json").stdout)
    usage = shutil.disk_usage(folder)._replace(free=12_345_678)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    found = json.loads(imported("doctor", "--json").stdout)
    assert found["disk_free_bytes"] == 12_345_678
    assert f"12.3 MB are free in {folder}" in imported("doctor").stdout


def test_a_named_spool_is_looked_at(imported: Run, folder: Path) -> None:
    """With --spool the facts and dead letters are those of a client that was told where."""
    spool = Spool(folder / "elsewhere" / "of-default")
    spool.append(b'{"signal": {}}', time.time())
    DeadLetters(folder / "elsewhere" / "of-default").add(b"{}", "schema: bad")
    for named in ("elsewhere", "elsewhere/of-default"):
        found = json.loads(imported("doctor", "--spool", named, "--json").stdout)
        assert (found["facts_waiting"], found["dead_letters"], found["faults"]) == (1, 1, [])
        assert found["spool"]["in_use"] == 1
    assert (
        "1 fact given up: `clew deadletter list`"
        in imported("doctor", "--spool", "elsewhere").stdout
    )
    spool.close()


def test_facts_that_a_process_cannot_store_are_a_fault(imported: Run, folder: Path) -> None:
    """A fact is handed on within moments; one that has waited for hours tells of a fault."""
    spool = Spool(folder / "clew.db.spool" / "of-default")
    spool.append(b'{"signal": {}}', time.time() - 3 * 3_600)
    result = imported("doctor")
    spool.close()
    assert result.exit_code == 1
    assert "1 fact of processes that run are not stored, the oldest for 3 hours" in result.stdout


def test_a_spool_that_is_not_there_is_refused(imported: Run, folder: Path) -> None:
    """A folder that was named must exist, and be of this tenant."""
    absent = imported("doctor", "--spool", "absent")
    assert (absent.exit_code, "Directory 'absent' does not exist" in absent.stderr) == (2, True)
    (folder / "elsewhere" / "of-b").mkdir(parents=True)
    other = imported("doctor", "--spool", "elsewhere/of-b")
    assert (other.exit_code, "the facts of tenant 'b', not of 'default'" in other.stderr) == (
        1,
        True,
    )
