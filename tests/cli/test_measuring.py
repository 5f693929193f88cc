"""`clew measure` says what was earned, or why that is not known yet."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]


def test_without_a_holdout_there_is_no_lift(imported: Run) -> None:
    """The state and what to do stand in the output; no interval is made up."""
    said = imported("measure").stdout
    assert "orders: no holdout" in said
    assert "declare one" in said
    assert "lift" not in said.replace("no lift", "")


def test_a_measurement_for_a_script(imported: Run) -> None:
    """With --json a list of measurements is printed."""
    [found] = json.loads(imported("measure", "orders", "--json").stdout)
    assert (found["objective"], found["state"]) == ("orders", "no_holdout")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        pytest.param(["order"], "it has: orders", id="objective"),
        pytest.param(["--holdout", "absent"], "no holdout 'absent'", id="holdout"),
    ],
)
def test_an_unknown_name_is_refused(imported: Run, words: list[str], named: str) -> None:
    """A name that the policy does not have is told with those there are."""
    result = imported("measure", *words)
    assert result.exit_code == 1
    assert named in result.stderr


def test_looks_are_listed_when_asked_for(imported: Run) -> None:
    """The option is handed on; what no holdout covers has no looks."""
    [found] = json.loads(imported("measure", "--json", "--looks", "3").stdout)
    assert "looks" not in found
    assert imported("measure", "--looks", "-1").exit_code == 2


def test_a_page_is_written(imported: Run, folder: Path) -> None:
    """With --html a page is written, and it is said where."""
    pytest.importorskip("jinja2", reason="pages need the extra charts")
    said = imported("measure", "--html", "lift.html").stdout
    assert said == "wrote lift.html\n"
    assert "<!DOCTYPE html>" in (folder / "lift.html").read_text(encoding="utf-8")


def test_a_page_on_stdout(imported: Run) -> None:
    """With - the page goes to stdout, and nothing else does."""
    pytest.importorskip("jinja2", reason="pages need the extra charts")
    said = imported("measure", "--html", "-").stdout
    assert said.strip().startswith("<!DOCTYPE html>")
    assert said.strip().endswith("</html>")


def test_a_page_that_cannot_be_written(imported: Run) -> None:
    """A place that is not there is said in one line."""
    pytest.importorskip("jinja2", reason="pages need the extra charts")
    result = imported("measure", "--html", "absent/lift.html")
    assert (result.exit_code, result.stderr) == (
        1,
        "clew: absent/lift.html: No such file or directory\n",
    )


def test_one_form_at_a_time(imported: Run) -> None:
    """A page and JSON at once are refused."""
    result = imported("measure", "--html", "-", "--json")
    assert result.exit_code == 2
    assert "give one of them" in result.stderr


def test_a_page_needs_the_extra(imported: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the command says what to install, and writes nothing."""
    from clew.pages import measuring

    measuring._template.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = imported("measure", "--html", "lift.html")
    assert result.exit_code == 1
    assert "pip install '.[charts]'" in result.stderr
    assert not Path("lift.html").exists()
