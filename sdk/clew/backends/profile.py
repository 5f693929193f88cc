"""A person as a `Profile` shows them: everything that is stored, with what may be used and why."""

from datetime import UTC, datetime
from typing import Any

from clew.engine.person import KINDS, Person
from clew.logic.values import truthy
from clew.model.profile import Permission, Profile

__all__ = ["profile_of"]


def profile_of(person: Person, now: float) -> Profile:
    """Show what is known of a person at an instant, in seconds since the epoch."""
    policy = person.policy
    values: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for trait in policy.traits.values():
        value = trait.read(person.states(trait), now)
        if value is not None:
            values[trait.kind][trait.id] = value
    merged: dict[str, Any] = {}
    for kind in reversed(KINDS):
        merged.update(values[kind])
    view = {**values, "traits": merged, "segments": (), "journeys": {}, "context": {}}
    return Profile(
        subject=person.subject,
        as_of=_moment(now),
        anonymous_subjects=tuple(sorted(set(person.documents) - {person.subject})),
        segments=tuple(name for name, rule in policy.segments if truthy(rule(view))),
        permissions=tuple(
            Permission(
                purpose=purpose,
                permitted=ground.permitted,
                basis=ground.basis,
                state=ground.state,
                source=ground.source,
                occurred_at=None if ground.at is None else _moment(ground.at),
            )
            for purpose, ground in person.grounds.items()
        ),
        signals=sum(document["signals"] for document in person.documents.values()),
        policy_id=policy.policy.id,
        policy_version=policy.policy.version,
        **values,
    )


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
