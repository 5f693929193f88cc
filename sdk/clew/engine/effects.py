"""What folding a fact adds beyond the documents of its person."""

from collections.abc import Mapping
from typing import Any

from attrs import Factory, define

from clew.engine.trial import TrialDocument

__all__ = ["Effects"]


@define
class Effects:
    """What a fact adds beyond the documents of its person."""

    #: By key, what to add to each name.
    sums: dict[str, dict[str, float]] = Factory(dict)
    #: Trials that changed and are to be mirrored.
    trials: list[TrialDocument] = Factory(list)
    #: Trials that now begin where they did not before.
    opened: list[TrialDocument] = Factory(list)
    #: Whether this changes what was counted before, so that the log is to be counted anew.
    disturbs: bool = False
    #: (catalogue, item, fields) that were named; see `clew.engine.learned`.
    items: list[tuple[str, str, dict[str, Any]]] = Factory(list)
    #: `applied`, or `late` when it came after every window it could have counted in.
    status: str = "applied"

    def add(self, key: str, deltas: Mapping[str, float], times: float = 1.0) -> None:
        """Add to the sums under a key, so many times."""
        sums = self.sums.setdefault(key, {})
        for name, delta in deltas.items():
            sums[name] = sums.get(name, 0.0) + times * delta
