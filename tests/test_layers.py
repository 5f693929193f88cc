"""Imports point down only, and the check of it finds what it is for."""

from collections.abc import Mapping
from pathlib import Path

import pytest

import clew
from layers import Tree, breaches, read_trees

ROOT = Path(__file__).parents[1]


def plant(root: Path, sources: Mapping[str, str]) -> Tree:
    """Write a small tree and read it."""
    for name, source in sources.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return read_trees(root)


def test_the_sources_keep_the_layers() -> None:
    """The modules of clew and clew_edge import only what they may."""
    assert breaches(read_trees(ROOT / "sdk", ROOT / "edge"), clew.__all__) == []


def test_the_sources_are_read() -> None:
    """Both import packages are found, and an import that is known to be there is seen."""
    tree = read_trees(ROOT / "sdk", ROOT / "edge")
    assert {"clew", "clew.errors", "clew_edge"} <= tree.keys()
    assert "attrs" in {one.target for one in tree["clew.errors"]}


SOUND = {
    "clew/__init__.py": "def __getattr__(name):\n    from clew.client import Client\n",
    "clew/errors.py": "import enum\n",
    "clew/clock.py": "from clew import errors\n",
    "clew/model/__init__.py": "from clew.model.signal import Signal\nfrom .words import W\n",
    "clew/model/signal.py": "from ..clock import instant\nfrom typing import Any\n",
    "clew/model/words.py": "from typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    from clew.model import Signal\n",
    "clew/client.py": "import asyncio\nimport clew.model\n",
    "clew/testing/kit.py": "import clew.client\nfrom clew.testing import fakes\n",
    "clew/testing/fakes.py": "from clew import Client\n",
    "clew_edge/middleware.py": "import clew\nimport starlette\nx = clew.Client\n"
    "from clew.errors import ClewError\nfrom clew_edge.markup import scanner\n"
    "from clew.model.signal import Signal\n",
    "clew_edge/markup/scanner.py": "import re\nimport clew_edge.settings\n",
    "clew_edge/settings.py": "from clew import Client\n",
}


def test_sound_imports_pass(tmp_path: Path) -> None:
    """Imports that point down, a face that imports late and a cycle of types alone are fine."""
    assert breaches(plant(tmp_path, SOUND), public=["Client"]) == []


@pytest.mark.parametrize(
    ("file", "source", "breach"),
    [
        pytest.param(
            "clew/errors.py",
            "from clew.model import signal",
            "clew.errors:1 imports clew.model.signal, which lies higher",
            id="upward",
        ),
        pytest.param(
            "clew/model/words.py",
            "def late():\n    import clew.client",
            "clew.model.words:2 imports clew.client, which lies higher",
            id="upward-in-a-function",
        ),
        pytest.param(
            "clew/model/words.py",
            "if TYPE_CHECKING:\n    from clew.client import Client",
            "clew.model.words:2 imports Client of clew.client, which lies higher",
            id="upward-for-types",
        ),
        pytest.param(
            "clew/model/words.py",
            "from .. import client",
            "clew.model.words:1 imports clew.client, which lies higher",
            id="upward-relative",
        ),
        pytest.param(
            "clew/model/words.py",
            "import importlib\nimportlib.import_module('clew.client')",
            "clew.model.words:2 imports clew.client, which lies higher",
            id="upward-by-string",
        ),
        pytest.param(
            "clew/client.py",
            "from clew import Client",
            "clew.client:1 imports Client of clew, which lies higher",
            id="the-public-face-from-below",
        ),
        pytest.param(
            "clew/drawer.py",
            "",
            "clew.drawer has no layer: give it one in LAYERS",
            id="no-layer",
        ),
        pytest.param(
            "clew/cli/__init__.py",
            "from clew.testing.fakes import Fake",
            "clew.cli:1 imports Fake of clew.testing.fakes, which is for tests",
            id="testing",
        ),
        pytest.param(
            "clew_edge/pages.py",
            "import clew.testing",
            "clew_edge.pages:1 imports clew.testing, which is for tests",
            id="testing-from-the-edge",
        ),
        pytest.param(
            "clew/cli/__init__.py",
            "def serve():\n    from clew_edge import middleware",
            "clew.cli:2 imports clew_edge.middleware, which builds on clew",
            id="the-edge",
        ),
        pytest.param(
            "clew_edge/pages.py",
            "from clew import Clint",
            "clew_edge.pages:1 imports Clint of clew, which is not public",
            id="a-name-not-public",
        ),
        pytest.param(
            "clew_edge/pages.py",
            "import clew\nclew.Clint()",
            "clew_edge.pages:2 imports Clint of clew, which is not public",
            id="an-attribute-not-public",
        ),
        pytest.param(
            "clew_edge/pages.py",
            "from clew.client import Client",
            "clew_edge.pages:1 imports Client of clew.client, which is not public",
            id="a-module-not-public",
        ),
        pytest.param(
            "clew_edge/markup/scanner.py",
            "from starlette.types import Send",
            "clew_edge.markup.scanner:1 imports Send of starlette.types,"
            " and clew_edge.markup knows no ASGI",
            id="asgi-in-markup",
        ),
        pytest.param(
            "clew_edge/settings.py",
            "import asyncio",
            "clew_edge.settings:1 imports asyncio, and clew_edge.markup knows no ASGI",
            id="asgi-behind-markup",
        ),
        pytest.param(
            "clew/model/words.py",
            "def late():\n    from clew.model import Signal",
            "cycle: clew.model <- clew.model.words <- clew.model",
            id="cycle",
        ),
    ],
)
def test_a_planted_breach_is_reported(tmp_path: Path, file: str, source: str, breach: str) -> None:
    """Each kind of breach, planted alone into a sound tree, is named with its place."""
    found = breaches(plant(tmp_path, SOUND | {file: source}), public=["Client"])
    assert breach in found
