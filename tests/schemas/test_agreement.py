"""The schemas and the models say the same, field by field."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import attrs
import pytest

from clew import schema
from clew.codec.classes import wire_fields
from clew.codec.scalars import INSTANT
from clew.errors import DocumentError
from clew.model import words
from clew.model.limits import NAME
from schemas.documents import CLASSES, DOCUMENTS, definitions

DEFINITIONS = dict(definitions())

#: Values around every bound of the documents and kinds of text they tell apart.
NUMBERS = (-1, -0.01, 0, 0.01, 0.5, 0.99, 1, 1.01, 2, 50, 51, 99, 100, 101, 599, 600)
TEXTS = (
    "", "a", "A-1._b", "1a", "a b", "é", "a\n", "EUR", "eur", "EURO", "x" * 128, "x" * 129,
)  # fmt: skip
LISTS = ([], [None], [None] * 500, [None] * 501)

#: Every field of every class, with what the documents say of it.
FIELDS = [
    pytest.param(
        name,
        one,
        DEFINITIONS[name]["properties"].get(one.alias),
        id=f"{name.rpartition('/')[2]}.{one.alias}",
    )
    for name, cls in CLASSES.items()
    for one in wire_fields(cls)
]


def resolved(field: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Follow the field's reference, if it is one."""
    if "$ref" not in field:
        return field
    urn, _, place = field["$ref"].partition("#")
    document = schema.load(urn.split(":")[2] if urn else name.partition("#")[0])
    for step in place.split("/")[1:]:
        document = document[step]
    return {**document, "urn": urn, "place": place}


def members(kind: Any) -> list[Any]:
    """Give the alternatives of an annotation that have a wire form."""
    options = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
    return [one for one in options if one is not NoneType and get_origin(one) is not Callable]


def agree(kind: Any, field: Mapping[str, Any], name: str) -> bool:  # noqa: PLR0911
    """Whether an annotation and a schema admit the same values, bounds aside."""
    options = members(kind)
    if len(options) > 1:
        pairs = zip(options, field["oneOf"], strict=True)
        return all(agree(one, branch, name) for one, branch in pairs)
    [kind] = options
    law = resolved(field, name)
    if kind is Any:
        return "properties" not in law
    if get_origin(kind) is Literal:
        return set(law["enum"]) == set(get_args(kind))
    if get_origin(kind) is tuple:
        items = law.get("items", {})
        return law["type"] == "array" and agree(get_args(kind)[0], items, name)
    if get_origin(kind) is Mapping:
        values = law.get("additionalProperties", {})
        return law["type"] == "object" and agree(get_args(kind)[1], values, name)
    if attrs.has(kind):
        place = f"{law['urn'].split(':')[2] if law['urn'] else name.partition('#')[0]}"
        return CLASSES[f"{place}#{law['place']}" if law["place"] else place] is kind
    if kind is datetime:
        return law["format"] == "date-time"
    return law["type"] == {str: "string", float: "number", int: "integer", bool: "boolean"}[kind]


def test_every_class_has_its_definition() -> None:
    """What the documents describe is what the models have, and each document has one class."""
    assert DEFINITIONS.keys() == CLASSES.keys()
    assert DOCUMENTS.keys() == set(schema.names()) - {"common"}


@pytest.mark.parametrize("name", CLASSES)
def test_the_same_fields(name: str) -> None:
    """Field names are the same, what has no default is required, and nothing else is taken."""
    attributes = {one.alias: one for one in wire_fields(CLASSES[name])}
    law = DEFINITIONS[name]
    assert law["properties"].keys() - {"$schema"} == attributes.keys()
    assert set(law.get("required", ())) == {
        alias for alias, one in attributes.items() if one.default is attrs.NOTHING
    }
    assert law["additionalProperties"] is False


@pytest.mark.parametrize(("name", "attribute", "field"), FIELDS)
def test_the_same_types(name: str, attribute: Any, field: Any) -> None:
    """A field has one type in both: the vocabulary, the entries and the class of an object too."""
    assert agree(attribute.type, field, name)


def probes(name: str, attribute: Any) -> tuple[Any, ...]:
    """
    Give values of the field's type around all bounds.

    References within a policy are left out: the document binds their spelling, and that they name
    something that is declared is checked on the whole policy.
    """
    match members(attribute.type):
        case [kind] if kind is float:
            return NUMBERS
        case [kind] if kind is int:
            return tuple(one for one in NUMBERS if one == int(one))
        case [kind] if kind is str and (attribute.validator or not name.startswith("policy")):
            return TEXTS
        case [kind] if get_origin(kind) is tuple:
            return LISTS
    return ()


def fits(name: str, attribute: Any, field: Mapping[str, Any], value: Any) -> bool:
    """Whether the document takes the value in that field; of a list, its length."""
    if isinstance(value, list):
        return field.get("minItems", 0) <= len(value) <= field.get("maxItems", len(value))
    try:
        schema.validate(f"{name}{'' if '#' in name else '#'}/properties/{attribute.alias}", value)
    except DocumentError:
        return False
    return True


def accepted(attribute: "attrs.Attribute[Any]", value: Any) -> bool:
    """Whether the model takes the value in that field."""
    try:
        if attribute.validator:
            attribute.validator(None, attribute, value)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("name", "attribute", "field"), FIELDS)
def test_the_same_bounds(name: str, attribute: Any, field: Any) -> None:
    """What the document refuses for its size or spelling the model refuses, and nothing more."""
    values = probes(name, attribute)
    taken = [one for one in values if accepted(attribute, one)]
    assert [one for one in values if fits(name, attribute, field, one)] == taken


@pytest.mark.parametrize(("name", "attribute", "field"), FIELDS)
def test_the_same_defaults(name: str, attribute: Any, field: Any) -> None:
    """A default that is a value is stated in the document; an empty or absent one is not."""
    default = attribute.default
    if default is attrs.NOTHING or isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        default = None
    stated = list(default) if isinstance(default, tuple) else default
    assert field.get("default") == (stated if stated != [] else None)


def test_one_spelling_of_names_and_instants() -> None:
    """The patterns of names and instants are one in documents and code."""
    common = schema.load("common")["$defs"]
    assert common["name"]["pattern"] == f"^{NAME}$"
    assert common["instant"]["pattern"] == f"^{INSTANT}$"


@pytest.mark.parametrize(
    "word", ["arm", "basis", "channel", "consent_state", "party", "reason", "traffic"]
)
def test_the_shared_vocabularies(word: str) -> None:
    """A vocabulary of the common document has the members of the model's."""
    literal = getattr(words, "".join(part.capitalize() for part in word.split("_")))
    assert tuple(schema.load("common")["$defs"][word]["enum"]) == get_args(literal)
