"""
The law of the documents: JSON Schema 2020-12, one document per kind, and what breaks it.

The schemas are files (`schemas/`, packaged as `clew/_schemas`) that other languages read as well.
They refer to each other by URN, and nothing is ever fetched. Two points of the standard are made
exact: `format: date-time` is asserted, and `$` in a pattern is the end of the text (ECMA-262), not
also a line break before it as in Python.

`jsonschema` is loaded when the first document is checked.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from clew.clock import instant
from clew.errors import DocumentError, Problem

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator
    from referencing import Registry

__all__ = ["load", "names", "nearest", "pointer", "registry", "validate"]

_SUFFIX = ".schema.json"

#: Longest piece of a document that a message repeats, in characters.
_SHOWN = 60
#: Longest name that something near is sought for, in characters.
_NAME_MAX = 128


@cache
def _folder() -> Path:
    packaged = Path(__file__).with_name("_schemas")
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "schemas"


@cache
def names() -> tuple[str, ...]:
    """Give the names of all schemas, sorted."""
    return tuple(sorted(path.name.removesuffix(_SUFFIX) for path in _folder().glob(f"*{_SUFFIX}")))


def load(name: str) -> dict[str, Any]:
    """
    Read the schema of that name; the caller may change what it gets.

    Raises:
        LookupError: there is none.
    """
    if name not in names():
        raise LookupError(f"there is no schema {name!r}{nearest(name, names())}")
    text = (_folder() / f"{name}{_SUFFIX}").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


@cache
def registry() -> "Registry[Any]":
    """Collect our schemas by their URN; any other `$ref` is an error, never a request."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    documents = [load(name) for name in names()]
    for document in documents:
        # Behind a reference, jsonschema would take it as an order to leave our reading of patterns.
        del document["$schema"]
    return Registry().with_resources(
        (document["$id"], DRAFT202012.create_resource(document)) for document in documents
    )


def validate(name: str, document: Any) -> None:
    """
    Check decoded JSON against the schema of that name.

    *name* may point into a schema: `batch#/$defs/batch_result`.

    Raises:
        DocumentError: the document breaks the schema; all problems at once.
        LookupError: there is no such schema.
    """
    errors = _validator(name).iter_errors(document)
    problems = [problem for error in errors for problem in _problems(error)]
    if problems:
        raise DocumentError(name, sorted(problems, key=lambda one: one.pointer))


def pointer(path: Iterable[str | int]) -> str:
    """Write a path as a JSON Pointer, RFC 6901."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def nearest(name: str, known: Iterable[str], *, alike: float = 0.6) -> str:
    """
    Say, to end a sentence with, which known name was probably meant; or nothing.

    Args:
        alike: how much of both must be the same, in [0, 1] (see `difflib`).
    """
    if len(name) > _NAME_MAX:  # no slip of the pen; to compare megabytes takes seconds
        return ""
    near = get_close_matches(name, list(known), n=1, cutoff=alike)
    return f"; did you mean `{near[0]}`?" if near else ""


# Validation.


@cache
def _validator(name: str) -> "Validator":
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.validators import extend

    document, _, place = name.partition("#")
    load(document)  # says which names there are
    formats = FormatChecker(formats=())
    formats.checks("date-time", raises=ValueError)(_is_in_calendar)
    law = extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {"pattern": _pattern, "required": _required}
    )
    reference = {"$ref": f"urn:clew:{document}:1#{place}"}
    return law(reference, registry=registry(), format_checker=formats)  # type: ignore[no-any-return]


def _is_in_calendar(value: object) -> bool:
    """Whether there is such an instant; how it is spelled is the pattern's matter."""
    if isinstance(value, str) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z\Z", value):
        instant(value)
    return True


def _pattern(
    _validator: "Validator", pattern: str, value: object, _schema: object
) -> "Iterator[ValidationError]":
    from jsonschema.exceptions import ValidationError

    if isinstance(value, str) and not re.search(re.sub(r"\$\Z", r"\\Z", pattern), value):
        yield ValidationError(pattern)


def _required(
    _validator: "Validator", wanted: Iterable[str], value: object, _schema: object
) -> "Iterator[ValidationError]":
    from jsonschema.exceptions import ValidationError

    if isinstance(value, dict):
        yield from (ValidationError(name) for name in wanted if name not in value)


# From findings to sentences.


@frozen
class _Finding:
    """What jsonschema found: a value, the keyword it breaks and the schema that says so."""

    keyword: str
    #: The keyword's value in the schema.
    wanted: Any
    value: Any
    schema: Mapping[str, Any]
    path: tuple[str | int, ...]
    message: str

    @property
    def found(self) -> str:
        """The value, by the name of its field, as far as it is short."""
        shown = json.dumps(self.value, ensure_ascii=False, default=repr)
        shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"
        field = next((step for step in reversed(self.path) if isinstance(step, str)), None)
        if field is None:
            return f"the document is {shown}"
        owner = f"`{field}`" if self.path[-1] == field else f"an entry of `{field}`"
        return f"{owner} is {shown}"

    @property
    def owner(self) -> str:
        """What kind of object the fields belong to."""
        return f"the {self.schema['title'].lower()}" if "title" in self.schema else "this object"


def _problems(error: "ValidationError") -> Iterator[Problem]:
    if deeper := _deeper(error):
        for one in deeper:
            yield from _problems(one)
        return
    finding = _Finding(
        keyword=str(error.validator),
        wanted=error.validator_value,
        value=error.instance,
        schema=error.schema,  # type: ignore[arg-type]
        path=tuple(error.absolute_path),
        message=error.message,
    )
    if finding.keyword == "additionalProperties":
        yield from _unknown(finding)
    else:
        sentence = _SENTENCES[finding.keyword](finding)
        yield Problem(pointer(finding.path), finding.keyword, sentence)


def _deeper(error: "ValidationError") -> "list[ValidationError]":
    """Give the findings within the one alternative that fits on the outside, if there is one."""
    branches: dict[Any, list[ValidationError]] = {}
    for one in error.context or ():
        branches.setdefault(one.relative_schema_path[0], []).append(one)
    fitting = [found for found in branches.values() if all(one.relative_path for one in found)]
    return fitting[0] if len(fitting) == 1 else []


def _unknown(finding: _Finding) -> Iterator[Problem]:
    known = finding.schema["properties"]
    for name in finding.value.keys() - known.keys():
        hint = nearest(name, known) or "; remove it"
        sentence = f"`{name}` is not a field of {finding.owner}{hint}"
        yield Problem(pointer((*finding.path, name)), finding.keyword, sentence)


_TYPES: Mapping[str, str] = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "an object",
    "string": "text",
}


def _type(finding: _Finding) -> str:
    if finding.value is None:
        return f"{finding.found}; leave out what has no value"
    kinds = [finding.wanted] if isinstance(finding.wanted, str) else finding.wanted
    return f"{finding.found}; it must be {' or '.join(_TYPES[kind] for kind in kinds)}"


def _enum(finding: _Finding) -> str:
    members = ", ".join(f"`{member}`" for member in finding.wanted)
    hint = nearest(str(finding.value), finding.wanted)
    return f"{finding.found}; it must be one of {members}{hint}"


def _any_of(finding: _Finding) -> str:
    fields = ", ".join(f"`{name}`" for one in finding.wanted for name in one["required"])
    return f"none of {fields} is there; give one of them"


def _shape(finding: _Finding) -> str:
    expected = finding.schema["description"].rstrip(".")
    return f"{finding.found}; expected: {expected[0].lower()}{expected[1:]}"


def _bound(word: str) -> Callable[[_Finding], str]:
    return lambda finding: f"{finding.found}; it must be {word} {finding.wanted}"


def _size(word: str, unit: str) -> Callable[[_Finding], str]:
    return lambda finding: (
        f"{finding.found}: {len(finding.value)} {unit}; it must have {word} {finding.wanted}"
    )


_SENTENCES: Mapping[str, Callable[[_Finding], str]] = {
    "anyOf": _any_of,
    "const": _bound("exactly"),
    "enum": _enum,
    "exclusiveMinimum": _bound("more than"),
    "format": lambda finding: f"{finding.found}; the calendar has no such instant",
    "maxItems": _size("at most", "entries"),
    "maxLength": _size("at most", "characters"),
    "maxProperties": _size("at most", "fields"),
    "maximum": _bound("at most"),
    "minItems": _size("at least", "entries"),
    "minLength": _size("at least", "characters"),
    "minProperties": _size("at least", "fields"),
    "minimum": _bound("at least"),
    "oneOf": _shape,
    "pattern": _shape,
    "required": lambda finding: (
        f"`{finding.message}` is absent from {finding.owner}; add it: it is required"
    ),
    "type": _type,
}
