"""`clew deadletter` lists what was given up, and sends it again."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from clew.delivery.dead_letters import DeadLetters

Run = Callable[..., Result]

SALE = {
    "id": "s-1",
    "type": "item_ordered",
    "subject": "u1",
    "occurred_at": "2026-05-31T00:00:00Z",
    "data": {"sku": "tea", "quantity": 1, "value": 2.5},
}


@pytest.fixture
def box(folder: Path) -> DeadLetters:
    """The dead letters beside the database."""
    return DeadLetters(folder / "clew.db.spool" / "of-default")


def add(box: DeadLetters, *facts: object, reason: str = "schema: bad") -> None:
    """Give facts up."""
    for fact in facts:
        box.add(json.dumps(fact).encode(), reason)


def test_letters_are_listed(imported: Run, box: DeadLetters) -> None:
    """Each stands with its kind, type, id and the reason; what is no fact as it begins."""
    add(box, {"signal": SALE})
    box.add(b"\xff", "JSONDecodeError: no JSON")
    said = imported("deadletter", "list").stdout
    assert "signal item_ordered s-1  schema: bad" in said
    assert "JSONDecodeError: no JSON" in said
    assert "2 dead letters" in said


def test_letters_for_a_script(imported: Run, box: DeadLetters) -> None:
    """With --json the items are there as they were sent."""
    add(box, {"signal": SALE})
    [letter] = json.loads(imported("deadletter", "list", "--json").stdout)
    assert (letter["item"], letter["reason"]) == ({"signal": SALE}, "schema: bad")


def test_no_letters_is_said(imported: Run) -> None:
    """Where nothing was given up there is nothing to list or to send."""
    assert imported("deadletter", "list").stdout == "0 dead letters\n"
    assert imported("deadletter", "replay").stdout == "0 facts stored, 0 refused again\n"


def test_a_replay_stores_what_is_taken_now(imported: Run, box: DeadLetters) -> None:
    """A fact that is taken is gone from the letters; again it is a duplicate."""
    for _ in range(2):
        add(box, {"signal": SALE})
        answer = imported("deadletter", "replay")
        assert answer.stdout == "1 fact stored, 0 refused again\n"
        assert answer.exit_code == 0
    assert box.read() == []
    assert json.loads(imported("profile", "u1", "--json").stdout)["signals"] == 3


def test_what_is_refused_again_stays(imported: Run, box: DeadLetters) -> None:
    """One bad fact keeps none of the others back; it stays, with the new reason, and is told."""
    add(box, {"unheard": SALE}, {"signal": SALE}, {"signal": SALE | {"id": "s-2"}})
    box.add(b"\xff", "bad")
    answer = imported("deadletter", "replay")
    assert answer.stdout == "2 facts stored, 2 refused again\n"
    assert answer.exit_code == 1
    reasons = [letter.reason.partition(":")[0] for letter in box.read()]
    assert reasons == ["schema", "JSONDecodeError"]


def test_letters_are_discarded_by_whoever_is_sure(imported: Run, box: DeadLetters) -> None:
    """They are asked first; who says no, or nothing, keeps them."""
    add(box, {"signal": SALE}, {"signal": SALE | {"id": "s-2"}})
    for said, code in (("n\n", 1), ("", 130)):
        answer = imported("deadletter", "discard", typed=said)
        assert answer.exit_code == code
        assert "delete 2 dead letters for good?" in answer.output
        assert len(box.read()) == 2
    answer = imported("deadletter", "discard", typed="y\n")
    assert answer.stdout.endswith("2 dead letters deleted\n")
    assert box.read() == []
    add(box, {"signal": SALE})
    for count in ("1 dead letter", "0 dead letters"):
        assert imported("deadletter", "discard", "--yes").stdout == f"{count} deleted\n"


def test_the_folder_may_be_named(imported: Run, tmp_path: Path) -> None:
    """With --spool the letters are those of a client that was told where to keep them."""
    add(DeadLetters(tmp_path / "elsewhere" / "of-default"), {"signal": SALE})
    assert imported("deadletter", "list", "--spool", tmp_path / "elsewhere").stdout.endswith(
        "1 dead letter\n"
    )


def test_the_folder_inside_may_be_named(imported: Run, tmp_path: Path) -> None:
    """The folder in which the letters are is as good as the one that the client was told."""
    inner = tmp_path / "elsewhere" / "of-default"
    add(DeadLetters(inner), {"signal": SALE})
    assert imported("deadletter", "list", "--spool", inner).stdout.endswith("1 dead letter\n")
    assert imported("deadletter", "replay", "--spool", inner).stdout.startswith("1 fact stored")
    other = imported("deadletter", "list", "--spool", inner, "--tenant", "b")
    assert (other.exit_code, "the facts of tenant 'default', not of 'b'" in other.stderr) == (
        1,
        True,
    )


@pytest.mark.parametrize("command", ["list", "replay"])
def test_a_folder_that_is_not_there_is_refused(imported: Run, tmp_path: Path, command: str) -> None:
    """A folder that was named must exist; one with nothing of this tenant is told as such."""
    absent = imported("deadletter", command, "--spool", "absent")
    assert (absent.exit_code, "Directory 'absent' does not exist" in absent.stderr) == (2, True)
    (tmp_path / "empty").mkdir()
    assert (
        "there is no empty/of-default" in imported("deadletter", command, "--spool", "empty").stdout
    )


def test_memory_has_no_letters(run: Run) -> None:
    """A backend that keeps nothing on disk is told from one without letters."""
    answer = run("deadletter", "list", "--backend", "memory://")
    assert (answer.exit_code, "name a --spool FOLDER" in answer.stderr) == (1, True)


@pytest.mark.parametrize("command", ["list", "replay"])
def test_an_absent_database_is_not_made(run: Run, folder: Path, command: str) -> None:
    """A database that is not there is refused, as by commands that read, and not made."""
    answer = run("deadletter", command, "--backend", "sqlite:///absent.db")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "there is no absent.db; name the data with --backend" in answer.stderr
    assert list(folder.iterdir()) == []
