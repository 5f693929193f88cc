"""
Reading the data: var, missing, missing_some.

A path is names separated by dots; "" is all of the data. Objects are asked by subscription, so that
an object may compute its entries when they are read (`__missing__`); arrays by index. Anything else
on the way, or nothing, reads as null.
"""

import re
from collections.abc import Iterator
from typing import Any

from clew.logic.meter import Meter
from clew.logic.operators.operator import Build, Evaluate, Fault, Operator
from clew.logic.tree import Literal, Node, elements
from clew.logic.values import ARRAYS, text

__all__ = ["OPERATORS", "literal_paths", "path_of"]

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def path_of(value: Any) -> str | None:
    """The path that a value names, null being all of the data; None when it names none."""
    return None if isinstance(value, bool) else text(value)


def literal_paths(args: tuple[Node, ...]) -> tuple[str, ...] | None:
    """The paths that `missing` looks for; None when they are computed."""
    listed = elements(args[0]) if args else None
    paths = []
    for node in args if listed is None else listed:
        path = path_of(node.value) if isinstance(node, Literal) else None
        if path is None:
            return None
        paths.append(path)
    return tuple(paths)


def _reader(path: str) -> Evaluate:
    """The closure that reads *path*, split once."""
    names = path.split(".") if path else []
    match names:
        case []:
            return lambda data, _meter: data
        case [name]:
            return _read_one(name)
        case [parent, name]:
            return _read_two(parent, name)
    return lambda data, _meter: _follow(data, names)


def _read_one(name: str) -> Evaluate:
    def read(data: Any, meter: Meter | None) -> Any:  # noqa: ARG001 - the shape of Evaluate
        return data.get(name) if type(data) is dict else _entry(data, name)

    return read


def _read_two(parent: str, name: str) -> Evaluate:
    def read(data: Any, meter: Meter | None) -> Any:  # noqa: ARG001 - the shape of Evaluate
        inner = data.get(parent) if type(data) is dict else _entry(data, parent)
        return inner.get(name) if type(inner) is dict else _entry(inner, name)

    return read


def _entry(data: Any, name: str) -> Any:
    """
    The entry of an object, which may compute it, or the element of an array; else null.

    Plain objects do not come here: fields are often missing, and an exception costs more than
    all else in a comparison.
    """
    if isinstance(data, ARRAYS):
        if not _INDEX.fullmatch(name):
            return None
        place = int(name)
        return data[place] if place < len(data) else None
    if not isinstance(data, dict):
        return None
    try:
        return data[name]
    except KeyError:
        return None


def _follow(data: Any, names: list[str]) -> Any:
    for name in names:
        if data is None:
            return None
        data = data.get(name) if type(data) is dict else _entry(data, name)
    return data


def _read(data: Any, path: str | None) -> Any:
    return None if path is None else _follow(data, path.split(".") if path else [])


def _var(args: tuple[Node, ...], build: Build) -> Evaluate:
    read = _path(args[0], build) if args else _reader("")
    if len(args) < 2:  # noqa: PLR2004 - no default
        return read
    default = build(args[1])

    def read_or_default(data: Any, meter: Meter | None) -> Any:
        value = read(data, meter)
        return default(data, meter) if value is None else value

    return read_or_default


def _path(node: Node, build: Build) -> Evaluate:
    if isinstance(node, Literal):
        return _reader(path_of(node.value) or "")
    computed = build(node)
    return lambda data, meter: _read(data, path_of(computed(data, meter)))


def _missing(args: tuple[Node, ...], build: Build) -> Evaluate:
    paths = literal_paths(args)
    if paths is not None:
        readers = [(path, _reader(path)) for path in paths]
        return lambda data, meter: [path for path, read in readers if _absent(read(data, meter))]
    parts = tuple(map(build, args))

    def missing(data: Any, meter: Meter | None) -> list[Any]:
        keys = [part(data, meter) for part in parts]
        return _unread(data, keys[0] if isinstance(keys[0], ARRAYS) else keys, meter)

    return missing


def _missing_some(args: tuple[Node, ...], build: Build) -> Evaluate:
    needed, paths = map(build, args)

    def missing_some(data: Any, meter: Meter | None) -> list[Any]:
        keys = paths(data, meter)
        if not isinstance(keys, ARRAYS):
            keys = [keys]
        lacking = _unread(data, keys, meter)
        least = needed(data, meter)
        enough = isinstance(least, int | float) and len(keys) - len(lacking) >= least
        return [] if enough else lacking

    return missing_some


def _unread(data: Any, keys: list[Any] | tuple[Any, ...], meter: Meter | None) -> list[Any]:
    if meter is not None:
        meter.spend(len(keys))
    return [key for key in keys if _absent(_read(data, path_of(key)))]


def _absent(value: Any) -> bool:
    """Whether `missing` reports it: blank text counts as not given, as in the classic operators."""
    return value is None or value == ""


def _check_var(args: tuple[Node, ...]) -> Iterator[Fault]:
    if args and isinstance(args[0], Literal) and path_of(args[0].value) is None:
        yield Fault(0, "path", "a path is text such as 'context.channel', an index or null")


OPERATORS = {
    "var": Operator(_var, 0, 2, _check_var),
    "missing": Operator(_missing, 0, None),
    "missing_some": Operator(_missing_some, 2, 2),
}
