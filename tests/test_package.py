"""What was installed is whole: the contract, the types, the entry points and the command."""

import sys
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from subprocess import run

import pytest

import clew
import clew_edge

ROOT = Path(__file__).parents[1]
CLEW = distribution("clew")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below the folder, by its path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("package", [clew, clew_edge], ids=lambda package: package.__name__)
def test_types_are_shipped(package: object) -> None:
    """Both packages are marked as typed (PEP 561)."""
    assert files(package).joinpath("py.typed").is_file()


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        pytest.param("_schemas", "schemas", id="the-contract"),
        pytest.param("_demo", "examples/shop", id="the-shop-of-the-demo"),
    ],
)
def test_what_lies_elsewhere_is_shipped(inside: str, outside: str) -> None:
    """The wheel holds it as it stands in the repository, byte for byte."""
    if Path(clew.__file__).is_relative_to(ROOT / "sdk"):
        pytest.skip(f"clew is installed editable: it reads {outside} itself")
    shipped = contents(Path(clew.__file__).parent / inside)
    assert shipped
    assert shipped == contents(ROOT / outside)


@pytest.mark.parametrize("group", ["clew.backends", "console_scripts", "pytest11"])
def test_entry_points_resolve(group: str) -> None:
    """Every backend, command and plugin that the metadata names can be loaded."""
    ours = [entry for entry in CLEW.entry_points if entry.group == group]
    assert ours
    assert all(entry.load() for entry in ours)


def test_the_version_is_told() -> None:
    """`clew --version` and `clew.__version__` say what the metadata say."""
    command = Path(sys.executable).with_name("clew")
    said = run([command, "--version"], capture_output=True, text=True, check=True).stdout
    assert clew.__version__ == CLEW.version
    assert CLEW.version in said
