"""`clew serve` says what is wrong before it serves."""

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from clew.model.keys import hash_key

Run = Callable[..., Result]


@pytest.fixture
def keys(folder: Path) -> Path:
    """A keys file."""
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


def test_a_port_that_is_taken(run: Run, keys: Path) -> None:
    """A port that another program has is told of, and what to do."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = run("serve", "--keys", keys, "--port", other.getsockname()[1])
    assert result.exit_code == 1
    assert "--port" in result.stderr


def test_memory_is_one_process_s_own(run: Run, keys: Path) -> None:
    """Several workers over memory would each have their own data."""
    result = run("serve", "--keys", keys, "--backend", "memory://", "--workers", "2")
    assert result.exit_code == 1
    assert "memory://" in result.stderr
