"""The examples within the schemas and the vectors beside them do what their names say."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from clew import schema
from clew.codec import from_json, to_json
from clew.errors import DocumentError, Problem
from clew.model.batch import BatchResult
from schemas.documents import DOCUMENTS

VECTORS = Path(__file__).parents[2] / "schemas/vectors"

#: By folder: what `validate` calls the document, and its class.
KINDS = {name: (name, cls) for name, cls in DOCUMENTS.items()} | {
    "batch_result": ("batch#/$defs/batch_result", BatchResult)
}

#: Keywords that a vector must break wherever they stand.
BOUNDS = {
    "anyOf", "const", "enum", "exclusiveMinimum", "format", "maxItems", "maxLength",
    "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum", "oneOf",
    "pattern",
}  # fmt: skip

#: What the schemas alone say of a policy: how references and instants are spelled. Its rules and
#: shares are checked when it is compiled.
SPELLING = {"const", "format", "pattern"}
COMPILED = {"when", "where", "value", "shares"}


class Rule(NamedTuple):
    """One rule of a schema: the object that holds it, and of `required` the field."""

    law: int
    keyword: str
    field: str = ""


def vectors(wanted: str) -> list[Any]:
    """Give all valid or all invalid vectors with their kind."""
    return [
        pytest.param(kind, json.loads(path.read_text(encoding="utf-8")), id=f"{kind}-{path.stem}")
        for kind in KINDS
        for path in sorted((VECTORS / kind / wanted).glob("*.json"))
    ]


def examples() -> Iterator[Any]:
    """Give the examples of all documents."""
    for name in DOCUMENTS:
        for number, example in enumerate(schema.load(name)["examples"]):
            yield pytest.param(name, example, id=f"{name}-example-{number}")


VALID = [*vectors("valid"), *examples()]
INVALID = vectors("invalid")


def problems(name: str, document: object) -> list[Any]:
    """Give what `validate` has against the document."""
    try:
        schema.validate(name, document)
    except DocumentError as error:
        return list(error.problems)
    return []


def rules(law: Any) -> Iterator[Rule]:
    """Give every rule of a schema which a vector must break."""
    for keyword, value in law.items():
        if keyword == "required" and "properties" in law:
            yield from (Rule(id(law), keyword, name) for name in value)
        elif keyword in BOUNDS or (keyword == "additionalProperties" and value is False):
            yield Rule(id(law), keyword)
        if keyword == "if":  # a condition, which nothing breaks
            continue
        deeper = value.values() if keyword in {"properties", "$defs"} else [value]
        yield from (rule for one in deeper if isinstance(one, Mapping) for rule in rules(one))
        if keyword in {"oneOf", "allOf"}:
            yield from (rule for one in value for rule in rules(one))


def broken(kind: str, document: Any) -> Iterator[Rule]:
    """Give the rules which a document breaks."""
    ahead = list(schema._validator(KINDS[kind][0]).iter_errors(document))
    while ahead:
        error = ahead.pop()
        ahead += error.context or ()
        field = error.message if error.validator == "required" else ""
        yield Rule(id(error.schema), error.validator, field)


def is_said_by_the_schema_alone(kind: str, problem: Problem) -> bool:
    """Whether the models leave this rule to the schema, or to the compiler of the policy."""
    steps = set(problem.pointer.split("/"))
    between_fields = problem.keyword == "anyOf" or "`sticky_seconds`" in problem.message
    entries = (kind == "signal" and "purposes" in steps) or (kind == "keys" and "scopes" in steps)
    in_policy = kind == "policy" and (problem.keyword in SPELLING or COMPILED & steps)
    in_map = kind == "import_map" and (problem.keyword == "const" or COMPILED & steps)
    return between_fields or entries or bool(in_policy or in_map)


@pytest.mark.parametrize(("kind", "document"), VALID)
def test_a_valid_document_is_taken(kind: str, document: Any) -> None:
    """A valid document passes its schema, and is the same after the model has held it."""
    name, cls = KINDS[kind]
    schema.validate(name, document)
    value = from_json(cls, document)
    written = to_json(value)
    schema.validate(name, written)
    assert from_json(cls, written) == value


@pytest.mark.parametrize(("kind", "document"), INVALID)
def test_an_invalid_document_has_one_fault(kind: str, document: Any) -> None:
    """An invalid vector breaks one rule, and is refused with one problem."""
    assert len(problems(KINDS[kind][0], document)) == 1


@pytest.mark.parametrize(("kind", "document"), INVALID)
def test_the_codec_finds_the_same_fault(kind: str, document: Any) -> None:
    """The codec refuses what the schema refuses, at the same place (compiled parts aside)."""
    name, cls = KINDS[kind]
    [expected] = problems(name, document)
    if is_said_by_the_schema_alone(kind, expected):
        return
    with pytest.raises(DocumentError) as caught:
        from_json(cls, document)
    [found] = caught.value.problems
    assert found.pointer.startswith(expected.pointer)


def test_the_vectors_break_every_rule() -> None:
    """Every bound, vocabulary, closed object and required field has a vector that breaks it."""
    laws = [resource.contents for resource in schema.registry().values()]
    wanted = {rule: law["$id"] for law in laws for rule in rules(law)}
    met = {rule for vector in INVALID for rule in broken(*vector.values)}
    assert [(wanted[rule], rule.keyword, rule.field) for rule in wanted.keys() - met] == []
