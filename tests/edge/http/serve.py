"""
Runs the site on a real server: `python -m edge.http.serve h11` (or `httptools`).

Says its port in the first line, and ends when its standard input does: also when whoever started
it is killed.
"""

import logging
import socket
import sys
import tempfile
import threading
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from edge.http.site import PAGE, StuckStore, create_app
from edge.worlds import allow, shop_client

__all__ = ["run"]


def run(app: ASGIApp, http: str) -> None:
    """Serve an application on a free port of this machine until the standard input ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, http=http, log_config=None, access_log=False, timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)

    def stop_with_our_starter() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=stop_with_our_starter, daemon=True).start()
    sys.stdout.write(f"{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    server.run(sockets=[listening])


def main(http: str) -> None:
    """Serve the site, with `ada` as a visitor who allows personalising."""
    logging.basicConfig(level=logging.WARNING)
    store = StuckStore()
    with tempfile.TemporaryDirectory() as folder, shop_client(store=store) as client:
        file = Path(folder) / "page.html"
        file.write_bytes(PAGE)
        allow(client, "ada")
        run(create_app(client, store, file), http)
        store.goes.set()


if __name__ == "__main__":
    main(sys.argv[1])
