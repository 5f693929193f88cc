"""`clew serve` in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import orjson

from client.worlds import policy
from edge.service.asking import write_keys

__all__ = ["KEY", "Served"]

#: A key that may do everything with tenant `shop`.
KEY = "clew_all"

PATIENCE_SECONDS = 60
_MAIN = "from clew.cli import main; main()"


class Served:
    """
    A server over a database in a folder; it can be killed, ended and started again.

    Args:
        document: the policy.
        log: a file for what it writes to its standard error.
    """

    def __init__(
        self, folder: Path, document: Mapping[str, Any] | None = None, *, log: Path | None = None
    ) -> None:
        self.database = folder / "clew.db"
        self.log = log
        self.port = 0
        self._policy = folder / "policy.json"
        self.keys = folder / "keys.json"
        self._policy.write_bytes(orjson.dumps(document or policy()))
        write_keys(self.keys, {KEY: {"tenant": "shop", "scopes": ["admin"]}})
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.process is not None:
            self.kill()

    def start(self, *options: str) -> None:
        """Start it, at the same port as before, and wait until it listens."""
        words = ["--backend", f"sqlite:///{self.database}", "--policy", str(self._policy)]
        words += ["--keys", str(self.keys), "--port", str(self.port), *options]
        with nullcontext() if self.log is None else self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _MAIN, "serve", *words],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found, line
        self.port = int(found[1])

    def kill(self) -> None:
        """End it as a power cut does: nothing of it runs any more."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)  # its workers, too, would outlive it
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask it to end; gives its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code
