"""
Decisions kept by a client whose backend is elsewhere (RULES D4).

- **Fresh** ones answer for their time to live without asking anybody.
- **Aging** ones answer too, for as long again, while they are asked for anew.
- **Older** ones are the last known good: they stand in when there is no answer.

All that was decided for one person is kept in one place and dropped as a whole, the older ones too,
by whatever is told of that person. What is under way then lands in a place that nobody looks at any
more, so nothing kept is ever older than what this client told. Another version of the policy drops
everything.

Not safe for threads: who calls it holds one lock around all of it.
"""

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from typing import Any, TypeAlias

from attrs import Factory, define, evolve, field, frozen

from clew.model.decision import Decision
from clew.model.words import Traffic

__all__ = ["Aging", "Asker", "DecisionCache", "Entry", "Kept", "Key"]

Asker: TypeAlias = tuple[str | None, str | None, str | None, Traffic]
"""Who asks: the subject, its anonymous one, the session and the kind of traffic."""

Key: TypeAlias = tuple[Hashable, ...]
"""A slot, and all else that its decision hangs on."""

#: People whose decisions are kept, and decisions of one of them.
PEOPLE_MAX = 4_096
KEPT_MAX = 64
#: Decisions whose person is remembered, so that an outcome finds them.
REMEMBERED_MAX = 50_000
#: How old a last known good decision may be, in seconds.
LAST_GOOD_SECONDS = 3_600.0


@frozen
class Aging:
    """When a decision is no longer what it was; in seconds since the epoch."""

    taken_at: float
    fresh_until: float
    #: When a schedule of its slot begins or ends next: from then on it may not be shown at all.
    ends_at: float = float("inf")
    #: How long it answers while it is asked for anew: for as long again as it was fresh.
    aging_until: float = field(init=False)
    #: How long it may stand in when there is no answer.
    good_until: float = field(init=False)

    @aging_until.default
    def _aging_until(self) -> float:
        return min(self.ends_at, 2.0 * self.fresh_until - self.taken_at)

    @good_until.default
    def _good_until(self) -> float:
        return min(self.ends_at, self.taken_at + LAST_GOOD_SECONDS)


@define(eq=False)
class Entry:
    """One decision that is kept."""

    decision: Decision
    aging: Aging
    #: Whether anybody got it; one that nobody got counts for nothing (RULES D8).
    is_shown: bool
    _hit: Decision | None = None
    _stale: Decision | None = None

    def show(self, now: float) -> Decision:
        """Give it to whoever asks: the same decision, of which the first sight is no hit (D3)."""
        if not self.is_shown:
            self.is_shown = True
            return self.decision
        if now < self.aging.fresh_until:
            self._hit = self._hit or evolve(self.decision, cache="hit")
            return self._hit
        self._stale = self._stale or evolve(self.decision, cache="stale")
        return self._stale

    def stand_in(self) -> Decision:
        """Give it for want of an answer."""
        self.is_shown = True
        return evolve(self.decision, cache="stale", reason="stale")


@define(eq=False)
class Kept:
    """What was decided, and is being decided, for one person since anything was told of them."""

    entries: OrderedDict[Key, Entry] = Factory(OrderedDict)
    #: By key, what is under way: one flight for each, whoever waits for it.
    flights: dict[Key, Any] = Factory(dict)

    def fresh(self, keys: Mapping[str, Key], now: float) -> dict[str, Decision] | None:
        """Give what answers for slots without more ado, if all does; changes nothing else."""
        made: dict[str, Decision] = {}
        for slot, key in keys.items():
            entry = self.entries.get(key)
            if entry is None or not entry.is_shown or now >= entry.aging.fresh_until:
                return None
            made[slot] = entry.show(now)
        return made

    def good(self, keys: Mapping[str, Key], now: float) -> dict[str, Decision]:
        """Give what was good before and may stand in still."""
        entries = {slot: self.entries.get(key) for slot, key in keys.items()}
        return {
            slot: entry.stand_in()
            for slot, entry in entries.items()
            if entry is not None and now < entry.aging.good_until
        }

    def look(
        self, keys: Mapping[str, Key], now: float
    ) -> tuple[dict[str, Decision], list[str], list[str]]:
        """Find what answers for slots, those that are missing and those to ask for anew."""
        made: dict[str, Decision] = {}
        missing: list[str] = []
        ahead: list[str] = []
        for slot, key in keys.items():
            entry = self.entries.get(key)
            if entry is None or now >= entry.aging.aging_until:
                missing.append(slot)
                continue
            if now >= entry.aging.fresh_until:
                ahead.append(slot)
            made[slot] = entry.show(now)
        return made, missing, ahead


@define(eq=False)
class DecisionCache:
    """The kept decisions of one client, the least recently used giving way."""

    #: Decisions that were dropped and that nobody got; whoever holds the lock takes them away.
    unused: list[Decision] = Factory(list)
    _people: OrderedDict[str, Kept] = field(factory=OrderedDict, init=False)
    #: Of subjects that were seen to be one person, whose id the person goes by; and by that, they.
    _canonical: OrderedDict[str, str] = field(factory=OrderedDict, init=False)
    _others: dict[str, set[str]] = field(factory=dict, init=False)
    _subjects: OrderedDict[str, str] = field(factory=OrderedDict, init=False)
    _policy: tuple[str | None, str | None] | None = field(default=None, init=False)

    def names(self, subject: str) -> list[str]:
        """Give the subjects that are known to be one person with this one, which comes last."""
        person = self._canonical.get(subject, subject)
        others = {person, *self._others.get(person, ())} - {subject}
        return [*sorted(others), subject]

    def of(self, subject: str) -> Kept:
        """Give what is kept for the person a subject belongs to, from now on if nothing is."""
        kept = self.find(subject)
        if kept is None:
            kept = self._people[self._canonical.get(subject, subject)] = Kept()
            if len(self._people) > PEOPLE_MAX:
                self._let_go(self._people.popitem(last=False)[1])
        return kept

    def find(self, subject: str) -> Kept | None:
        """As `of`, where something is kept already."""
        person = self._canonical.get(subject, subject)
        kept = self._people.get(person)
        if kept is not None:
            self._people.move_to_end(person)
        return kept

    def is_current(self, subject: str, kept: Kept) -> bool:
        """Whether nothing was told of a person since."""
        return self._people.get(self._canonical.get(subject, subject)) is kept

    def put(self, subject: str, kept: Kept, key: Key, entry: Entry) -> None:
        """Keep a decision, if what it was decided on still stands."""
        if not self.is_current(subject, kept):
            self._note_unused(entry)
            return
        decision = entry.decision
        policy = (decision.policy_id, decision.policy_version)
        if policy != self._policy:
            if self._policy is not None:
                self.clear()
                kept = self.of(subject)
            self._policy = policy
        person = decision.subject
        if person is not None and person != self._canonical.get(subject, subject):
            self.link(subject, person)
            kept = self.of(subject)
        previous = kept.entries.pop(key, None)
        if previous is not None and previous.decision.id != decision.id:
            self._note_unused(previous)
        kept.entries[key] = entry
        if len(kept.entries) > KEPT_MAX:
            self._note_unused(kept.entries.popitem(last=False)[1])

    def remember(self, decision: str, subject: str) -> None:
        """Note for whom something was decided."""
        self._subjects[decision] = subject
        if len(self._subjects) > REMEMBERED_MAX:
            self._subjects.popitem(last=False)

    def drop(self, subject: str) -> None:
        """Something was told of a subject: nothing that is kept for the person stands."""
        kept = self._people.pop(self._canonical.get(subject, subject), None)
        if kept is not None:
            self._let_go(kept)

    def drop_decision(self, decision: str) -> None:
        """Something was told of a decision, and so of its person."""
        subject = self._subjects.get(decision)
        if subject is not None:
            self.drop(subject)

    def link(self, anonymous: str, subject: str) -> None:
        """Two subjects are one person: what is told of either is told of both."""
        self.unlink(anonymous, subject)
        person = self._canonical.get(subject, subject)
        self._canonical[anonymous] = person
        self._others.setdefault(person, set()).add(anonymous)
        if len(self._canonical) > PEOPLE_MAX:
            # Whoever is forgotten begins anew, under their own name.
            oldest, person = next(iter(self._canonical.items()))
            self.unlink(oldest, person)

    def unlink(self, anonymous: str, subject: str) -> None:
        """Two subjects are no longer one person."""
        self.drop(anonymous)
        self.drop(subject)
        person = self._canonical.pop(anonymous, None)
        if person is not None:
            others = self._others[person]
            others.discard(anonymous)
            if not others:
                del self._others[person]

    def clear(self) -> None:
        """Nothing that is kept stands."""
        for kept in self._people.values():
            self._let_go(kept)
        self._people.clear()

    def _let_go(self, kept: Kept) -> None:
        for entry in kept.entries.values():
            self._note_unused(entry)
        kept.entries.clear()

    def _note_unused(self, entry: Entry) -> None:
        if not entry.is_shown:
            self.unused.append(entry.decision)
