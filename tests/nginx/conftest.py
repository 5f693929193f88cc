"""The shop, and the shared cache before it."""

import os
import sys
from collections.abc import Iterator

import httpx
import pytest

from edge.http.wire import GUARD_SECONDS, listening
from nginx.proxy import greedy_cache


@pytest.fixture(scope="session")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Asks the shop through the cache."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with (
        listening(sys.executable, "-m", "nginx.serve", **environment) as upstream,
        greedy_cache(tmp_path_factory.mktemp("nginx"), upstream) as socket,
    ):
        transport = httpx.HTTPTransport(uds=str(socket), retries=8)  # it may still be starting
        with httpx.Client(
            transport=transport, base_url="http://shop.test", timeout=GUARD_SECONDS
        ) as client:
            yield client
