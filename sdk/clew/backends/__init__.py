"""
Where the data lies: opened by URL, found through the entry points `clew.backends`.

`memory://`, `sqlite:///relative.db`, `sqlite:////absolute.db`, `https://KEY@host` (a `clew serve`);
other distributions add theirs.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

from clew.backends.base import Backend
from clew.errors import ConfigurationError, MissingBackendError

__all__ = ["open_backend"]


def open_backend(
    url: str, *, tenant: str = "default", keys: Sequence[str] = (), **options: Any
) -> Backend:
    """
    Open the backend that a URL names.

    Args:
        url: `scheme://…`; the scheme chooses the backend.
        tenant: whose data it is.
        keys: signing keys, newest first; by default those of `CLEW_KEYS`, if it is set (RULES K1).
        options: handed to the backend: `policy` (a canonical bundle), `clock`; inside the process
            `uniform`; at a server `key` and `deadline_ms`.

    Raises:
        ConfigurationError: this is no URL, or the backend cannot be opened as asked.
        MissingBackendError: nothing installed answers for the scheme.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise ConfigurationError(
            f"{url!r} is no backend URL; use for example sqlite:///clew.db, memory://, or "
            "https://host of a clew server"
        )
    opener = _ours(scheme) or _installed(scheme)
    given = keys or tuple(key for key in os.environ.get("CLEW_KEYS", "").split(",") if key)
    return opener(url, tenant=tenant, keys=given, **options)


def _ours(scheme: str) -> Callable[..., Backend] | None:
    """Our own openers, known without asking what is installed, which would take 40 ms."""
    from clew.backends import opening

    return {
        "http": opening.open_http,
        "https": opening.open_http,
        "memory": opening.open_memory,
        "sqlite": opening.open_sqlite,
    }.get(scheme)


def _installed(scheme: str) -> Callable[..., Backend]:
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group="clew.backends")}
    if scheme not in found:
        installed = ", ".join(f"{name}://" for name in sorted(found)) or "none"
        raise MissingBackendError(f"no backend for {scheme}://; installed are: {installed}")
    return found[scheme].load()  # type: ignore[no-any-return]
