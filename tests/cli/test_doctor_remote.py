"""`clew doctor` at a server: whether it is one of clew's, how it is, and what waits for it here."""

import json
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from clew import Client
from clew.delivery.dead_letters import DeadLetters
from clew.model.keys import hash_key
from client.worlds import policy
from remote.serving import KEY, PATIENCE_SECONDS, Serving, serving

Run = Callable[..., Result]


@pytest.fixture
def served(folder: Path) -> Iterator[Serving]:
    """A server process."""
    with serving(folder, policy()) as server:
        yield server


def looked(run: Run, url: str, *words: str) -> tuple[int, Any]:
    """Look at a server; gives the exit code and what was found."""
    result = run("doctor", "--backend", url, "--json", *words)
    assert KEY not in result.output
    return result.exit_code, json.loads(result.stdout)


def test_a_server_that_is_well(run: Run, served: Serving) -> None:
    """It is asked how it is; nothing is said of a store and keys that are not here."""
    code, found = looked(run, served.url)
    assert (code, found["reachable"], found["ready"], found["faults"]) == (0, True, True, [])
    assert found["keys"] == "none here; tokens are signed with the server's"
    assert not found.keys() & {"writable", "facts_of_all_tenants", "disk_free_bytes"}


def test_a_server_that_is_not_ready(run: Run, served: Serving) -> None:
    """What `/readyz` says is handed on, though the policy and all else can be read."""
    with closing(sqlite3.connect(served.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        end = time.monotonic() + PATIENCE_SECONDS
        while (result := looked(run, served.url))[0] == 0:
            assert time.monotonic() < end
            time.sleep(0.1)
    code, found = result
    assert (code, found["reachable"], found["ready"]) == (1, True, False)
    [fault] = found["faults"]
    assert "is not ready (/readyz says 503): a store cannot be written" in fault


def with_key(run: Run, served: Serving, *scopes: str) -> tuple[str, Any]:
    """Give the server another key; gives the URL with it, and what was found with it."""
    entry = {"id": "other", "tenant": "default", "scopes": scopes, "hash": hash_key("clew_new")}
    (served.folder / "keys.json").write_text(json.dumps({"keys": [entry]}))
    url = served.url.replace(KEY, "clew_new")
    end = time.monotonic() + PATIENCE_SECONDS
    while (result := looked(run, url))[0]:  # until the server has read its keys again
        assert time.monotonic() < end
    return url, result[1]


def test_a_key_that_writes_alone(run: Run, served: Serving) -> None:
    """A partner's key is not told the policy, and all is well all the same."""
    _, found = with_key(run, served, "append:delivery_")
    assert (found["reachable"], found["ready"], found["faults"]) == (True, True, [])
    assert found["policy"] == "not told to this key"
    assert "lacks the scope `decide`" in found["notes"][0]


def test_a_key_that_decides_alone(run: Run, served: Serving) -> None:
    """A key that may not write is named; once facts wait for it, that is a fault."""
    url, found = with_key(run, served, "decide")
    assert "lacks the scope `append`" in found["notes"][0]
    client = Client(url)
    client.emit("product_viewed", subject="ada")
    client.close(0.0)
    code, found = looked(run, url)
    assert code == 1
    assert "lacks the scope `append`" in found["faults"][0]


def test_a_key_of_another_tenant(run: Run, served: Serving) -> None:
    """Whoever means another tenant than the key's is told so, and changes nothing."""
    code, found = looked(run, served.url, "--tenant", "acme")
    assert code == 1
    assert "this key opens tenant 'default', not 'acme'" in found["faults"][0]


def test_what_waits_for_another_url_is_told_of(run: Run, served: Serving, folder: Path) -> None:
    """What a dead process left behind for a URL that was mistyped is found where it lies."""
    client = Client(f"http://{KEY}@nohost.invalid")
    client.emit("product_viewed", subject="ada")
    client.close(0.0)
    [spool] = folder.glob("clew-nohost.invalid-*.spool")
    code, found = looked(run, served.url)
    assert code == 0
    assert f"facts wait in {spool.name}" in found["notes"][0]


@contextmanager
def elsewhere(folder: Path) -> Iterator[str]:
    """A server of files; gives its URL, with a key."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://{KEY}@127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_another_server_is_none_of_clews(run: Run, folder: Path) -> None:
    """A server that has no policy because it knows of none is told from one without a live one."""
    with elsewhere(folder) as url:
        code, found = looked(run, url)
    assert (code, found["reachable"]) == (1, False)
    [fault] = found["faults"]
    assert "is no clew server: it answers 404 for /clew/v1/policy" in fault


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        pytest.param(502, b"<html>bad gateway", "answered 502", id="its proxy is alone"),
        pytest.param(200, b'{"new": 1}', "policy", id="its policy is of a newer version"),
    ],
)
def test_a_server_that_cannot_be_read_is_no_stranger(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, says: str
) -> None:
    """Only who knows nothing of a policy is taken for somebody else; what is wrong is told."""

    def answer(self: SimpleHTTPRequestHandler) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    monkeypatch.setattr(SimpleHTTPRequestHandler, "do_GET", answer)
    with elsewhere(folder) as url:
        code, found = looked(run, url)
    assert (code, found["reachable"]) == (1, False)
    [fault] = found["faults"]
    assert says in fault
    assert "no clew server" not in fault


def test_a_path_that_is_not_the_servers(run: Run, served: Serving) -> None:
    """A path too much in the URL is named."""
    code, found = looked(run, f"{served.url}/shop")
    assert (code, found["reachable"]) == (1, False)
    [fault] = found["faults"]
    assert "leave the path /shop out of the URL" in fault


def test_a_server_without_a_policy(run: Run, served: Serving) -> None:
    """A server of clew's that has no policy says so itself."""
    with closing(sqlite3.connect(served.database)) as file:
        file.execute("DELETE FROM settings WHERE name LIKE 'policy%'")
        file.commit()
    end = time.monotonic() + PATIENCE_SECONDS
    while (result := looked(run, served.url))[0] == 0:
        assert time.monotonic() < end
        time.sleep(0.05)
    [fault] = result[1]["faults"]
    assert "no policy is live" in fault
    assert (result[1]["reachable"], result[1]["ready"]) == (True, True)


def test_what_waits_for_a_server_is_counted(run: Run, folder: Path) -> None:
    """Facts and dead letters in the folder that a client takes when nobody says are told."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://{KEY}@127.0.0.1:{free.getsockname()[1]}"
    client = Client(url)
    for _ in range(3):
        client.emit("product_viewed", subject="ada")
    [spool] = folder.glob("clew-127.0.0.1-*.spool")
    DeadLetters(spool / "of-default").add(b"{}", "schema: bad")
    code, found = looked(run, url)
    assert (code, found["reachable"]) == (1, False)
    assert (found["facts_waiting"], found["dead_letters"]) == (3, 1)
    assert found["spool"]["in_use"] == 1
    assert client.close(0.0) == 3
    _, found = looked(run, url, "--spool", str(spool))
    assert (found["facts_waiting"], found["spool"]["left_behind"]) == (3, 1)
