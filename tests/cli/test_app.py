"""The command line fails in one clear line, and says what to install."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import Result

from clew.cli.app import app

Run = Callable[..., Result]

#: How wide click takes a screen to be at most, less its margin.
SCREEN = 78


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        pytest.param(["nothing"], 2, "No such command", id="no-such-command"),
        pytest.param(["profile"], 2, "SUBJECT", id="argument-missing"),
        pytest.param(["profile", "u", "--as-of", "then"], 2, "2026-03-01T10:00:00Z", id="instant"),
        pytest.param(["profile", "u"], 1, "there is no clew.db", id="no-data"),
        pytest.param(["profile", "u", "--backend", "x"], 1, "no backend URL", id="no-url"),
        pytest.param(["profile", "u", "--backend", "x://y"], 1, "x://", id="no-such-backend"),
        pytest.param(["measure", "--backend", "memory://"], 1, "no policy is live", id="no-policy"),
        pytest.param(["policy", "check", "absent"], 2, "absent", id="no-such-file"),
        pytest.param(
            ["import", "policy.json", "--map", "absent.json"], 1, "absent.json", id="no-such-map"
        ),
    ],
)
def test_a_failure_is_one_line(
    run: Run, policy: Path, words: list[str], code: int, named: str
) -> None:
    """What went wrong is one line on stderr that opens with the program's name; stdout is empty."""
    assert policy.exists()
    result = run(*words)
    assert result.exit_code == code
    [said] = result.stderr.splitlines()
    assert said.startswith("clew: ")
    assert named in said
    assert result.stdout == ""


def test_debug_shows_where(run: Run) -> None:
    """With --debug the failure itself comes through."""
    result = run("--debug", "profile", "u")
    assert type(result.exception).__name__ == "ConfigurationError"


def summaries(group: click.Group, path: str) -> Iterator[tuple[str, str]]:
    """What each command below a group is, and what is said of it beside its name."""
    longest = max(map(len, group.commands))
    for name, command in group.commands.items():
        yield f"{path} {name}", command.get_short_help_str(SCREEN - 6 - longest)
        if isinstance(command, click.Group):
            yield from summaries(command, f"{path} {name}")


def test_no_summary_is_cut_short() -> None:
    """On a screen of 80 columns `--help` says of each command what it does, to the end."""
    found = dict(summaries(app, "clew"))
    assert len(found) > 15
    assert {name: said for name, said in found.items() if said.endswith("...")} == {}


def test_the_version_is_told(run: Run) -> None:
    """`clew --version` is the distribution's."""
    assert version("clew") in run("--version").stdout


def clew(*words: str, code: str = "from clew.cli import main; main()") -> "subprocess.Popen[str]":
    """Start the command line as a process."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_main_is_the_program() -> None:
    """The entry point runs a command and gives its exit code."""
    with clew("policy", "check", "absent") as child:
        _, errors = child.communicate()
    assert (child.returncode, errors[:6]) == (2, "clew: ")


@pytest.mark.parametrize("absent", ["click", "rich"])
def test_what_is_not_installed_is_named(absent: str) -> None:
    """Without its libraries the command line says in one line what to install, and exits with 2."""
    hidden = f"import sys; sys.modules[{absent!r}] = None; from clew.cli import main; main()"
    with clew(code=hidden) as child:
        _, errors = child.communicate()
    assert child.returncode == 2
    assert errors == (
        f"clew: {absent} is not installed; clew's extra `cli` has it: "
        "pip install '.[cli]' in clew's folder\n"
    )
