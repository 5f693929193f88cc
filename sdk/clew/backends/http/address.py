"""Where the server is and who asks: a backend's URL, taken apart."""

import hashlib
import os
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from attrs import field, frozen

from clew.errors import ConfigurationError

__all__ = ["Address", "read_address"]

#: Whose data a key opens is not asked for where nobody has named a tenant.
_NO_TENANT = "default"
#: What the client puts before every path itself.
_ROUTES = "/clew/v1"
_EXAMPLE = "use for example https://KEY@clew.example.com, or give the key as CLEW_KEY"


@frozen
class Address:
    """A server and the key to it."""

    #: `https` or `http`.
    scheme: str
    host: str
    port: int
    #: What every path begins with; "" or "/…" without a slash at its end.
    prefix: str
    #: Never shown.
    key: str = field(repr=False)
    #: How long a decision may take, in milliseconds, if the URL says so.
    deadline_ms: float | None = None
    #: Whose data the application takes it for.
    tenant: str = _NO_TENANT

    @property
    def base(self) -> str:
        """The server's address, without the key."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.prefix}"

    @property
    def headers(self) -> dict[str, str]:
        """
        What every request says: who asks, and for whose data.

        The key alone opens a tenant. One of another tenant than the application means is refused,
        or the data of several would be thrown together.
        """
        headers = {"Authorization": f"Bearer {self.key}", "Accept": "application/json"}
        if self.tenant != _NO_TENANT:
            headers["Clew-Tenant"] = quote(self.tenant, safe="")
        return headers

    @property
    def folder(self) -> Path:
        """
        Where facts on their way to it wait, relative to the working directory.

        Each key has a folder of its own, for facts that one tenant's process left behind must
        never be delivered with the key of another's.
        """
        digest = hashlib.sha256(f"{self.base} {self.key}".encode()).hexdigest()[:12]
        return Path(f"clew-{self.host.replace(':', '-')}-{digest}.spool")


def read_address(url: str, key: str | None = None, *, tenant: str = _NO_TENANT) -> Address:
    """
    Read `https://[KEY@]host[:port][/prefix][?deadline_ms=50]`.

    Args:
        key: by default the URL's, else `CLEW_KEY`.
        tenant: whose data the application takes it for.

    Raises:
        ConfigurationError: the URL names no server, there is no key, or the query says something
            unknown. The key is in no message.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError(f"this is no URL of a server ({error}); {_EXAMPLE}") from None
    if not parts.hostname:
        raise ConfigurationError(f"the URL names no host; {_EXAMPLE}")
    if _ROUTES in parts.path:
        before = parts.path.partition(_ROUTES)[0]
        raise ConfigurationError(
            f"leave {parts.path.removeprefix(before)} out of the URL: the client adds it"
        )
    found = key or unquote(parts.username or "") or os.environ.get("CLEW_KEY", "")
    if not found:
        raise ConfigurationError(f"there is no key for {parts.hostname}; {_EXAMPLE}")
    if not found.isascii() or not found.isprintable() or " " in found:
        raise ConfigurationError("the key has characters that no key has; copy it anew")
    return Address(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or (443 if parts.scheme == "https" else 80),
        prefix=parts.path.rstrip("/"),
        key=found,
        deadline_ms=_deadline(parts.query),
        tenant=tenant,
    )


def _deadline(query: str) -> float | None:
    given = parse_qs(query, keep_blank_values=True)
    unknown = sorted(given.keys() - {"deadline_ms"})
    if unknown:
        raise ConfigurationError(
            f"the URL's query has {', '.join(unknown)}; it may have deadline_ms alone"
        )
    if not given:
        return None
    try:
        deadline = float(given["deadline_ms"][-1])
    except ValueError:
        deadline = 0.0
    if not 0.0 < deadline < float("inf"):
        raise ConfigurationError("deadline_ms in the URL is a number of milliseconds above 0")
    return deadline
