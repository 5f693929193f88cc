"""
The tree of purposes: a parent purpose covers its children.

Permission flows down (who allowed `personalise` allowed `personalise.email`), and so does data:
what was collected for the parent may serve the child, never the other way round.
"""

from collections.abc import Iterable, Mapping

from clew.model.policy import Purpose
from clew.model.words import Basis

__all__ = ["Purposes"]


class Purposes:
    """The purposes of a policy, ready to be asked."""

    def __init__(self, purposes: Iterable[Purpose]) -> None:
        declared = {purpose.id: purpose for purpose in purposes}
        #: Each purpose with its ancestors, nearest first, itself included.
        self.chains: Mapping[str, tuple[str, ...]] = {
            name: _chain(name, declared) for name in declared
        }
        #: The ground the policy states for each purpose.
        self.basis: Mapping[str, Basis] = {name: p.basis for name, p in declared.items()}

    def __contains__(self, name: object) -> bool:
        return name in self.chains

    def covers(self, data: str, use: str) -> bool:
        """Whether data collected for the purpose *data* may serve the purpose *use*."""
        return data in self.chains.get(use, ())


def _chain(name: str, declared: Mapping[str, Purpose]) -> tuple[str, ...]:
    chain: list[str] = []
    step: str | None = name
    # An unknown parent ends the chain and a cycle closes it; checking a policy reports both.
    while step is not None and step not in chain:
        chain.append(step)
        step = declared[step].parent if step in declared else None
    return tuple(chain)
