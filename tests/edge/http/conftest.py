"""One real server per implementation of HTTP that uvicorn has."""

import os
import sys
from collections.abc import Iterator

import pytest

from edge.http.wire import Wire, connected, listening


@pytest.fixture(scope="session", params=["h11", "httptools"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Where the site is served."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = (sys.executable, "-m", "edge.http.serve", request.param)
    with listening(*command, **environment) as found:
        yield found


@pytest.fixture
def wire(port: int) -> Iterator[Wire]:
    """A connection to the site."""
    with connected(port) as opened:
        yield opened
