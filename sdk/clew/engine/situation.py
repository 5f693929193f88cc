"""
What deciding looks at and what it gives: values alone.

`Situation` is one person, one moment, one request; `Raw` is the answer before anything is rendered
or explained.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from attrs import define

from clew.engine.compiled import CompiledCreative
from clew.engine.learn import Arm, Prior
from clew.model.policy import CatalogueItem
from clew.model.words import Basis, Reason

__all__ = ["Assignment", "Draw", "Entry", "Learned", "Raw", "Situation"]

Assignment: TypeAlias = tuple[str, str, str]
"""(holdout id, epoch, arm)"""

Draw: TypeAlias = dict[str, Any]
"""One draw in wire form: all that is needed to compute its propensity again (RULES D7)."""


class Learned(Protocol):
    """What the engine may ask of all that was learned so far."""

    #: The store's change count these figures belong to.
    version: int

    def arm(self, key: str, prior: Prior, /) -> Arm:
        """The state of one arm; the prior where nothing was learned."""
        ...

    def tally(self, key: str, /) -> Mapping[str, float]:
        """Sums by name: rounds and displays of a slot, counts of pairs."""
        ...

    def item(self, catalogue: str, item: str, /) -> CatalogueItem | None:
        """An entry that a catalogue learned from signals."""
        ...

    def age(self, now: float, /) -> float:
        """How old the figures are, in seconds."""
        ...


@define
class Situation:
    """One person, one moment, one request: all that deciding may look at."""

    #: The masked view that rules, features and templates read.
    view: dict[str, Any]
    #: The ground of the slot's purpose; None where there is none.
    basis: Basis | None
    #: Whom arms and shares are assigned by; None without a persistent id.
    key: str | None
    now: float
    #: Gives the next uniform number in [0, 1).
    uniform: Callable[[], float]
    learned: Learned
    #: The trials this person is part of, by holdout and epoch; each has its `arm`.
    trials: Mapping[str, Mapping[str, Any]]
    #: Whether this request is of traffic that is counted.
    counted: bool = True
    #: The person's last decision for this slot, if it is still to be kept (RULES D3).
    kept: Mapping[str, Any] | None = None


@define
class Entry:
    """One position of a list slot, before its content is rendered."""

    item: str
    reason: Reason
    propensity: float
    #: None for a pinned entry: it is not drawn and not learned.
    draw: Draw | None = None


@define
class Raw:
    """A draw, before anything is rendered or explained."""

    reason: Reason
    creative: CompiledCreative | None
    propensity: float | None = None
    #: The holdouts this person is measured against here; the first is the one that applied.
    assignments: tuple[Assignment, ...] = ()
    measured: bool = False
    segments: tuple[str, ...] = ()
    draw: Draw | None = None
    entries: tuple[Entry, ...] = ()
    #: Content that had to be rendered to know that it can be.
    content: dict[str, Any] | None = None
    #: What was eligible; a kept decision stands only while this stays the same.
    eligible: tuple[str, ...] = ()
    #: Whether the kept decision stands: then nothing was drawn.
    hit: bool = False
