"""The backend of your own that the README shows is found by its scheme, and passes its tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
_SECTION = re.compile(r"^## A backend of your own$(.*?)^## ", re.MULTILINE | re.DOTALL)
_FENCE = re.compile(r"^```(\w+)\n(?:# (\w+\.py)\n)?(.*?)^```$", re.MULTILINE | re.DOTALL)


def installed(folder: Path) -> None:
    """Write what the section shows as an installed distribution, with its test beside it."""
    [section] = _SECTION.findall(README)
    about = folder / "clew_shelf-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: clew-shelf\nVersion: 1\n")
    for language, name, text in _FENCE.findall(section):
        if language == "toml":
            [(scheme, opener)] = re.findall(r'^(\w+) = "(.+)"$', text, re.MULTILINE)
            (about / "entry_points.txt").write_text(f"[clew.backends]\n{scheme} = {opener}\n")
        else:
            (folder / name).write_text(text)


def test_the_backend_in_the_readme_passes_its_tests(tmp_path: Path) -> None:
    """Whoever copies the section has a backend that clew opens and that keeps what it must."""
    installed(tmp_path)
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path]
    paths = [str(tmp_path), *sys.path]
    ran = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3_000:] + ran.stderr[-1_000:]
    [passed] = re.findall(r"(\d+) passed", ran.stdout)
    assert int(passed) >= 10
    assert "skipped" not in ran.stdout
