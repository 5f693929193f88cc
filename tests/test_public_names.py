"""The public API is one sorted list, and every module says what it is."""

import ast
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from subprocess import run
from types import ModuleType

import pytest

import clew
import clew_edge

#: What `import clew` leaves alone until it is used.
HEAVY = frozenset(
    {"asyncio", "cachetools", "cattrs", "click", "httpx", "jsonschema"}
    | {"numpy", "rich", "sqlite3", "starlette"}
)


def modules() -> list[str]:
    """All modules of both packages; folders that open with an underscore hold data."""
    found = []
    for package in (clew, clew_edge):
        root = Path(package.__file__).parent
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root.parent).with_suffix("").parts
            if not any(part.startswith("_") for part in parts[:-1]):
                found.append(".".join(parts).removesuffix(".__init__"))
    return found


def place(name: str) -> tuple[int, str]:
    """Where a name stands in `__all__`: constants, then classes, then the rest (ruff's RUF022)."""
    is_constant = name.isupper() and len(name) > 1
    return (0 if is_constant else 1 if name[0].isupper() else 2), name


def listed(module: ModuleType) -> list[str]:
    """The module's `__all__`."""
    return list(getattr(module, "__all__", ()))


def loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter loads for the statement."""
    program = (
        f"import sys; before = set(sys.modules)\n{statement}\nprint(*(set(sys.modules) - before))"
    )
    child = run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(child.stdout.split())


def test_all_is_what_one_sees() -> None:
    """The names of `clew` without an underscore are those of `__all__`, submodules aside."""
    seen = {
        name
        for name in {*dir(clew), *vars(clew)}
        if not name.startswith("_") and not isinstance(getattr(clew, name), ModuleType)
    }
    assert seen == {name for name in listed(clew) if not name.startswith("_")}


@pytest.mark.parametrize("name", getattr(clew, "__all__", ()))
def test_every_public_name_is_there(name: str) -> None:
    """A name of `clew.__all__` can be imported from `clew`, however late it is loaded."""
    assert hasattr(clew, name)


def test_a_name_that_is_not_there_is_refused() -> None:
    """`clew` answers for a name it does not have as every module does."""
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = clew.no_such_name


@pytest.mark.parametrize("name", modules())
def test_every_module_lists_its_names_in_order(name: str) -> None:
    """`__all__` is sorted, names each thing once, and each thing is there."""
    module = import_module(name)
    names = listed(module)
    assert all(place(one) < place(next_one) for one, next_one in pairwise(names))
    assert [one for one in names if not hasattr(module, one)] == []


@pytest.mark.parametrize("name", modules())
def test_every_module_says_what_it_is(name: str) -> None:
    """Every module opens with a docstring."""
    path = Path(import_module(name).__file__)
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_import_clew_stays_light() -> None:
    """`import clew` loads nothing heavy, neither clients nor what they stand on."""
    assert loaded_by("import clew") & HEAVY == set()


def test_what_is_loaded_is_seen() -> None:
    """The look at a fresh interpreter sees a heavy module where there is one."""
    assert "sqlite3" in loaded_by("import clew, sqlite3")
