"""
The slots of a page, found while it streams: bytes in, bytes and slots out.

Knows neither ASGI nor a loop: it may be driven by a middleware, a WSGI wrapper or a proxy alike.
"""

from clew_edge.markup.rewriting import rewrite
from clew_edge.markup.scanner import Scanner
from clew_edge.markup.slots import Slot

__all__ = ["Scanner", "Slot", "rewrite"]
