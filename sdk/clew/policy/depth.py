"""
How deep the documents of a policy may be nested.

What reads, checks, writes and compiles a policy walks it recursively, on the stack of whoever
called. A bound that is told as a fault, with its place, is better than the end of that stack.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = ["DEPTH_MAX", "beyond"]

#: A rule nests at most 32 operators (`clew.logic`), each an object with a list, within a few levels
#: of the policy; nothing else comes near it.
DEPTH_MAX = 100

#: A container, and how one came to it: its step, after those of what holds it.
_Path = tuple[Any, "_Path | None"]


def beyond(document: Any) -> list[Any] | None:
    """
    Find what stands deeper than `DEPTH_MAX`: the steps to the first of it, or None.

    A document that holds itself has no end and is found, too.
    """
    level: dict[int, tuple[Any, _Path | None]] = {id(document): (document, None)}
    for _ in range(DEPTH_MAX):
        # By identity: what is shared is looked at once per level, however often it is shared.
        level = {
            id(inner): (inner, (step, path))
            for value, path in level.values()
            for step, inner in _inside(value)
        }
        if not level:
            return None
    _, path = next(iter(level.values()))
    return _steps(path)


def _inside(value: Any) -> Iterator[tuple[Any, Any]]:
    """All that stands in an object or a list, with the step to it, if it may hold more."""
    if isinstance(value, Mapping):
        members: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple):
        members = enumerate(value)
    else:
        return
    for step, inner in members:
        if isinstance(inner, Mapping | list | tuple):
            yield step, inner


def _steps(path: _Path | None) -> list[Any]:
    steps = []
    while path is not None:
        step, path = path
        steps.append(step)
    return steps[::-1]
