"""The description of the routes is the schemas as they are, and describes what is there."""

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from clew import schema
from clew_edge.service.app import _ROUTES
from clew_edge.service.openapi import document
from edge.service.asking import Asked, consent, outcome, signal


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


def accepts(law: dict[str, Any], value: Any) -> bool:
    """Whether a value keeps a schema of the description."""
    whole = {**law, "components": document()["components"]}
    return bool(jsonschema.Draft202012Validator(whole).is_valid(value))


def test_a_newer_request_is_described(here: Asked) -> None:
    """What a newer client adds, to a request or to a signal in it, is taken and described (F2)."""
    unsent = {**signal("s-1")["signal"], "mood": "loud"}
    request = {"slots": ["hero"], "subject": "ada", "signals": [unsent], "weather": "mild"}
    assert here.ask("POST", "/clew/v1/decide", request).status == 200
    body = document()["paths"]["/clew/v1/decide"]["post"]["requestBody"]["content"]
    assert accepts(body["application/json"]["schema"], request)


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(signal("s-1"), id="signal"),
        pytest.param(consent("ben"), id="consent"),
        pytest.param(outcome("o-1", decision="d-1"), id="outcome"),
    ],
)
def test_a_newer_fact_is_described(here: Asked, item: dict[str, Any]) -> None:
    """A fact with a field that is not known here is taken and described (F2)."""
    ((kind, fact),) = item.items()
    newer = {**fact, "mood": "loud"}
    here.append(consent())
    ((status, _),) = here.append({kind: newer})
    assert status in {"applied", "duplicate", "queued"}
    assert accepts({"$ref": f"#/components/schemas/{kind}"}, newer)


def test_what_is_no_event_is_described(here: Asked) -> None:
    """An item that is no event is refused alone, and the description lets it be sent."""
    media_type = "application/cloudevents-batch+json"
    answer = here.ask("POST", "/clew/v1/append", ["x"], headers={"content-type": media_type})
    assert answer.results == [("refused", "schema")]
    body = document()["paths"]["/clew/v1/append"]["post"]["requestBody"]["content"]
    assert accepts(body[media_type]["schema"], ["x"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("get", "/clew/v1/policy", id="policy"),
        pytest.param("post", "/ofrep/v1/evaluate/flags", id="ofrep"),
    ],
)
def test_what_may_be_known_already_is_described(here: Asked, method: str, path: str) -> None:
    """Where an ETag is given and heeded, it is described, and so is the answer without a body."""
    body = {"context": {"targetingKey": "ada"}} if method == "post" else None
    first = here.ask(method.upper(), path, body)
    known = {"if-none-match": first.headers["etag"]}
    again = here.ask(method.upper(), path, body, headers=known)
    assert (again.status, again.headers["etag"]) == (304, first.headers["etag"])
    route = document()["paths"][path][method]
    assert [one["name"] for one in route["parameters"]] == ["If-None-Match"]
    for status in ("200", "304"):
        assert "ETag" in route["responses"][status]["headers"]


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
