"""`clew serve` as a process of its own, on a database and a port that outlive it."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from attrs import define

from clew.model.keys import hash_key

__all__ = ["Serving", "serving"]

KEY = "clew_remote-tests"
_SERVE = "from clew.cli import main; main()"
#: Long enough for the slowest machine; whoever waits in vain fails by it.
PATIENCE_SECONDS = 60


@define
class Serving:
    """
    One server.

    Args:
        folder: where its database, policy and keys are.
        port: where it listens.
    """

    folder: Path
    port: int
    _process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where clients find it, with their key."""
        return f"http://{KEY}@127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        """What it serves."""
        return self.folder / "served.db"

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-c", _SERVE, "serve", "--port", str(self.port)]
        options = {
            "--backend": f"sqlite:///{self.database}",
            "--policy": self.folder / "policy.json",
            "--keys": self.folder / "keys.json",
        }
        for name, value in options.items():
            command += [name, str(value)]
        log = (self.folder / "log").open("a")
        self._process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
        log.close()
        end = time.monotonic() + PATIENCE_SECONDS
        while not self._listens():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as an operator would."""
        self._end(signal.SIGTERM)

    def _listens(self) -> bool:
        with socket.socket() as client:
            client.settimeout(1.0)
            if client.connect_ex(("127.0.0.1", self.port)) != 0:
                return False
            client.sendall(b"GET /readyz HTTP/1.1\r\nHost: clew\r\nConnection: close\r\n\r\n")
            try:
                return re.match(rb"HTTP/1.1 200", client.recv(64)) is not None
            except TimeoutError:
                return False

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PATIENCE_SECONDS)
            self._process = None


@contextmanager
def serving(folder: Path, policy: Mapping[str, Any]) -> Iterator[Serving]:
    """A server that runs, with one key that may do everything."""
    key = {"id": "tests", "tenant": "default", "hash": hash_key(KEY), "scopes": ["admin"]}
    (folder / "keys.json").write_bytes(orjson.dumps({"keys": [key]}))
    (folder / "policy.json").write_bytes(orjson.dumps(policy))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Serving(folder, port)
    try:
        server.start()
        yield server
    finally:
        server.stop()
