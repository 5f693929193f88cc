"""Which handler a request finds, and what it costs to find none."""

import tracemalloc

import pytest

from edge.service.asking import Asked


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        pytest.param("GET", "/healthz", 200, "/healthz", id="a-path"),
        pytest.param("GET", "/clew/v1/decisions/d-1", 404, "/clew/v1/decisions/*", id="below"),
        pytest.param("GET", "/clew/v1/decisions/a/b", 400, "/clew/v1/decisions/*", id="far-below"),
        pytest.param("POST", "/healthz", 405, "/healthz", id="a-path-another-method"),
        pytest.param("PUT", "/clew/v1/subjects/a", 405, "/clew/v1/subjects/*", id="below-another"),
        pytest.param("GET", "/ofrep/v1/evaluate/flags", 405, "/ofrep/v1/evaluate/flags", id="both"),
        pytest.param("GET", "/clew/v1/decisions", 404, "other", id="above"),
        pytest.param("GET", "/healthz/", 404, "other", id="below-no-route"),
        pytest.param("GET", "", 404, "other", id="nothing"),
    ],
)
def test_a_request_finds_its_route(
    here: Asked, method: str, path: str, status: int, route: str
) -> None:
    """A path has a route of its own or falls under one, by which the answer is counted."""
    assert here.ask(method, path).status == status
    assert here.service.answered == {(route, status): 1}


@pytest.mark.parametrize("start", ["", "/clew/v1/subjects/"], ids=["nowhere", "below a route"])
def test_a_path_of_many_steps_costs_what_its_length_does(here: Asked, start: str) -> None:
    """Whoever has no key cannot have the service make much of a path, however many its slashes."""
    path = start + "/" * 5_000
    tracemalloc.start()
    try:
        status = here.ask("GET", path, key=None).status
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status in {401, 404}
    assert peak < 50 * len(path)
