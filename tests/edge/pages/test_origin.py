"""Which requests come from a page of the same site."""

import pytest
from starlette.datastructures import Headers

from clew_edge.pages.origin import is_same_origin


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({}, True, id="no browser"),
        pytest.param({"sec-fetch-site": "same-origin"}, True, id="same origin"),
        pytest.param({"sec-fetch-site": "none"}, True, id="by the visitor's own hand"),
        pytest.param({"sec-fetch-site": "same-site"}, False, id="a sister host"),
        pytest.param({"sec-fetch-site": "cross-site"}, False, id="another site"),
        pytest.param({"sec-fetch-site": ""}, False, id="no known word"),
        pytest.param(
            {"sec-fetch-site": "same-origin", "origin": "https://shop", "host": "upstream:8000"},
            True,
            id="behind a proxy that writes its own host",
        ),
        pytest.param({"origin": "https://shop", "host": "shop"}, True, id="older browser"),
        pytest.param({"origin": "https://Shop", "host": "shop:443"}, True, id="the port of https"),
        pytest.param({"origin": "http://shop:80", "host": "shop"}, True, id="the port of http"),
        pytest.param({"origin": "http://shop:81", "host": "shop"}, False, id="another port"),
        pytest.param({"origin": "http://shop:443", "host": "shop"}, False, id="port of a scheme"),
        pytest.param({"origin": "http://[::1]:8000", "host": "[::1]:8000"}, True, id="IPv6"),
        pytest.param({"origin": "https://shop.evil", "host": "shop"}, False, id="longer name"),
        pytest.param({"origin": "https://evil", "host": "shop"}, False, id="another host"),
        pytest.param({"origin": "null", "host": "shop"}, False, id="sandboxed frame"),
        pytest.param({"origin": "null", "host": ""}, False, id="nobody at nowhere"),
        pytest.param({"origin": "https://shop"}, False, id="no host to compare with"),
    ],
)
def test_same_origin(headers, expected):
    """A browser's own comparison decides; without one, Origin has to be Host."""
    assert is_same_origin(Headers(headers)) is expected
