"""What an application can meet is named in the README: names, methods, options, words, commands."""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any, get_args

import pytest

import clew
from clew import errors, testing
from clew.core import ReportStatus
from clew.model.measurement import Measurement
from clew.model.words import OutcomeType, Reason

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
_CODE = re.compile(r"^```.*?^```$|`[^`]+`", re.MULTILINE | re.DOTALL)
_FIRST_CELL = re.compile(r"^\|([^|]*)\|", re.MULTILINE)
#: Every word that is set as code.
NAMED = frozenset(re.findall(r"\w+", " ".join(_CODE.findall(README))))
#: Of them, those which open a row of a table, so that the row says what they mean.
EXPLAINED = frozenset(re.findall(r"`(\w+)`", " ".join(_FIRST_CELL.findall(README))))
#: Refused before it is on its way: `consent` raises, and nothing is counted.
RAISED = frozenset({"unknown_purpose"})
SOURCES = Path(clew.__file__).parent


def public(owner: type) -> list[str]:
    """The public methods and properties of a class."""
    return [name for name in dir(owner) if not name.startswith("_")]


def options(owner: type) -> list[str]:
    """The names of a class's arguments."""
    return [name for name in inspect.signature(owner).parameters if name != "self"]


def causes() -> set[str]:
    """Every cause that the sources count in `losses`, read from where it is counted."""
    return {
        cause
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for cause in counted(node)
    } - RAISED


def counted(node: ast.AST) -> Iterator[str]:
    """The causes that one piece of code counts, or has counted by answering with them."""
    match node:
        case ast.Call(func=ast.Attribute(attr="_count"), args=[ast.Constant(value=str(one))]):
            yield one
        case ast.Call(
            func=ast.Attribute(attr="_failed" | "_admit"), args=[ast.Constant(value=str(one)), *_]
        ):
            yield f"{one}_failed"
        case ast.Call(func=ast.Attribute(attr="add", value=ast.Attribute(attr="_losses"))):
            yield from texts(node.args[0])
        case ast.Call(func=ast.Attribute(attr="bury"), args=[_, cause, *_]):
            yield from texts(cause)
        case ast.Call(func=ast.Name(id="_refused"), args=[_, cause, *_]):
            yield from texts(cause)
        case ast.Call(func=ast.Name(id="Admission"), args=[ast.Constant(value="refused")]):
            yield from (text for word in node.keywords for text in texts(word.value))
        case ast.Return(value=ast.Constant(value=("overflow" | "no_disk") as one)):
            yield one


def texts(node: ast.AST) -> list[str]:
    """The texts within an expression."""
    constants = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant)]
    return [value for value in constants if isinstance(value, str)]


def commands(group: Any, path: str) -> Iterator[str]:
    """Every command below a group, as it is typed."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(clew.__all__, id="public names"),
        pytest.param(testing.__all__, id="testing"),
        pytest.param(public(clew.Client), id="methods of Client"),
        pytest.param(public(clew.AsyncClient), id="methods of AsyncClient"),
        pytest.param(public(testing.FakeClient), id="methods of FakeClient"),
        pytest.param(get_args(OutcomeType), id="outcomes"),
        pytest.param(get_args(ReportStatus), id="answers to a report"),
        pytest.param(get_args(inspect.get_annotations(Measurement)["state"]), id="states"),
    ],
)
def test_it_is_named(names: list[str]) -> None:
    """Each of these names stands in the README, set as code."""
    assert names
    assert [name for name in names if name not in NAMED] == []


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(options(clew.Client), id="options of Client"),
        pytest.param([name for name in errors.__all__ if name != "Problem"], id="errors"),
        pytest.param(get_args(Reason), id="reasons"),
        pytest.param(sorted(causes()), id="losses"),
    ],
)
def test_it_is_explained(names: list[str]) -> None:
    """Each of these names opens a row of a table that says what it means."""
    assert names
    assert [name for name in names if name not in EXPLAINED] == []


def test_the_causes_are_found() -> None:
    """The look into the sources sees a cause of each way to count one."""
    assert {"unknown_slot", "emit_failed", "overflow", "closed", "expired", "no_basis"} <= causes()


def test_every_command_is_explained() -> None:
    """Each command opens a row of a table that says what it does."""
    pytest.importorskip("rich", reason="the commands need the extra cli")
    from clew.cli.app import app

    found = list(commands(app, "clew"))
    assert found
    assert [name for name in found if f"\n| `{name}" not in README] == []


def test_every_entry_point_is_named() -> None:
    """Each group of entry points that clew has stands in the README; the console script is clew."""
    groups = {entry.group for entry in distribution("clew").entry_points}
    assert groups - {"console_scripts"}
    assert [g for g in groups - {"console_scripts"} if f"`{g}`" not in README] == []


def test_every_extra_is_named() -> None:
    """Each optional part stands in the README."""
    extras = distribution("clew").metadata.get_all("Provides-Extra") or []
    assert extras
    assert [extra for extra in extras if extra not in NAMED] == []


def test_every_test_that_is_named_exists() -> None:
    """A guarantee that names its test has one."""
    sources = "".join(
        path.read_text(encoding="utf-8") for path in Path(__file__).parent.rglob("test_*.py")
    )
    named = re.findall(r"`(test_\w+)`", README)
    assert named
    assert [name for name in named if f"def {name}(" not in sources] == []
