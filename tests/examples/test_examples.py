"""Every example runs alone, in a folder that holds nothing else, and leaves nothing behind."""

import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import copy, copytree
from subprocess import run

import pytest

from examples.serving import EXAMPLES, RUNNABLE, is_server

#: Those that end by themselves; test_frameworks.py has the others.
SCRIPTS = [path for path in RUNNABLE if not is_server(path)]

#: What the group `examples` installs for scripts that are named for it.
NEEDED = {"celery"}


@pytest.mark.parametrize("example", SCRIPTS, ids=lambda path: path.name)
def test_an_example_runs_alone(example: Path, tmp_path: Path) -> None:
    """A copied example keeps its promise without a warning, and leaves at most databases."""
    framework = example.stem.partition("_")[0]
    if framework in NEEDED and find_spec(framework) is None:
        pytest.skip(f"needs {framework}")
    alone = tmp_path / example.name
    (copytree if example.is_dir() else copy)(example, alone)
    command = [sys.executable, "-B", "-W", "error", example.name]
    child = run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    assert child.stdout.strip()
    left = {path.name for path in tmp_path.iterdir()} - {example.name}
    assert {name for name in left if not name.startswith("clew.db")} == set()


def test_the_quickstart_is_short() -> None:
    """A newcomer reads it in one look: at most 30 lines."""
    assert len((EXAMPLES / "quickstart.py").read_text(encoding="utf-8").splitlines()) <= 30


def test_every_example_is_listed() -> None:
    """`examples/README.md` links every example."""
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in RUNNABLE if f"]({path.name}" not in listed] == []
