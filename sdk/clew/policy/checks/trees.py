"""Trees: a purpose and an objective have a parent, and nothing is an ancestor of itself."""

from collections.abc import Iterator, Mapping

from clew.errors import Problem
from clew.model.policy import Objective, Purpose
from clew.policy.parts import Parts

__all__ = ["cycles"]


def cycles(parts: Parts) -> Iterator[Problem]:
    """Find parents that lead back to where they started; each cycle is told once."""
    yield from _cycles("purpose", parts.purposes)
    yield from _cycles("objective", parts.objectives)


def _cycles(
    kind: str, nodes: "Mapping[str, Purpose] | Mapping[str, Objective]"
) -> Iterator[Problem]:
    parents = {node.id: node.parent for node in nodes.values()}
    told: set[str] = set()
    for at, node in nodes.items():
        path = [node.id]
        while (above := parents.get(path[-1])) is not None and above not in path:
            path.append(above)
        if above == node.id and node.id not in told:
            told.update(path)
            way = " → ".join(f"`{name}`" for name in (*path, node.id))
            message = f"the {kind} is its own ancestor ({way}); take out one of these parents"
            yield Problem(f"{at}/parent", "cycle", message)
