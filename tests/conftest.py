"""What all tests share: how hypothesis searches, and where the real data lie."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# No deadline: a test never depends on how busy the machine is. In CI the examples are derived from
# the test alone, so that a red run is red again.
settings.register_profile("clew", max_examples=60, deadline=None, derandomize="CI" in os.environ)
settings.load_profile("clew")

DATA = Path(__file__).parents[1] / "../shared/data"


@pytest.fixture(scope="session")
def retail_csv() -> Path:
    """30,000 order lines of a shop (gzipped CSV, oldest first), or a skip where they are not."""
    path = DATA / "online_retail_sample.csv.gz"
    if not path.is_file():
        pytest.skip("needs ../shared/data/online_retail_sample.csv.gz")
    return path
