"""The tree of purposes."""

import pytest

from clew.model.policy import Purpose
from clew.trust.purposes import Purposes

TREE = Purposes(
    [
        Purpose(id="a", basis="consent"),
        Purpose(id="b", basis="contract", parent="a"),
        Purpose(id="c", basis="consent", parent="b"),
        Purpose(id="lost", basis="consent", parent="nowhere"),
        Purpose(id="x", basis="consent", parent="y"),
        Purpose(id="y", basis="consent", parent="x"),
    ]
)


@pytest.mark.parametrize(
    ("name", "chain"),
    [
        ("a", ("a",)),
        ("c", ("c", "b", "a")),
        ("lost", ("lost", "nowhere")),
        ("x", ("x", "y")),
    ],
)
def test_chains(name, chain):
    """A purpose has its ancestors, nearest first; a wrong tree ends somewhere."""
    assert TREE.chains[name] == chain


@pytest.mark.parametrize(
    ("data", "use", "covered"),
    [
        ("a", "a", True),
        ("a", "c", True),
        ("c", "a", False),
        ("a", "lost", False),
        ("a", "?", False),
    ],
)
def test_data_flows_down(data, use, covered):
    """Data of the parent may serve the child, never the other way round."""
    assert TREE.covers(data, use) is covered


def test_what_is_declared():
    """A purpose is known by its name, with the ground stated for it."""
    assert "a" in TREE
    assert "nowhere" not in TREE
    assert TREE.basis["b"] == "contract"
