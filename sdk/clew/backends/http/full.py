"""The transport through a proxy: httpx, which finds it as the system says."""

import threading
from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING

from clew.backends.http.address import Address
from clew.backends.http.transport import (
    BODY_MAX,
    TOO_LARGE,
    TOO_LATE,
    Response,
    UnreachableError,
    unanswered,
)
from clew.errors import BackendUnavailableError
from clew.loading import loading

if TYPE_CHECKING:
    import httpx

__all__ = ["HttpxTransport"]


class HttpxTransport:
    """
    Carries requests over httpx; as `Transport`.

    It is imported with the first request, for that takes a tenth of a second. The head of an answer
    may trickle here: httpx reads it as a whole, with a deadline for each piece alone.
    """

    def __init__(self, address: Address) -> None:
        self._base = address.base
        self._headers = address.headers
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float,
    ) -> Response:
        """As `Transport.request`."""
        with loading:
            import httpx

            client = self._opened()
        try:
            with client.stream(
                method,
                f"{self._base}{path}",
                content=body,
                headers=dict(headers or {}),
                timeout=seconds,
            ) as answer:
                content = _body_of(answer, seconds)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise UnreachableError(unanswered(self._base, error)) from error
        except (httpx.HTTPError, RuntimeError) as error:  # RuntimeError: it was closed meanwhile
            raise BackendUnavailableError(unanswered(self._base, error)) from error
        return Response(answer.status_code, content, answer.headers)

    def close(self) -> None:
        """As `Transport.close`."""
        with self._lock:
            if self._client is not None:
                self._client.close()

    def _opened(self) -> "httpx.Client":
        import httpx

        with self._lock:
            if self._client is None:
                self._client = httpx.Client(headers=self._headers, follow_redirects=False)
            return self._client


def _body_of(answer: "httpx.Response", seconds: float) -> bytes:
    """Read a body that is complete in time and not too large."""
    import httpx

    until = monotonic() + seconds
    body = bytearray()
    for piece in answer.iter_bytes():
        body += piece
        if len(body) > BODY_MAX:
            raise httpx.ReadError(TOO_LARGE)
        if monotonic() > until:
            raise httpx.ReadTimeout(TOO_LATE)
    return bytes(body)
