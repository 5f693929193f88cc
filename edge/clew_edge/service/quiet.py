"""
A connection on which nobody can fill the log: uvicorn writes a line, or two, for each request that
is no HTTP or asks for another protocol, and for that no key is needed.
"""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from clew_edge.service.trouble import Repeats

__all__ = ["QuietProtocol"]

#: Of all connections of this process.
repeats = Repeats()


class QuietProtocol(HttpToolsProtocol):
    """A connection of HTTP/1.1, which tells seldom what anybody can do wrong on it."""

    def data_received(self, data: bytes) -> None:
        """Read on; refuse what is no HTTP."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            repeats.met("a connection was ended", "what came was no HTTP/1.1")
            self.send_400_response("Invalid HTTP request received.")
        except httptools.HttpParserUpgrade:
            # The request itself is served, as one that asks for nothing else (RFC 9110, 7.8).
            repeats.met("a request asked for another protocol", "there is only HTTP/1.1 here")

    def _should_upgrade(self) -> bool:
        return False
