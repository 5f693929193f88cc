"""What is known of a subject at an instant (`schemas/profile.schema.json`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import Factory, field, frozen

from clew.model.limits import identifier
from clew.model.words import Basis, ConsentState

__all__ = ["Permission", "Profile"]


@frozen(kw_only=True)
class Permission:
    """What holds for one purpose, and the record it rests on."""

    purpose: str
    permitted: bool
    basis: Basis | None = None
    #: The latest record that decides; None where only the policy's ground speaks.
    state: ConsentState | None = None
    source: str | None = None
    occurred_at: datetime | None = None


@frozen(kw_only=True)
class Profile:
    """
    Traits by origin, memberships and permissions of one person at `as_of`.

    `traits` merges the four origins, in the order declared, observed, computed, predicted.
    """

    subject: str = field(validator=identifier)
    as_of: datetime
    anonymous_subjects: tuple[str, ...] = ()
    declared: Mapping[str, Any] = Factory(dict)
    observed: Mapping[str, Any] = Factory(dict)
    computed: Mapping[str, Any] = Factory(dict)
    predicted: Mapping[str, Any] = Factory(dict)
    segments: tuple[str, ...] = ()
    permissions: tuple[Permission, ...] = ()
    #: How many signals were folded into it.
    signals: int = field(default=0)
    policy_id: str | None = None
    policy_version: str | None = None
    ext: Mapping[str, Any] = Factory(dict)

    @property
    def traits(self) -> dict[str, Any]:
        """All traits under one name each; what the person declared wins."""
        return {**self.predicted, **self.computed, **self.observed, **self.declared}
