"""The README keeps its word: its code runs, prints what it says, and its links lead somewhere."""

import re
from contextlib import redirect_stdout
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from attrs import frozen

from clew.policy import check_policy, load_policy
from clew.testing import FakeClient

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

INSTALL_AND_DEMO = (
    "python3 -m venv .venv && .venv/bin/pip install '.[all]' && .venv/bin/clew demo --once"
)
TESTS = "python3 -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox -s tests"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:\s]*)(#[^)\s]*)?\)")


@frozen
class Block:
    """One fenced block of code and the output that is shown right behind it, if any."""

    code: str
    shown: str | None


def fenced(language: str) -> list[str]:
    """The README's blocks in a language."""
    return [text for name, text in _FENCE.findall(README) if name == language]


def blocks() -> list[Block]:
    """The Python blocks in order."""
    found = [*_FENCE.findall(README), ("", "")]
    return [
        Block(text, follower if kind == "text" else None)
        for (name, text), (kind, follower) in pairwise(found)
        if name == "python"
    ]


@pytest.fixture(scope="module")
def told() -> tuple[list[str], dict[str, Any]]:
    """What each block prints, run one after the other as a reader would, and the names left."""
    printed = []
    names: dict[str, Any] = {}
    for block in blocks():
        out = StringIO()
        with redirect_stdout(out):
            exec(compile(block.code, "README.md", "exec"), names)  # noqa: S102
        printed.append(out.getvalue())
    for name in ("client", "shop"):
        names[name].close()
    return printed, names


def test_every_block_prints_what_is_shown(told: tuple[list[str], dict[str, Any]]) -> None:
    """The text behind a block of code is exactly what the block prints; without one, nothing."""
    assert [block.shown or "" for block in blocks()] == told[0]
    assert sum(block.shown is not None for block in blocks()) >= 4


def test_the_test_in_the_readme_passes(told: tuple[list[str], dict[str, Any]]) -> None:
    """The test that the README shows to application authors passes with the shipped fixture."""
    tests = [value for name, value in told[1].items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test(FakeClient())


def test_the_first_page_is_short() -> None:
    """The first code has at most 20 lines that are not blank."""
    assert len([line for line in blocks()[0].code.splitlines() if line.strip()]) <= 20


def test_the_policy_by_example_has_no_fault() -> None:
    """Every JSON block of the README is a policy that passes the check."""
    documents = [orjson.loads(text) for text in fenced("json")]
    assert documents
    assert [check_policy(load_policy(document)) for document in documents] == [()] * len(documents)


@pytest.mark.parametrize("line", [INSTALL_AND_DEMO, TESTS], ids=["demo", "tests"])
def test_the_two_commands_stand_as_they_are_run(line: str) -> None:
    """The ways to the demo and to the tests stand on lines of their own, to be copied whole."""
    assert line in [command for text in fenced("sh") for command in text.splitlines()]


@pytest.mark.parametrize("page", ["README.md", "examples/README.md", "schemas/README.md"])
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link names a file of the repository, and every anchor a heading there."""
    path = ROOT / page
    links = _LINK.findall(path.read_text(encoding="utf-8"))
    assert links
    for target, anchor in links:
        file = (path.parent / target) if target else path
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), f"{target}{anchor}"


def anchors(file: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {f"#{re.sub(r'[^a-z0-9 -]', '', h.lower()).replace(' ', '-')}" for h in headings}
