"""
The port to the network: one request, one answer.

Whoever has another HTTP library, or a proxy of their own, writes this and hands it to
`HttpBackend`; nothing above it knows sockets.
"""

from collections.abc import Mapping
from typing import Protocol

from attrs import Factory, frozen

from clew.errors import BackendUnavailableError

__all__ = [
    "BODY_MAX",
    "TOO_LARGE",
    "TOO_LATE",
    "Response",
    "Transport",
    "UnreachableError",
    "unanswered",
]

#: The largest body of an answer, in bytes. A policy or a list of decisions has a few megabytes at
#: most; more is a fault of whatever answers, and must not take the memory of the application.
BODY_MAX = 64 * 1024 * 1024

TOO_LARGE = f"its answer is larger than {BODY_MAX} bytes: is this the URL of a clew server?"
TOO_LATE = "its answer was not complete in time"

#: How OpenSSL says that what answers is no TLS.
_NO_TLS = "WRONG_VERSION_NUMBER"


class UnreachableError(BackendUnavailableError):
    """There was no way to the server: it cannot have got the request."""


@frozen
class Response:
    """What the server answered, whatever its status."""

    status: int
    body: bytes = b""
    #: By lower-case name.
    headers: Mapping[str, str] = Factory(dict)


class Transport(Protocol):
    """Carries requests to one server; safe to share between threads."""

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float,
    ) -> Response:
        """
        Send a request and give the answer.

        Args:
            path: below the server's address, with its query.
            headers: besides those that every request has.
            seconds: how long the server may take to be reached, to take the request and to give
                the whole answer, each; one that hangs ends by it, and one that trickles.

        Raises:
            UnreachableError: the request has not left.
            BackendUnavailableError: there was no answer, or more than `BODY_MAX` of it; the server
                may have done what was asked.
        """
        ...

    def close(self) -> None:
        """Close what is open; safe to call twice, and while requests are under way."""
        ...


def unanswered(base: str, error: Exception) -> str:
    """Say why a server at an address gave no answer, and what is likely wrong with its URL."""
    said = f"{base}: {type(error).__name__}: {error}"
    if _NO_TLS in said:
        said += "; it does not speak TLS: is its URL http:// instead of https://?"
    return said
