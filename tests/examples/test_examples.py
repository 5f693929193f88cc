"""Every example runs alone, in a folder that holds nothing else, and leaves nothing behind."""

import os
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
    # Of its own: the next example in the folder must not meet this one's policy.
    own = f"{example.stem.rpartition('_')[2]}.db", f"{framework}.db"
    assert {name for name in left if not name.startswith(own)} == set()


def test_the_webhook_needs_its_secret(tmp_path: Path) -> None:
    """Imported by a server without Stripe's secret the example refuses to start."""
    copy(EXAMPLES / "stripe_webhook.py", tmp_path)
    free = {name: text for name, text in os.environ.items() if name != "STRIPE_WEBHOOK_SECRET"}
    command = [sys.executable, "-B", "-c", "import stripe_webhook"]
    child = run(command, cwd=tmp_path, env=free, capture_output=True, text=True, check=False)
    assert child.returncode == 1
    assert child.stderr.startswith("set STRIPE_WEBHOOK_SECRET to ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(None, "orders.csv: No such file or directory", id="absent"),
        pytest.param("a,b\n1,2\n", "the file has no column", id="columns"),
    ],
)
def test_an_order_history_at_fault(tmp_path: Path, text: str | None, said: str) -> None:
    """A file that cannot be imported is told of without a traceback."""
    if text is not None:
        (tmp_path / "orders.csv").write_text(text)
    command = [sys.executable, "-B", str(EXAMPLES / "order_history"), "orders.csv"]
    child = run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert child.returncode == 1
    assert said in child.stderr
    assert "Traceback" not in child.stderr


def test_the_quickstart_is_short() -> None:
    """A newcomer reads it in one look: at most 30 lines."""
    assert len((EXAMPLES / "quickstart.py").read_text(encoding="utf-8").splitlines()) <= 30


def test_every_example_is_listed() -> None:
    """`examples/README.md` links every example."""
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in RUNNABLE if f"]({path.name}" not in listed] == []


def test_what_the_server_and_its_client_need_is_said() -> None:
    """The example that starts `clew serve` says which extras it needs, and the list does, too."""
    needed = "pip install '.[cli,server]'"
    assert needed in (EXAMPLES / "remote_client.py").read_text(encoding="utf-8")
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert f"`remote_client.py` needs `{needed}`" in " ".join(listed.split())
