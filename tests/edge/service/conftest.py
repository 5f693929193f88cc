"""A service for each test that asks one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.service.asking import Asked, opened


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Asked]:
    """A service over a database of its own, with two tenants."""
    with opened(tmp_path) as asked:
        yield asked
