"""`clew serve` as a process: it ends in order, and gives its time to nobody who wastes it."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from clew_edge.service import protocol
from edge.service.asking import consent, signal
from edge.service.clients import Insisting
from edge.service.serving import KEY, PATIENCE_SECONDS, Served

HEAD = b"POST /clew/v1/append HTTP/1.1\r\nhost: x\r\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server process."""
    with Served(tmp_path) as server:
        yield server


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server process for all that does not end it."""
    with Served(tmp_path_factory.mktemp("server")) as server:
        yield server


def said(server: Served, *pieces: bytes) -> bytes:
    """Send bytes on a connection of its own; gives what came back until the server closed it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_SECONDS) as link:
        answer = b""
        try:
            for piece in pieces:
                link.sendall(piece)
            while more := link.recv(65_536):
                answer += more
        except (BrokenPipeError, ConnectionResetError):
            pass
        return answer


def appended(server: Served, item: Any) -> str:
    """Store an item over a connection of its own; gives what became of it."""
    with Insisting(server.port, KEY) as client:
        return client.append(item)


def lives(server: Served) -> bool:
    """Whether it still serves others."""
    return httpx.get(f"http://127.0.0.1:{server.port}/healthz", trust_env=False).status_code == 200


def test_sigterm_finishes_what_was_accepted(served: Served) -> None:
    """A request that is being sent when SIGTERM comes is answered and stored, and then it ends."""
    appended(served, consent())
    body = orjson.dumps({"items": [signal("s-last")]})
    head = HEAD + b"authorization: Bearer %s\r\ncontent-length: %d\r\n\r\n" % (
        KEY.encode(),
        len(body),
    )
    link = socket.create_connection(("127.0.0.1", served.port), timeout=PATIENCE_SECONDS)
    with link:
        link.sendall(head + body[:10])
        # It is being read once a later request has been answered.
        assert lives(served)
        ending = threading.Thread(target=served.stop)
        ending.start()
        _wait_until_refused(served.port)
        link.sendall(body[10:])
        answer = b"".join(iter(lambda: link.recv(65_536), b""))
        ending.join(PATIENCE_SECONDS)
    assert b'"status":"applied"' in answer
    served.start()
    assert appended(served, signal("s-last")) == "duplicate"


def test_what_was_decided_outlives_the_end(served: Served) -> None:
    """Decisions and outcomes are in the store after an orderly end, and after a restart (D7)."""
    appended(served, consent())
    with Insisting(served.port, KEY) as client:
        asked = {"slots": ["hero"], "subject": "ada"}
        [made] = client.post("/clew/v1/decide", asked)["decisions"]
    served.stop()
    served.start()
    url = f"http://127.0.0.1:{served.port}/clew/v1/decisions/{made['id']}"
    found = httpx.get(url, headers={"authorization": f"Bearer {KEY}"}, trust_env=False)
    assert found.json()["creative"] == made["creative"]


def test_several_workers(served: Served) -> None:
    """Workers share one database: what one acknowledged, all know."""
    served.stop()
    served.start("--workers", "2")
    for number in range(8):
        assert appended(served, consent()) == ("duplicate" if number else "applied")


def test_a_line_of_the_log_says_when(tmp_path: Path) -> None:
    """What a server tells begins with the instant, how grave it is, and which process says so."""
    with Served(tmp_path, log=tmp_path / "log") as server:
        appended(server, consent())  # it has read its keys
        server.keys.write_text("no keys")
        told = re.compile(
            r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z ERROR (\d+) clew\.service: .*keys\.json:",
            re.MULTILINE,
        )
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while not (found := told.search((tmp_path / "log").read_text())):
            assert time.monotonic() < ends_at
            appended(server, consent())
        assert server.process is not None
        assert int(found[1]) == server.process.pid


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(
            b"content-length: 4\r\ntransfer-encoding: chunked\r\n", id="length-and-chunked"
        ),
        pytest.param(b"content-length: 4\r\ncontent-length: 5\r\n", id="two-lengths"),
        pytest.param(b"content-length: -1\r\n", id="negative-length"),
        pytest.param(b"content-length: 4, 4\r\n", id="a-list-of-lengths"),
        pytest.param(b"transfer-encoding: xchunked\r\n", id="another-coding"),
        pytest.param(
            b"transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n", id="two-codings"
        ),
        pytest.param(b"bad header\r\n", id="no-colon"),
        pytest.param(b" folded: x\r\n", id="folded"),
        pytest.param(b"x: a\0b\r\n", id="nul"),
    ],
)
def test_a_request_that_could_be_read_two_ways(shared: Served, head: bytes) -> None:
    """What a proxy might read otherwise is refused, and nothing behind it is served (T24)."""
    behind = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    answer = said(shared, HEAD + head + b"\r\n", b"0\r\n\r\n" + behind)
    assert answer.startswith(b"HTTP/1.1 4")
    assert answer.count(b"HTTP/1.1 ") == 1 or b'"status":"ok"' not in answer
    assert lives(shared)


def test_a_head_without_end(shared: Served) -> None:
    """A head beyond its bound ends the connection."""
    line = b"x-long: " + b"x" * 8_192 + b"\r\n"
    assert said(shared, HEAD, *([line] * (2 * protocol.HEAD_BYTES_MAX // 8_192))) == b""
    assert lives(shared)


def _wait_until_refused(port: int) -> None:
    """Wait until the server takes no new connections."""
    for _ in range(10_000):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS).close()
        except OSError:
            return
    raise AssertionError("it still takes connections")
