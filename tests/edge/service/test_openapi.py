"""The description of the routes is the schemas as they are, and describes what is there."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from clew import schema
from clew_edge.service.app import _ROUTES
from clew_edge.service.openapi import document
from edge.service.asking import Asked


def references(law: Any) -> Iterator[str]:
    """All references within a document."""
    if isinstance(law, dict):
        if isinstance(law.get("$ref"), str):
            yield law["$ref"]
        for one in law.values():
            yield from references(one)
    elif isinstance(law, list):
        for one in law:
            yield from references(one)


def test_every_reference_leads_somewhere() -> None:
    """Nothing is fetched, and no reference is left of the documents' own."""
    found = set(references(document()))
    components = document()["components"]["schemas"]
    assert found
    assert {f"#/components/schemas/{name}" for name in components} >= found


@pytest.mark.parametrize("name", sorted(document()["components"]["schemas"]))
def test_every_component_is_a_schema(name: str) -> None:
    """Each component is JSON Schema 2020-12."""
    law = document()["components"]["schemas"][name]
    jsonschema.Draft202012Validator.check_schema(law)


def test_the_components_are_the_documents() -> None:
    """A component says what its document says: the same fields, the same required ones."""
    components = document()["components"]["schemas"]
    for name in ("batch", "decision", "decision_request", "problem", "profile"):
        law = schema.load(name)
        assert components[name]["properties"].keys() == law["properties"].keys()
        assert components[name]["required"] == law["required"]


def test_every_route_is_described() -> None:
    """What is served is described, and nothing else."""
    served = {(method.lower(), path.removesuffix("/*")) for method, path in _ROUTES}
    described = {
        (method, path.partition("/{")[0])
        for path, methods in document()["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert described == served


def test_it_is_served_to_everybody(here: Asked) -> None:
    """The description needs no key."""
    assert here.ask("GET", "/openapi.json", key=None).json["openapi"] == "3.1.0"
