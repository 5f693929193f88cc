"""
Clients of other makers, which are told what to do in the same words: `segment(url, key, calls)`.

Those for Python are in the dependency group `server`. Those for Node.js are in `node/package.json`,
and found by NODE_PATH.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeAlias

from edge.http.wire import GUARD_SECONDS

__all__ = ["MAKERS", "Call", "Maker", "is_installed"]

#: The method, and the message in the words of Segment's specification.
Call: TypeAlias = tuple[str, Mapping[str, Any]]

#: Has a client call a server with a key, and waits until all calls are answered; gives what the
#: client said of failures.
Maker: TypeAlias = Callable[[str, str, Iterable[Call]], list[str]]

_NODE = shutil.which("node")
_SEND = Path(__file__).parent / "node" / "send.cjs"


def _segment(url: str, key: str, calls: Iterable[Call]) -> list[str]:
    from segment.analytics.client import Client

    return _called(partial(Client, key, host=url, gzip=True, timeout=GUARD_SECONDS), calls)


def _rudderstack(url: str, key: str, calls: Iterable[Call]) -> list[str]:
    from rudderstack.analytics.client import Client

    return _called(partial(Client, key, host=url, timeout=GUARD_SECONDS), calls)


def _called(new: Callable[..., Any], calls: Iterable[Call]) -> list[str]:
    complaints: list[str] = []
    client = new(on_error=lambda error, _batch: complaints.append(str(error)))
    for call, message in calls:
        taken, _ = getattr(client, call)(**{_snake(name): v for name, v in message.items()})
        assert taken
    client.flush()
    client.join()
    return complaints


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda found: f"_{found[0].lower()}", name)


def _on_node(package: str, url: str, key: str, calls: Iterable[Call]) -> list[str]:
    done = subprocess.run(
        (_NODE or "node", str(_SEND), package, url, key),
        input=json.dumps(list(calls)),
        capture_output=True,
        check=False,
        text=True,
        timeout=GUARD_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    complaints: list[str] = json.loads(done.stdout.splitlines()[-1])
    return complaints


_PACKAGES = {
    "segment, Node.js": "@segment/analytics-node",
    "rudderstack, Node.js": "@rudderstack/rudder-sdk-node",
}

MAKERS: Mapping[str, Maker] = {
    "segment": _segment,
    "rudderstack": _rudderstack,
    **{name: partial(_on_node, package) for name, package in _PACKAGES.items()},
}


@cache
def is_installed(maker: str) -> bool:
    """Whether a client is here; those for Python are, by the project's own dependencies."""
    if maker not in _PACKAGES:
        return True
    if _NODE is None:
        return False
    asked = (_NODE, "-e", f"require.resolve('{_PACKAGES[maker]}')")
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0
