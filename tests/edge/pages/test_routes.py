"""What is served below `/_clew/`, and how everything else is refused."""

import asyncio

import pytest

from clew import AsyncClient
from clew.backends.embedded import Embedded
from clew.backends.memory import MemoryStore
from clew.errors import BackendUnavailableError
from client.worlds import bundle, policy
from edge.pages.sites import Site


@pytest.mark.parametrize("route", ["", "nothing", "why/", "Outcomes", "../why", "measure"])
def test_what_is_not_there_is_a_problem_that_says_so(site, route):
    """An unknown route is 404; so is the page of measurements where nobody asked for it."""
    answer = site.get(route) if ".." not in route else site.ask("GET", "%2e%2e/why")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is nothing here; check the address",
    }


@pytest.mark.parametrize(
    ("method", "route", "allow"),
    [
        ("GET", "outcomes", "POST"),
        ("POST", "why", "GET, HEAD"),
        ("DELETE", "beacon.js", "GET, HEAD"),
        ("OPTIONS", "outcomes", "POST"),
    ],
)
def test_another_method_is_refused_with_those_that_work(site, method, route, allow):
    """405 names the methods of the route."""
    answer = site.ask(method, route)
    assert (answer.status_code, answer.headers["allow"]) == (405, allow)


@pytest.mark.parametrize("route", ["beacon.js", "why"])
def test_head_has_the_headers_of_get(site, route):
    """HEAD answers as GET does."""
    head, get = site.ask("HEAD", route), site.get(route)
    assert (head.status_code, head.headers) == (get.status_code, get.headers)


class Gone:
    """A store that fails while it is told to."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.gone = False

    def __getattr__(self, name):
        if self.gone and name != "close":
            raise BackendUnavailableError("no disk at /secret/place")
        return getattr(self.store, name)


def test_a_store_that_does_not_answer_is_a_503(clock):
    """What needs the store says that it can be tried again, and repeats nothing of its fault."""
    store = Gone()
    backend = Embedded(store, policy=bundle(policy()), clock=clock)
    site = Site(AsyncClient("memory://", backend=backend, clock=clock), clock)
    assert site.get("why").status_code == 200
    store.gone = True
    answer = site.get("why")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "secret" not in answer.text
    store.gone = False
    asyncio.run(site.client.close())
