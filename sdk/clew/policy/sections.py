"""The lists a policy consists of: what they hold, and where their order carries no meaning."""

from collections.abc import Mapping

from clew.model.policy import (
    Cap,
    Catalogue,
    Creative,
    Holdout,
    Journey,
    Moment,
    Objective,
    Purpose,
    Segment,
    SignalType,
    Slot,
    Suppression,
    Trait,
)

__all__ = ["SECTIONS", "SETS"]

#: By the name of the field of a policy. All are sets of parts, told apart by their ids.
SECTIONS: Mapping[str, type] = {
    "purposes": Purpose,
    "signals": SignalType,
    "objectives": Objective,
    "traits": Trait,
    "segments": Segment,
    "slots": Slot,
    "creatives": Creative,
    "holdouts": Holdout,
    "caps": Cap,
    "suppressions": Suppression,
    "catalogues": Catalogue,
    "journeys": Journey,
    "moments": Moment,
}

#: Fields that are sets too, by section; "" is the policy itself. In other lists order has a
#: meaning: of a slot's objectives the first names it, a journey begins in the first state.
SETS: Mapping[str, tuple[str, ...]] = {
    "": ("parties", "traffic"),
    "signals": ("purposes",),
    "slots": ("features", "channels"),
    "creatives": ("slots", "tags", "channels"),
    "holdouts": ("scope",),
    "suppressions": ("tags",),
    "catalogues": ("items",),
}
