"""
Paths into a view: `computed.usual.top`, `items[0]`, `declared["shoe size"]`.

A view is a mapping, often one that computes its values when they are asked for, so it is read by
subscription. `size`, `first` and `last` at the end of a path work on lists, and `size` on text, as
in Liquid; on a mapping they are names like any other, so that a trait `size` nobody has told is
missing rather than the number of traits.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["Step", "Value", "dotted", "reader"]

#: A compiled expression: a view in, a JSON value out, None where there is none.
Value = Callable[[Any], Any]
#: A name in a mapping, or an index into a list (negative from its end).
Step = str | int

_JSON = (str, int, float, list, tuple, dict)


def reader(steps: tuple[Step, ...]) -> Value:
    """Compile a path; what it leads to is None when it is absent or no JSON value."""

    def read(view: Any) -> Any:
        value = view
        for step in steps:
            if isinstance(value, dict):
                try:
                    value = value[step]
                except KeyError:
                    return None
            else:
                value = _part(value, step)
        return value if isinstance(value, _JSON) else None

    return read


def dotted(steps: tuple[Step, ...]) -> str:
    """
    Write a path as dotted text, `a.0.b`; it stands for everything under it.

    It ends before a name that has a dot itself, and so stands for more than is read, never less.
    """
    names = []
    for step in steps:
        name = str(step)
        if "." in name:
            break
        names.append(name)
    return ".".join(names)


def _part(value: Any, step: Step) -> Any:
    """Return an item of a list, or its `size`, `first` or `last`; None when there is none."""
    if step == "size" and isinstance(value, list | tuple | str):
        return len(value)
    if isinstance(value, list | tuple):
        index = _ENDS.get(step, step)
        if isinstance(index, int) and -len(value) <= index < len(value):
            return value[index]
    return None


_ENDS: dict[Step, int] = {"first": 0, "last": -1}
