"""Which paths have slots."""

import pytest

from clew.errors import ConfigurationError
from clew_edge.routes import Routes

DECLARED = {"/": ["hero", "side"], "/pizza/*": ["upsell"], "/pizza/hawaiian": ["hero", "upsell"]}


@pytest.mark.parametrize(
    ("routes", "path", "expected"),
    [
        pytest.param(None, "/any/where", (), id="by-default-every-page"),
        pytest.param(DECLARED, "/", ("hero", "side"), id="exactly"),
        pytest.param(DECLARED, "/pizza/margherita", ("upsell",), id="by-pattern"),
        pytest.param(DECLARED, "/pizza/hawaiian", ("upsell", "hero"), id="all-that-match-add-up"),
        pytest.param(DECLARED, "/static/site.css", None, id="elsewhere"),
        pytest.param(["/", "/blog/*"], "/blog/1", (), id="paths-without-slots"),
        pytest.param([], "/", None, id="nowhere"),
    ],
)
def test_a_path_has_the_slots_that_are_declared_for_it(routes, path, expected):
    """Patterns add up; None is a path without slots, () one whose slots are found as they come."""
    assert Routes(routes).slots(path) == expected


@pytest.mark.parametrize(
    "routes",
    [
        pytest.param({"home": ["hero"]}, id="no-path"),
        pytest.param({"/": "hero"}, id="text-instead-of-a-list"),
        pytest.param({"/": None}, id="nothing-instead-of-a-list"),
        pytest.param({"/": [1]}, id="a-number-instead-of-a-slot"),
        pytest.param([1], id="a-number-instead-of-a-path"),
        pytest.param("/", id="one-path-instead-of-several"),
    ],
)
def test_a_route_that_could_never_match_is_refused(routes):
    """A mistake in the options is told at the start, with an example."""
    with pytest.raises(ConfigurationError, match="write "):
        Routes(routes)
