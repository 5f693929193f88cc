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
        pytest.param(("--scope", "write"), "scopes", id="scope"),
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
