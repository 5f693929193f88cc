"""
clew at the edge: the same decisions on server-rendered pages, while they stream.

`ClewMiddleware` fills the slots of HTML pages; `SlotExtension` marks them in Jinja2 templates, and
`<clew-slot name="…">` in any HTML.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clew_edge.jinja import SlotExtension
    from clew_edge.markup import rewrite
    from clew_edge.middleware import ClewMiddleware
    from clew_edge.rendering import fragments

del TYPE_CHECKING  # what is seen here is what is public

_PLACES = {
    "ClewMiddleware": "clew_edge.middleware",
    "SlotExtension": "clew_edge.jinja",
    "fragments": "clew_edge.rendering",
    "rewrite": "clew_edge.markup",
}

__all__ = ["ClewMiddleware", "SlotExtension", "fragments", "rewrite"]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'clew_edge' has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
