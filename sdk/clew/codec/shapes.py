"""
Lists, objects, vocabularies and unions between JSON and models.

A tuple of the model is a list in JSON; where any JSON fits, it is handed on as it is.
"""

from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from clew.codec.scalars import FieldError, Reader, Writer, mismatch
from clew.schema import nearest

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = [
    "FAULTS_MAX",
    "is_free",
    "is_literal",
    "is_mapping",
    "is_tuple",
    "is_union",
    "literal_reader",
    "mapping_reader",
    "tuple_reader",
    "tuple_writer",
    "union_reader",
    "union_writer",
]

#: How many faults of one document are told; of a list, no more are sought.
FAULTS_MAX = 20


def is_free(kind: Any) -> bool:
    """Whether any JSON value fits."""
    return kind is Any


def is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def is_mapping(kind: Any) -> bool:
    return get_origin(kind) is Mapping


def is_literal(kind: Any) -> bool:
    return get_origin(kind) is Literal


def is_union(kind: Any) -> bool:
    return get_origin(kind) in {Union, UnionType}


def tuple_reader(kind: Any, converter: "Converter") -> Reader:
    read_each = _each_reader(get_args(kind)[0], converter)

    def read(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise mismatch(value, "a list")
        return tuple(read_each(enumerate(value)))

    return read


def tuple_writer(kind: Any, converter: "Converter") -> Writer:
    write = converter.get_unstructure_hook(get_args(kind)[0])
    return lambda value: [write(one) for one in value]


def mapping_reader(kind: Any, converter: "Converter") -> Reader:
    entry = get_args(kind)[1]
    free = is_free(entry)
    read_each = _each_reader(entry, converter)

    def read(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise mismatch(value, "an object")
        return value if free else dict(zip(value, read_each(value.items()), strict=True))

    return read


def _each_reader(
    kind: Any, converter: "Converter"
) -> Callable[[Iterable[tuple[str | int, Any]]], list[Any]]:
    """
    Make the reader of all entries of a list or an object, each given with its place.

    cattrs' own goes on to the end: a million faults cost it a minute and gigabytes.
    """
    from cattrs import IterableValidationError, IterableValidationNote

    try:
        read_one = converter.get_structure_hook(kind)
    except RecursionError:  # a kind that holds itself
        read_one = converter.structure

    def read(entries: Iterable[tuple[str | int, Any]]) -> list[Any]:
        found: list[Any] = []
        faults: list[Exception] = []
        for place, entry in entries:
            try:
                found.append(read_one(entry, kind))
            except Exception as error:  # noqa: BLE001 - also what a validator raises
                error.add_note(IterableValidationNote(f"entry {place!r}", place, kind))
                faults.append(error)
                if len(faults) > FAULTS_MAX:
                    break
        if faults:
            raise IterableValidationError("entries have faults", faults, kind)
        return found

    return read


def literal_reader(kind: Any, _: "Converter") -> Reader:
    members = get_args(kind)
    listed = ", ".join(f"`{member}`" for member in members)

    def read(value: Any, _: Any) -> Any:
        if value not in members:
            hint = nearest(str(value), members)
            raise FieldError("enum", f"{value!r:.60} is not one of {listed}{hint}")
        return value

    return read


def _alternatives(kind: Any) -> tuple[Any, Any]:
    """
    Give what a union holds where the value is no list, and where it is one.

    None and functions that compute the value later are no part of the wire form.
    """
    members = [
        one for one in get_args(kind) if one is not NoneType and get_origin(one) is not Callable
    ]
    return members[0], members[-1]


def union_reader(kind: Any, converter: "Converter", *, keep_unknown: bool) -> Reader:
    single, several = _alternatives(kind)
    read_single = converter.get_structure_hook(single)
    read_several = converter.get_structure_hook(several)
    takes_null = keep_unknown and NoneType in get_args(kind)

    def read(value: Any, _: Any) -> Any:
        if value is None and takes_null:
            return None
        if isinstance(value, list):
            return read_several(value, several)
        return read_single(value, single)

    return read


def union_writer(kind: Any, converter: "Converter") -> Writer:
    write_single, write_several = map(converter.get_unstructure_hook, _alternatives(kind))

    def write(value: Any) -> Any:
        if value is None:
            return None
        return write_several(value) if isinstance(value, tuple) else write_single(value)

    return write
