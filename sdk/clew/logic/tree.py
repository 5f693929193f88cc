"""
The tree of a rule: what its JSON means once the shorthands are gone.

`{"var": "a"}` and `{"var": ["a"]}` are the same `Call`, and an array without operators is one
`Literal`.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

from attrs import field, frozen

__all__ = ["CHARACTERS_A_NODE", "Array", "Call", "Literal", "Node", "elements", "walk"]

#: Long texts weigh more than one node, so that copying them in an iteration is paid for.
CHARACTERS_A_NODE = 64


@frozen
class Literal:
    """A JSON value that stands for itself: a scalar, or an array of such."""

    value: Any
    #: How many nodes it counts for.
    size: int = field(init=False, eq=False)

    @size.default
    def _weigh(self) -> int:
        return _weight(self.value)


@frozen
class Array:
    """An array with at least one element to evaluate."""

    items: "tuple[Node, ...]"
    size: int = field(init=False, eq=False)

    @size.default
    def _weigh(self) -> int:
        return 1 + sum(item.size for item in self.items)


@frozen
class Call:
    """An operator and its arguments."""

    operator: str
    args: "tuple[Node, ...]"
    size: int = field(init=False, eq=False)

    @size.default
    def _weigh(self) -> int:
        return 1 + sum(arg.size for arg in self.args)


Node: TypeAlias = Literal | Array | Call


def elements(node: Node) -> tuple[Node, ...] | None:
    """The elements of an array, evaluated or not; None when the node is no array."""
    if isinstance(node, Array):
        return node.items
    if isinstance(node, Literal) and isinstance(node.value, list):
        return tuple(map(Literal, node.value))
    return None


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, parents first; a literal array is one node."""
    yield node
    if isinstance(node, Call):
        for arg in node.args:
            yield from walk(arg)
    elif isinstance(node, Array):
        for item in node.items:
            yield from walk(item)


def _weight(value: Any) -> int:
    if isinstance(value, list):
        return 1 + sum(map(_weight, value))
    return 1 + len(value) // CHARACTERS_A_NODE if isinstance(value, str) else 1
