"""What the application sees of a request: the visitor in its state, and a page asked for whole."""

from collections import UserDict
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Scope

from clew_edge.page import Page

__all__ = ["inner_scope", "wants_page"]

#: Questions about a page as it was before its slots were filled (RFC 9110, 13 and 14.2).
_CONDITIONS = frozenset(
    {
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"range",
    }
)
#: Ways to send a file that go past the body messages.
_PAST_US = frozenset({"http.response.pathsend", "http.response.zerocopysend"})


def wants_page(scope: Scope) -> bool:
    """Whether the request asks for a page rather than for a part of one."""
    if scope["method"] not in {"GET", "HEAD"}:
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def inner_scope(scope: Scope, page: Page, visitor: Callable[[], Any], *, is_slotted: bool) -> Scope:
    """
    Give the application its scope.

    Args:
        visitor: makes the visitor.
        is_slotted: the answer should be a page with slots, so it must come whole, and by us.
    """
    inner = dict(scope)
    inner["clew"] = page
    # What the application writes there is read by what stands around us, as without us.
    inner["state"] = _State(scope.setdefault("state", {}), visitor)
    if is_slotted:
        inner["headers"] = [each for each in scope["headers"] if each[0] not in _CONDITIONS]
        extensions: Mapping[str, Any] = scope.get("extensions") or {}
        inner["extensions"] = {n: value for n, value in extensions.items() if n not in _PAST_US}
    return inner


class _State(UserDict[str, Any]):
    """The request's own state, whose `clew` is made when it is first asked for."""

    def __init__(self, state: dict[str, Any], visitor: Callable[[], Any]) -> None:
        super().__init__()
        self.data = state
        self._visitor = visitor

    def __missing__(self, name: str) -> Any:
        if name != "clew":
            raise KeyError(name)
        self[name] = self._visitor()
        return self[name]
