"""`clew decide` and `clew explain` say what is shown and why, in plain words."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]

AT = ("--as-of", "2026-06-01T00:00:00Z")


def test_a_decision_says_why(imported: Run) -> None:
    """Content, reason, propensity, the because and the id are shown."""
    said = imported("decide", "hero", "--subject", "u1", *AT).stdout
    assert "hero: again (priority, propensity 1.0000)" in said
    assert "text: Again?" in said
    assert "because " in said
    assert "more: clew explain " in said


def test_each_item_says_why(imported: Run) -> None:
    """A list slot shows each item with its reason."""
    said = imported("decide", "usual_list", "--subject", "u1", *AT).stdout
    assert "Green tea" in said
    assert "pinned" in said
    assert "you have this most often" in said


def test_a_decision_is_explained_later(imported: Run) -> None:
    """The id of a decision leads to what it looked at."""
    made = json.loads(imported("decide", "hero", "--subject", "u1", *AT, "--json").stdout)
    said = imported("explain", made["id"]).stdout
    assert "hero: again" in said
    assert "looked at computed.value (what you spent): 10" in said
    document = json.loads(imported("explain", made["id"], "--json").stdout)
    assert document["data_used"][0]["field"] == "computed.value"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param("n=3", 3, id="number"),
        pytest.param("n=three", "three", id="text"),
        pytest.param("n=true", True, id="boolean"),
        pytest.param("n=a=b", "a=b", id="equals-sign"),
    ],
)
def test_context_is_handed_on(imported: Run, given: str, expected: object) -> None:
    """`--context name=value` takes JSON values, and text as it is."""
    words = ("decide", "by_context", "--subject", "u1", *AT, "--context", given, "--json")
    assert json.loads(imported(*words).stdout)["reads"]["context"]["context.n"] == expected


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        pytest.param(["decide", "her", "--subject", "u"], 1, "did you mean `hero`", id="slot"),
        pytest.param(
            ["decide", "x", "--subject", "u"], 1, "it has: by_context, hero, usual_list", id="far"
        ),
        pytest.param(["explain", "0" * 32], 1, "there is no decision", id="decision"),
        pytest.param(
            ["decide", "hero", "--subject", "u", "--context", "x"], 2, "name=value", id="context"
        ),
        pytest.param(["decide", "hero", "--subject", ""], 2, "1 to 128 characters", id="nobody"),
        pytest.param(
            ["decide", "hero", "--subject", "u" * 129], 2, "1 to 128 characters", id="too-long"
        ),
        pytest.param(["profile", ""], 2, "1 to 128 characters", id="nobody-s-profile"),
        pytest.param(["profile", "u", "--tenant", "b"], 1, "no policy is live", id="tenant"),
        pytest.param(
            ["profile", "u", "--as-of", "2026-01-01T00:00:00Z", "--backend", "http://k@host"],
            1,
            "answers as of now",
            id="as-of-a-server",
        ),
    ],
)
def test_what_is_not_there_is_said(imported: Run, words: list[str], code: int, named: str) -> None:
    """A name that does not exist is one line, with what may have been meant."""
    result = imported(*words)
    assert result.exit_code == code
    assert named in result.stderr


def test_a_policy_makes_the_database(run: Run, policy: Path, folder: Path) -> None:
    """With `--policy` a decision needs no database before; without it none is made."""
    words = ("decide", "hero", "--subject", "u1")
    refused = run(*words)
    assert (refused.exit_code, (folder / "clew.db").exists()) == (1, False)
    assert "there is no clew.db" in refused.stderr
    made = run(*words, "--policy", policy)
    assert (made.exit_code, (folder / "clew.db").exists()) == (0, True)
    assert "hero: " in made.stdout
    assert run(*words).exit_code == 0
