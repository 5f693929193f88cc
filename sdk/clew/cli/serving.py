"""`clew serve`: the backend over HTTP, for applications elsewhere."""

import errno
import os
import socket
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from clew.backends import open_backend
from clew.cli.connection import backend_option
from clew.cli.keys import read_keys
from clew.cli.logs import LOGGING
from clew.cli.show import several, tell
from clew.errors import BackendError, ConfigurationError
from clew.loading import lacking
from clew.policy import build_bundle, load_policy

__all__ = ["serve"]

#: The factory of the application, which uvicorn imports in every worker.
_APPLICATION = "clew_edge.service.main:create"
#: The HTTP protocol, with deadlines.
_PROTOCOL = "clew_edge.service.protocol:Protocol"
#: What `clew serve` needs beside the SDK.
_NEEDED = ("uvicorn", "uvloop", "httptools", "jsonschema_rs")
#: Connections that wait to be accepted.
_BACKLOG = 2_048
#: How long requests may go on after SIGTERM, in seconds.
_GRACE_SECONDS = 10


@click.command()
@backend_option
@click.option(
    "--policy",
    "policy_path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="A policy file or folder; it goes live for each tenant where none is.",
)
@click.option(
    "--keys",
    "keys_path",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="Who may ask; `clew key new` makes entries. Read again when it changes.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65_535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64))
def serve(
    *, url: str, policy_path: Path | None, keys_path: Path, host: str, port: int, workers: int
) -> None:
    """
    Serve the data to applications elsewhere, over HTTP.

    There `clew.Client("https://…")` takes the place of a client of the database.

    Port 0 is any that is free. SIGTERM ends it: what was accepted is finished first.
    """
    _check_installed()
    if url.startswith(("http:", "https:")):
        raise ConfigurationError("clew serve serves a database, not another server: name one")
    if url.startswith("memory:") and workers > 1:
        raise ConfigurationError("memory:// is one process's own; use --workers 1 or a database")
    tenants = sorted({one.tenant for one in read_keys(keys_path).keys})
    os.environ["CLEW_SERVE_BACKEND"] = url
    os.environ["CLEW_SERVE_KEYS"] = str(keys_path)
    bundle = None
    if policy_path is not None:
        bundle = build_bundle(load_policy(policy_path))
        os.environ["CLEW_SERVE_POLICY"] = str(policy_path)
    # First of all the address: where it is in use, nothing is made and nothing goes live.
    with _listening(host, port) as listener:
        lacks = [lack for tenant in tenants if (lack := _lack(url, tenant, bundle))]
        tell(
            f"clew serves at http://{_place(host, listener.getsockname()[1])} "
            f"{_what(url, tenants)}, with {several(workers, 'worker')}"
        )
        for lack in lacks:
            tell(lack)
        _run(listener, workers)


def _what(url: str, tenants: Sequence[str]) -> str:
    """Say whose data are served."""
    if not tenants:
        return f"nobody yet (there are no keys; `clew key new` makes them) from {url}"
    whose = "tenant" if len(tenants) == 1 else "tenants"
    return f"the data of {whose} {', '.join(tenants)} in {url}"


def _lack(url: str, tenant: str, bundle: bytes | None) -> str | None:
    """
    Open the data of a tenant, and say what it lacks.

    Raises:
        ClewError: it cannot be opened; told once, and not by every worker.
    """
    with closing(open_backend(url, tenant=tenant, policy=bundle)) as backend:
        try:
            if backend.policy() is not None:
                return None
        except BackendError as error:  # the server waits until it is mended (`/readyz`)
            return f"the data of {tenant} cannot be read now: {error}"
    lack = f"no policy is live for {tenant}: give --policy PATH"
    if url.startswith("memory:"):  # nobody else can publish one there
        return lack
    return f"{lack}, or clew policy publish PATH --tenant {tenant} --backend {url}"


def _run(listener: socket.socket, workers: int) -> None:
    import uvicorn

    options: dict[str, Any] = {
        "factory": True,
        "http": _PROTOCOL,
        "loop": "uvloop",
        "ws": "none",
        "lifespan": "on",
        "log_config": LOGGING,
        "log_level": "warning",
        "access_log": False,
        "server_header": False,
        "proxy_headers": False,  # nothing here goes by the client's address
        "timeout_graceful_shutdown": _GRACE_SECONDS,
    }
    if workers > 1:
        uvicorn.run(_APPLICATION, fd=listener.fileno(), workers=workers, **options)
        return
    # Given the socket itself the server closes it when it begins to end: who comes then is refused
    # at once, and does not wait in a queue that nobody looks at.
    server = uvicorn.Server(uvicorn.Config(_APPLICATION, **options))
    server.run(sockets=[listener])
    if not server.started:
        raise ConfigurationError("the server could not start; the lines above say why")


def _check_installed() -> None:
    for name in _NEEDED:
        if find_spec(name) is None:
            raise ConfigurationError(lacking(name, "server"))


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            fault = "is in use, perhaps by another clew serve: end that, or"
        else:
            fault = f"cannot be listened at ({error.strerror}):"
        raise ConfigurationError(
            f"{_place(host, port)} {fault} name another address with --host and --port; "
            "port 0 is any that is free"
        ) from error
    # Connections inherit it. asyncio sets it too, but not on a socket that it has as a number:
    # heads and bodies would then wait 40 ms for each other (Nagle's algorithm, RFC 896).
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.set_inheritable(True)
    return listener


def _place(host: str, port: int) -> str:
    """Write an address as URLs have it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
