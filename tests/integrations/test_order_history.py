"""The example of an order history: its map takes the real file whole, and it runs alone."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clew.engine.compile import compile_policy
from clew.integrations.importing import load_map
from clew.integrations.importing.maps import check_against
from clew.integrations.importing.reading import open_rows
from clew.integrations.importing.rows import RowReader
from clew.policy import check_policy, load_policy

EXAMPLE = Path(__file__).parents[2] / "examples/order_history"


def test_its_policy_has_no_faults() -> None:
    """The policy of the example is sound, and takes what its map makes."""
    loaded = load_policy(EXAMPLE / "policy")
    assert check_policy(loaded) == ()
    check_against(load_map(EXAMPLE / "map.json"), compile_policy(loaded.policy))


def test_it_runs_alone(tmp_path: Path) -> None:
    """Copied elsewhere, the script makes its own file and shows profile and decision."""
    shutil.copytree(EXAMPLE, tmp_path / "order_history")
    child = subprocess.run(
        [sys.executable, "order_history"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "What is known of anna" in child.stdout
    assert "you order Flour most often" in child.stdout
    assert child.stderr == ""


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        pytest.param("order", 29_235, id="orders"),
        pytest.param("cancellation", 593, id="cancellations"),
        pytest.param("charge", 136, id="odd-codes"),
        pytest.param("free", 23, id="without-price"),
        pytest.param("return", 13, id="returns"),
    ],
)
def test_every_row_of_the_real_file_has_its_kind(
    kinds_of_retail: dict[str, int], kind: str, rows: int
) -> None:
    """All 30,000 order lines are told apart, and none is bad."""
    assert kinds_of_retail[kind] == rows
    assert sum(kinds_of_retail.values()) == 30_000


@pytest.fixture(scope="module")
def kinds_of_retail(retail_csv: Path) -> dict[str, int]:
    """How many rows of the real file are of which kind."""
    how = load_map(EXAMPLE / "map.json")
    policy = compile_policy(load_policy(EXAMPLE / "policy").policy)
    reader = RowReader(how, policy, "default", 1_323_475_200.0)
    counts: dict[str, int] = {}
    with open_rows(retail_csv, how.map) as rows:
        for row in rows:
            name = reader.read(row).kind.kind.name
            counts[name] = counts.get(name, 0) + 1
    return counts
