"""Examples that are servers: which they are, and one at work as its reader would start it."""

import os
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copy, copytree
from subprocess import PIPE, Popen
from threading import Timer

import httpx

__all__ = ["EXAMPLES", "RUNNABLE", "is_server", "served"]

EXAMPLES = Path(__file__).parents[2] / "examples"
#: Every file, and every folder that runs as a module.
RUNNABLE = sorted(
    path for path in EXAMPLES.iterdir() if path.suffix == ".py" or (path / "__main__.py").is_file()
)

#: After so many seconds a server that hangs is ended, and its test fails.
PATIENCE_SECONDS = 120.0
#: A browser and what it asks for: httpx by its own name is taken for a program.
_BROWSER = {"user-agent": "Mozilla/5.0 Firefox/140.0", "accept": "text/html,*/*;q=0.8"}
_ANNOUNCED = re.compile(r"Uvicorn running on (http://\S+)")
_FAULT = re.compile(r"Traceback|Warning|WARNING|ERROR|CRITICAL")


def is_server(example: Path) -> bool:
    """Whether an example serves until it is stopped: it runs uvicorn."""
    entry = example / "__main__.py" if example.is_dir() else example
    return "uvicorn.run(" in entry.read_text(encoding="utf-8")


@contextmanager
def served(example: Path, folder: Path, *arguments: str) -> Iterator[httpx.Client]:
    """
    Serve a copy of an example out of a folder that holds nothing else; gives a browser there.

    Args:
        arguments: what `python` is given; the port, where they leave it open, is a free one.

    Raises:
        AssertionError: the server did not start, did not stop, or had a fault or warning to tell.
    """
    (copytree if example.is_dir() else copy)(example, folder / example.name)
    command = [sys.executable, "-B", "-W", "error", *arguments]
    free = {**os.environ, "PORT": "0"}
    with Popen(command, cwd=folder, env=free, stderr=PIPE, text=True) as server:
        last_resort = Timer(PATIENCE_SECONDS, server.kill)
        last_resort.start()
        logged = []
        try:
            with httpx.Client(
                base_url=_address(server, logged),
                headers=_BROWSER,
                follow_redirects=True,
                timeout=PATIENCE_SECONDS,
            ) as browser:
                yield browser
        finally:
            server.send_signal(signal.SIGINT)  # as Ctrl-C does
            logged.append(server.communicate()[1])
            last_resort.cancel()
    told = "".join(logged)
    assert server.returncode == 0, told
    assert not _FAULT.search(told), told


def _address(server: Popen[str], logged: list[str]) -> str:
    """Read what a server logs until it says where it is; with port 0 only it can know."""
    assert server.stderr is not None
    for line in server.stderr:
        logged.append(line)
        found = _ANNOUNCED.search(line)
        if found is not None:
            return found.group(1)
    raise AssertionError("the server did not start:\n" + "".join(logged))
