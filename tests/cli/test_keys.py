"""`clew key` makes keys, shows each once, and checks the file of their hashes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from clew import schema
from clew.model.keys import hash_key

Run = Callable[..., Result]


def test_a_new_key_is_shown_once(run: Run) -> None:
    """The key is printed with the entry for the file, which holds its hash alone."""
    found = json.loads(
        run("key", "new", "--id", "shop", "--scope", "append", "--scope", "decide", "--json").stdout
    )
    schema.validate("keys", {"keys": [found["entry"]]})
    assert found["key"].startswith("clew_")
    assert found["entry"]["hash"] == hash_key(found["key"])
    assert found["entry"]["scopes"] == ["append", "decide"]


def test_a_key_has_256_random_bits(run: Run) -> None:
    """Two keys differ, and each has 43 characters of base64, which are 256 bits."""
    made = [run("key", "new", "--id", "x", "--scope", "admin").stdout for _ in range(2)]
    keys = {line for one in made for line in one.splitlines() if line.startswith("clew_")}
    assert [len(key) for key in keys] == [len("clew_") + 43] * 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(
            ("--scope", "decide", "--scope", "write"),
            "clew: there is no scope `write`; there are append, append:TYPE_PREFIX, decide, "
            "measure, subjects or admin\n",
            id="scope",
        ),
        pytest.param(("--scope", "decide", "--browser"), "append", id="browser-that-decides"),
        pytest.param(("--scope", "append", "--expires-at", "soon"), "expires_at", id="instant"),
        pytest.param(("--scope", "append", "--rate", "0"), "requests_per_second", id="rate"),
        pytest.param(("--scope", "append", "--tenant", "a/b"), "tenant", id="tenant"),
    ],
)
def test_a_key_at_fault(run: Run, words: tuple[str, ...], said: str) -> None:
    """What a key cannot be is refused, and no key is shown."""
    result = run("key", "new", "--id", "x", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert "$defs" not in result.stderr


@pytest.mark.parametrize(
    "name",
    ["bad id", "", " ", "x" * 129, "a\nb", "a\tb", "a\u00a0b", "a\x1b[31m"],
    ids=["space", "empty", "blank", "long", "lines", "tab", "hard space", "escape"],
)
def test_an_id_that_is_no_word(run: Run, folder: Path, name: str) -> None:
    """A new key's id is a word that people can type and read; else it is said what is wrong."""
    file = folder / "keys.json"
    result = run("key", "new", "--id", name, "--scope", "append", "--keys", file)
    assert (result.exit_code, result.stdout, file.exists()) == (1, "", False)
    [said] = result.stderr.splitlines()
    assert said.startswith("clew: no key can be made: ")
    assert ("one word, such as shop" in said) == (name != "" and len(name) < 100)
    assert "\x1b" not in said


@pytest.mark.parametrize("name", ["shop", "parcels-eu.2", "pizzería", "shop@example"])
def test_an_id_that_is_a_word(run: Run, name: str) -> None:
    """An id may have whatever people write words with."""
    made = run("key", "new", "--id", name, "--scope", "append", "--json")
    assert json.loads(made.stdout)["entry"]["id"] == name


def test_a_key_goes_into_a_file(run: Run, folder: Path) -> None:
    """The file is made for its owner alone, and holds each key's entry, but no key."""
    file = folder / "keys.json"
    for name in ("shop", "parcels"):
        made = run("key", "new", "--id", name, "--scope", "append", "--keys", file)
        assert (made.exit_code, made.stderr) == (0, "")
        assert f"Its entry is in {file}." in made.stdout
        assert "clew_" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one["id"] for one in json.loads(file.read_text())["keys"]] == ["shop", "parcels"]
    assert [path.name for path in folder.iterdir()] == ["keys.json"]
    assert run("key", "check", file).exit_code == 0


def test_what_is_in_the_file_stays(run: Run, folder: Path) -> None:
    """Other entries stay as they were written, as do the file's mode and a link to it."""
    entry = {"id": "old", "tenant": "shop", "hash": hash_key("x"), "scopes": ["decide"]}
    file, link = folder / "kept.json", folder / "keys.json"
    file.write_text(json.dumps({"$schema": "urn:clew:keys:1", "keys": [entry]}))
    file.chmod(0o640)
    link.symlink_to(file)
    assert run("key", "new", "--id", "new", "--scope", "append", "--keys", link).exit_code == 0
    found = json.loads(file.read_text())
    assert (found["$schema"], found["keys"][0]) == ("urn:clew:keys:1", entry)
    assert [one["id"] for one in found["keys"]] == ["old", "new"]
    assert (link.is_symlink(), file.stat().st_mode & 0o777) == (True, 0o640)


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        pytest.param(
            json.dumps(
                {"keys": [{"id": "x", "tenant": "t", "hash": hash_key("x"), "scopes": ["decide"]}]}
            ),
            "keys.json",
            "has a key `x` already; give this one another --id",
            id="same-id",
        ),
        pytest.param("{}", "keys.json", "`keys` is absent", id="fault"),
        pytest.param("", "keys.json", "keys.json: ", id="empty"),
        pytest.param("{}", "absent/keys.json", "make it first", id="no-folder"),
    ],
)
def test_a_file_that_takes_no_key(run: Run, folder: Path, text: str, name: str, said: str) -> None:
    """A file that cannot take the entry is left as it is, and no key is shown."""
    (folder / "keys.json").write_text(text)
    result = run("key", "new", "--id", "x", "--scope", "append", "--keys", folder / name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert said in result.stderr
    assert (folder / "keys.json").read_text() == text


def test_the_readme_s_line_makes_a_file(run: Run, folder: Path) -> None:
    """The command that the README shows leaves the keys file that its next line reads."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    [line] = [one for one in readme.splitlines() if one.startswith("clew key new ")]
    assert run(*line.split()[1:]).exit_code == 0
    assert run("key", "check", "keys.json").exit_code == 0


def test_a_file_is_checked(run: Run, folder: Path) -> None:
    """A good file is shown as a table; one at fault says where, and the exit code tells."""
    entry = {"id": "old", "tenant": "shop", "hash": hash_key("x"), "scopes": ["append:parcel_"]}
    file = folder / "keys.json"
    file.write_text(json.dumps({"keys": [{**entry, "expires_at": "2001-01-01T00:00:00Z"}]}))
    shown = run("key", "check", file)
    assert shown.exit_code == 0
    assert "append:parcel_" in shown.stdout
    assert "expired 2001-01-01" in shown.stdout
    file.write_text(json.dumps({"keys": [{**entry, "hash": "md5:x"}]}))
    wrong = run("key", "check", file)
    assert wrong.exit_code == 1
    assert "/keys/0/hash" in wrong.stderr
