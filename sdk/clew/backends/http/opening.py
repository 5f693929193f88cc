"""What the entry points `http` and `https` name."""

from typing import Any
from urllib.request import getproxies, proxy_bypass

from clew.backends.http.address import Address, read_address
from clew.backends.http.backend import HttpBackend
from clew.backends.http.full import HttpxTransport
from clew.backends.http.lean import LeanTransport
from clew.backends.http.transport import Transport

__all__ = ["open_http"]


def open_http(url: str, *, key: str | None = None, **options: Any) -> HttpBackend:
    """
    Open `https://[KEY@]host[:port][/prefix][?deadline_ms=50]`; nothing is sent yet.

    Args:
        key: by default the URL's, else `CLEW_KEY`.
        options: as `HttpBackend`.

    Raises:
        ConfigurationError: the URL or the key is none.
    """
    address = read_address(url, key, tenant=options.get("tenant", "default"))
    if address.deadline_ms is not None:
        options.setdefault("deadline_ms", address.deadline_ms)
    return HttpBackend(
        lambda: _transport(address),
        spool_folder=address.folder,
        where=address.base,
        **options,
    )


def _transport(address: Address) -> Transport:
    kind = HttpxTransport if _has_proxy(address) else LeanTransport
    return kind(address)


def _has_proxy(address: Address) -> bool:
    proxies = getproxies()
    is_proxied = address.scheme in proxies or "all" in proxies
    return is_proxied and not proxy_bypass(address.host)
