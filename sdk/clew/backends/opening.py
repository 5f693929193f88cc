"""What the entry points `clew.backends` name: one function per URL scheme."""

from typing import Any

from clew.backends.base import Backend
from clew.backends.embedded import Embedded

__all__ = ["open_http", "open_memory", "open_sqlite"]


def open_http(url: str, **options: Any) -> Backend:
    """Open `https://KEY@host`; options as `clew.backends.http.opening.open_http`."""
    from clew.backends.http import opening

    return opening.open_http(url, **options)


def open_memory(url: str, **options: Any) -> Embedded:
    """Open `memory://`: each time a new store, gone with the process; options as `Embedded`."""
    from clew.backends.memory import store_from_url

    return Embedded(store_from_url(url), **options)


def open_sqlite(url: str, **options: Any) -> Embedded:
    """Open `sqlite:///file.db`; options as `Embedded`."""
    from clew.backends.sqlite import store_from_url

    return Embedded(store_from_url(url), **options)
