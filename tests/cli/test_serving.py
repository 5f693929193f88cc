"""`clew serve` says what is wrong before it serves."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from clew.model.keys import hash_key

Run = Callable[..., Result]


@pytest.fixture
def keys(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keys file; what the command tells its workers by the environment ends with the test."""
    for name in ("BACKEND", "KEYS", "POLICY"):
        monkeypatch.setenv(f"CLEW_SERVE_{name}", "")
        monkeypatch.delenv(f"CLEW_SERVE_{name}")
    file = folder / "keys.json"
    entry = {"id": "x", "tenant": "shop", "hash": hash_key("x"), "scopes": ["append"]}
    file.write_text(json.dumps({"keys": [entry]}))
    return file


def test_a_keys_file_at_fault(run: Run, keys: Path) -> None:
    """A keys file with a fault is told of in one line, with its name."""
    keys.write_text("{}")
    result = run("serve", "--keys", keys)
    assert result.exit_code == 1
    assert "keys.json" in result.stderr
    assert "`keys` is absent" in result.stderr


def test_a_keys_file_that_is_absent(run: Run, folder: Path) -> None:
    """Without a keys file it is said how to make one."""
    result = run("serve", "--keys", folder / "keys.json")
    assert result.exit_code == 1
    assert f"there is no {folder / 'keys.json'}; make it with `clew key new" in result.stderr


def test_a_policy_at_fault(run: Run, keys: Path, folder: Path) -> None:
    """A policy with a fault is told of before any worker starts."""
    policy = folder / "policy.json"
    policy.write_text('{"id": "x"}')
    result = run("serve", "--keys", keys, "--policy", policy)
    assert result.exit_code == 1
    assert "version" in result.stderr


@pytest.mark.parametrize("workers", [1, 2])
def test_a_port_that_is_taken(run: Run, keys: Path, policy: Path, workers: int) -> None:
    """A port that another program has is told of, with what to do, and nothing is made before."""
    words = ["--keys", keys, "--policy", policy, "--workers", workers]
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run("serve", *words, "--port", port)
    assert result.exit_code == 1
    assert result.stderr == (
        f"clew: 127.0.0.1:{port} is in use, perhaps by another clew serve: end that, or name "
        "another address with --host and --port; port 0 is any that is free\n"
    )
    assert sorted(path.name for path in keys.parent.iterdir()) == ["keys.json", "policy.json"]


def test_an_address_of_another_machine(run: Run, keys: Path) -> None:
    """An address that is not this machine's is told of as such."""
    result = run("serve", "--keys", keys, "--host", "192.0.2.1")
    assert result.exit_code == 1
    assert "192.0.2.1:8000 cannot be listened at (" in result.stderr
    assert not (keys.parent / "clew.db").exists()


def test_another_server_is_no_database(run: Run, keys: Path) -> None:
    """A server in front of another would only pretend to store anything."""
    result = run("serve", "--keys", keys, "--backend", "https://key@clew.example")
    assert result.exit_code == 1
    assert "serves a database, not another server" in result.stderr


def test_memory_is_one_process_s_own(run: Run, keys: Path) -> None:
    """Several workers over memory would each have their own data."""
    result = run("serve", "--keys", keys, "--backend", "memory://", "--workers", "2")
    assert result.exit_code == 1
    assert "memory://" in result.stderr


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        pytest.param("sqlite:///nowhere/clew.db", "nowhere", id="no folder"),
        pytest.param("sqlite:///keys.json", "not a database", id="no database"),
        pytest.param("postgres://x", "postgres://", id="no such backend"),
    ],
)
def test_data_that_cannot_be_opened(run: Run, keys: Path, backend: str, said: str) -> None:
    """What is wrong with the data is told in one line, and nothing is served."""
    result = run("serve", "--keys", keys, "--backend", backend)
    assert result.exit_code == 1
    assert said in result.stderr
    assert (result.stderr.count("\n"), result.stdout) == (1, "")


@pytest.mark.parametrize(
    ("tenants", "said"),
    [
        pytest.param(
            ["shop"],
            ["the data of tenant shop in sqlite:///", "no policy is live for shop: give --policy"],
            id="policy",
        ),
        pytest.param(["shop", "club"], ["the data of tenants club, shop in sqlite:///"], id="two"),
        pytest.param([], ["nobody yet (there are no keys; `clew key new` makes them)"], id="keys"),
    ],
)
def test_what_is_served_and_lacking(
    keys: Path, folder: Path, tenants: list[str], said: list[str]
) -> None:
    """A server says whose data it serves, and one that can do nothing yet what it lacks."""
    [entry] = json.loads(keys.read_bytes())["keys"]
    entries = [{**entry, "id": tenant, "tenant": tenant} for tenant in tenants]
    keys.write_text(json.dumps({"keys": entries}))
    words = ["--keys", str(keys), "--backend", f"sqlite:///{folder}/new.db", "--port", "0"]
    with subprocess.Popen(
        [sys.executable, "-c", "from clew.cli import main; main()", "serve", *words],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for words_said in said:
            assert words_said in process.stdout.readline()
        process.terminate()
