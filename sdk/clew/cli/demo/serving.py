"""The shop on a real port, served beside the simulation."""

import errno
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from threading import Thread

from clew.errors import ConfigurationError

__all__ = ["served"]

_HOST = "127.0.0.1"


@contextmanager
def served(app: Callable[..., Awaitable[None]], port: int) -> Iterator[str]:
    """
    Serve an application for as long as the block lasts; gives its address.

    Only this machine can reach it.

    Args:
        port: 0 takes any that is free.

    Raises:
        ConfigurationError: the port is taken.
    """
    import uvicorn

    with _bound(port) as listener:
        # From here on connections wait for the server, so nobody has to wait for its start.
        listener.listen()
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        # A thread of its own, so that Ctrl-C stays ours.
        thread = Thread(target=server.run, args=([listener],), name="shop", daemon=True)
        thread.start()
        try:
            yield f"http://{_HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _bound(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise ConfigurationError(
            f"port {port} is taken; name another with --port, or 0 for any that is free"
        ) from error
