"""The backend at a server, over HTTP: see `clew.backends.http.backend`."""

from clew.backends.http.backend import HttpBackend
from clew.backends.http.transport import Response, Transport

__all__ = ["HttpBackend", "Response", "Transport"]
