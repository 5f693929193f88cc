"""
A batch of facts on its way into the store: what one transaction has read, and what it is to write.

A person's documents are read once per batch and written back once, with the sums and the trials.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson
from attrs import define, field

from clew.backends.base import Place, Trial, Writing
from clew.backends.figures import teaches
from clew.backends.people import load
from clew.backends.recounting import recount_trials
from clew.backends.stored import Stored
from clew.engine.bucketing import store_bucket
from clew.engine.compiled import CompiledPolicy
from clew.engine.effects import Effects
from clew.engine.learned import newest
from clew.engine.person import Person, empty
from clew.engine.trial import TrialDocument
from clew.ids import bucket_of

__all__ = ["Applying", "row_of"]


@define
class Applying:
    """
    One batch on its way into the store.

    Args:
        write: the transaction.
        stored: who was stored before.
        now: seconds since the epoch.
    """

    write: Writing
    stored: Stored
    tenant: str
    policy: CompiledPolicy | None
    now: float
    #: By canonical subject, and the canonical subject of each identity.
    people: dict[str, Person] = field(factory=dict)
    canonical: dict[str, str] = field(factory=dict)
    touched: set[str] = field(factory=set)
    trials: dict[int, tuple[str, TrialDocument]] = field(factory=dict)
    #: Whose trials are counted anew, and by `id` the trials that begin here.
    disturbed: set[str] = field(factory=set)
    opened: set[int] = field(factory=set)
    sums: dict[str, dict[str, float]] = field(factory=dict)
    items: dict[tuple[str, str], dict[str, Any]] = field(factory=dict)
    #: How many facts changed each person, by canonical subject, and how many taught anything.
    folds: Counter[str] = field(factory=Counter)
    taught: int = 0
    #: By canonical subject, the version of each document as it was read, and as it was written.
    before: dict[str, Mapping[str, int]] = field(factory=dict)
    after: dict[str, dict[str, int]] = field(factory=dict)

    def finish(self) -> None:
        """Write back what the batch changed besides its facts."""
        self._recount()
        self._put_people()
        for key in sorted(self.sums):
            self.write.add_sums(self.tenant, key, self.sums[key])
        for subject, trial in self.trials.values():
            self.write.put_trial(self.place(subject), self.tenant, row_of(subject, trial))
        for (catalogue, item), fields in sorted(self.items.items()):
            self._put_item(f"item:{catalogue}:{item}", fields)

    def _put_people(self) -> None:
        touched = [self.people[subject] for subject in sorted(self.touched)]
        written = [
            (person, name, document)
            for person in touched
            for name, document in person.documents.items()
        ]
        versions = self.write.put_people(
            [(self.place(name), name, orjson.dumps(document)) for _, name, document in written]
        )
        for (person, name, _), version in zip(written, versions, strict=True):
            self.after.setdefault(person.subject, {})[name] = version
        for person in touched:
            self.stored.keep(person, self.after[person.subject])

    def place(self, subject: str) -> Place:
        """Where a subject's rows lie."""
        return store_bucket(self.tenant, subject), self.tenant

    def person(self, subject: str) -> Person:
        """The person a subject belongs to, as this batch has left them so far."""
        known = self.canonical.get(subject)
        if known is None:
            assert self.policy is not None  # noqa: S101 - refused before
            found = self.stored.find(self.write, self.policy, subject) or self._load(subject)
            person = found[0]
            known = person.subject
            self.people[known], self.before[known] = found
            for name in person.documents:
                self.canonical[name] = known
        return self.people[known]

    def _load(self, subject: str) -> tuple[Person, Mapping[str, int]]:
        assert self.policy is not None  # noqa: S101 - refused before
        anew = Effects()
        person, versions = load(self.write, self.tenant, self.policy, subject, effects=anew)
        if anew.sums:
            # What folding its history anew has counted is kept together with the documents.
            self.people[person.subject] = person
            self.took(person, anew)
        return person, versions

    def record(self, decision: str) -> Mapping[str, Any] | None:
        """The record of a decision by its id, as far as it is stored."""
        place = bucket_of(decision) or 0, self.tenant
        body = self.write.fact(place, "decision", decision)
        return None if body is None else orjson.loads(body)

    def nobody(self) -> Person:
        """Whom a decision without a subject is folded into: nothing of it is kept."""
        assert self.policy is not None  # noqa: S101 - refused before
        return Person(self.policy, "", {"": empty()})

    def took(self, person: Person, effects: Effects) -> None:
        """Note what folding a fact changed."""
        if person.subject:
            self.changed(person.subject)
        self.taught += teaches(effects)
        if effects.opened or effects.disturbs:
            self.disturbed.add(person.subject)
            self.opened.update(map(id, effects.opened))
        for trial in (*effects.opened, *effects.trials):
            self.trials[id(trial)] = (person.subject, trial)
        for key, deltas in effects.sums.items():
            sums = self.sums.setdefault(key, {})
            for name, delta in deltas.items():
                sums[name] = sums.get(name, 0.0) + delta
        for catalogue, item, fields in effects.items:
            known = self.items.get((catalogue, item), {})
            self.items[catalogue, item] = newest(known, fields)

    def changed(self, subject: str) -> None:
        """Note that a fact has changed a person."""
        self.touched.add(subject)
        self.folds[subject] += 1

    def _recount(self) -> None:
        """Count the trials of those anew whom something has changed what was counted of."""
        for subject in sorted({self.canonical.get(name, name) for name in self.disturbed}):
            person = self.people[subject]
            for trial in recount_trials(self.write, self.tenant, person, self.opened):
                self.trials[id(trial)] = (subject, trial)

    def _put_item(self, name: str, fields: Mapping[str, Any]) -> None:
        present = self.write.setting(self.tenant, name)
        known = orjson.loads(present or b"{}")
        merged = newest(known, fields)
        if present is None or merged != known:
            self.write.put_setting(self.tenant, name, orjson.dumps(merged))


def row_of(subject: str, trial: TrialDocument) -> Trial:
    """Mirror one subject's part in a trial as a row, for measuring."""
    return Trial(
        experiment=trial["experiment"],
        epoch=trial["epoch"],
        subject=subject,
        arm=trial["arm"],
        triggered_at=trial["at"],
        policy_version=trial["policy_version"],
        left_at=trial["left"],
        opened_by=trial["owner"] if trial["owner"] != subject else None,
        values={name: tuple(figures) for name, figures in trial["values"].items()},
    )
