"""
Values to JSON and back: the wire form of `clew.model`.

The wire form is what `schemas/` describes:

- a field that has its default is left out; nothing is written as null;
- tuples are lists, instants are RFC 3339 text in UTC that ends in `Z`;
- JSON values (`data`, `ext`, `content`, rules) are handed on as they are, not copied.

Reading is strict: every type, bound and vocabulary of the models is checked, up to `FAULTS_MAX`
problems are told at once, and unknown fields are refused. A reader on the wire keeps them instead
(RULES F2). What is told is short, and costs little to find, whatever a stranger sent.

The converter is cattrs'; it is built at the first use.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import orjson

from clew.codec import shapes
from clew.codec.classes import class_reader, class_writer, kept_fields, kind
from clew.codec.scalars import SCALARS, FieldError, write_instant
from clew.errors import DocumentError, Problem
from clew.loading import loading
from clew.schema import nearest, pointer

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["FAULTS_MAX", "dumps", "from_json", "loads", "to_json"]

T = TypeVar("T")

FAULTS_MAX = shapes.FAULTS_MAX
#: The longest sentence of a validator that is told, in characters: it may repeat the value.
_SENTENCE_MAX = 200


def to_json(value: object) -> dict[str, Any]:
    """Write a value of `clew.model` as JSON; what a `Decision` holds back is computed for it."""
    return _converter(keep_unknown=False).unstructure(value)  # type: ignore[no-any-return]


def from_json(
    cls: type[T],
    document: object,
    *,
    keep_unknown: bool = False,
    kept: Counter[str] | None = None,
) -> T:
    """
    Read a value of `clew.model` from decoded JSON.

    With *keep_unknown*, as on the wire, a field that this version does not know is no fault: it
    goes to the `ext` of its object (and is dropped where there is none), and a null is taken as
    absent (RULES F2). *kept* counts such fields by the object's kind: `kept["signal"]`.

    Raises:
        DocumentError: what is wrong, each with its pointer; behind the first `FAULTS_MAX` faults
            one with the keyword `faults` says that there are more.
    """
    converter = _converter(keep_unknown=keep_unknown)
    from cattrs import BaseValidationError

    token = kept_fields.set(kept)
    try:
        return converter.structure(document, cls)
    except (BaseValidationError, FieldError) as error:
        raise DocumentError(kind(cls), _first_problems(error)) from None
    finally:
        kept_fields.reset(token)


def dumps(value: object) -> bytes:
    """Write a value of `clew.model` as JSON text in UTF-8."""
    return orjson.dumps(to_json(value))


def loads(
    cls: type[T],
    data: bytes | str,
    *,
    keep_unknown: bool = False,
    kept: Counter[str] | None = None,
) -> T:
    """
    Read a value of `clew.model` from JSON text, as `from_json` does.

    Raises:
        DocumentError: it is no JSON (RFC 8259), or `from_json` refuses it.
    """
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DocumentError(kind(cls), [Problem("", "json", f"this is no JSON: {error}")]) from None
    return from_json(cls, document, keep_unknown=keep_unknown, kept=kept)


@cache
def _converter(*, keep_unknown: bool) -> "Converter":
    """Build a converter; cattrs generates code for each class at its first use."""
    with loading:
        from cattrs import Converter

    converter = Converter()
    for scalar, read in SCALARS.items():
        converter.register_structure_hook(scalar, read)
    converter.register_unstructure_hook(datetime, write_instant)
    converter.register_unstructure_hook_factory(shapes.is_tuple, shapes.tuple_writer)
    converter.register_structure_hook_factory(shapes.is_tuple, shapes.tuple_reader)
    converter.register_structure_hook_factory(shapes.is_mapping, shapes.mapping_reader)
    converter.register_structure_hook_factory(shapes.is_literal, shapes.literal_reader)
    converter.register_unstructure_hook_factory(shapes.is_union, shapes.union_writer)
    converter.register_structure_hook_factory(
        shapes.is_union, partial(shapes.union_reader, keep_unknown=keep_unknown)
    )
    converter.register_unstructure_hook_factory(attrs.has, class_writer)
    converter.register_structure_hook_factory(
        attrs.has, partial(class_reader, keep_unknown=keep_unknown)
    )
    converter.register_unstructure_hook_func(shapes.is_free, lambda value: value)
    converter.register_structure_hook_func(shapes.is_free, lambda value, _: value)
    return converter


def _first_problems(error: Exception) -> list[Problem]:
    found = list(islice(_problems(error, ()), FAULTS_MAX + 1))
    if len(found) > FAULTS_MAX:
        message = f"there are more faults than these {FAULTS_MAX}; mend them and look again"
        found[FAULTS_MAX] = Problem("", "faults", message)
    return found


def _problems(error: Exception, path: tuple[str | int, ...]) -> Iterator[Problem]:
    """Walk a tree of cattrs' errors; their notes say which field or entry each belongs to."""
    from cattrs import BaseValidationError, ForbiddenExtraKeysError

    match error:
        case BaseValidationError():
            for one in error.exceptions:
                yield from _problems(one, (*path, *_step(one)))
        case ForbiddenExtraKeysError():
            known = [one.alias for one in attrs.fields(error.cl)]
            for name in sorted(error.extra_fields):
                hint = nearest(name, known) or "; remove it"
                message = f"`{name}` is not a field of the {kind(error.cl)}{hint}"
                yield Problem(pointer((*path, name)), "additionalProperties", message)
        case KeyError():
            message = f"`{path[-1]}` is absent; add it: it is required"
            yield Problem(pointer(path[:-1]), "required", message)
        case FieldError():
            yield Problem(pointer(path), error.keyword, str(error))
        case _:  # a validator's, which says what it wants first
            yield Problem(pointer(path), "value", f"{error.args[0]!s:.{_SENTENCE_MAX}}")


def _step(error: Exception) -> tuple[str | int, ...]:
    from cattrs import AttributeValidationNote, IterableValidationNote

    for note in getattr(error, "__notes__", ()):
        if isinstance(note, AttributeValidationNote):
            return (note.name.removeprefix("_"),)
        if isinstance(note, IterableValidationNote):
            return (note.index,)
    return ()
