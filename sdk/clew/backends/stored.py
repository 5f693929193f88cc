"""
People as this process has stored them last, ready to have the next facts folded into them.

Reading a person takes a read and a parse per document, and most of those whom facts are stored for
were stored a moment ago. What is kept is what is stored still where nobody else has committed
meanwhile; else the versions of the documents tell. Used inside of transactions only, which take
turns.
"""

from collections import OrderedDict
from collections.abc import Mapping

from attrs import define

from clew.backends.base import Writing
from clew.engine.bucketing import store_bucket
from clew.engine.compiled import CompiledPolicy
from clew.engine.person import Person

__all__ = ["Stored"]

#: People kept; beyond this those stored longest ago are forgotten.
PEOPLE_KEPT = 2_000


@define
class _Kept:
    """One person."""

    person: Person
    #: Of each document.
    versions: Mapping[str, int]
    #: In which run of this process's own transactions they were last seen to hold.
    run: int


class Stored:
    """The people of one tenant."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        #: By canonical subject.
        self._people: OrderedDict[str, _Kept] = OrderedDict()
        self._canonical: dict[str, str] = {}
        #: Counts runs of transactions that nobody else's came between, and the number (as
        #: `Writing.number`) that the last one has left behind.
        self._run = 0
        self._number: int | None = None

    def begin(self, writing: Writing) -> None:
        """A transaction begins; what it does not follow at once may have changed anybody."""
        if writing.follows is None or writing.follows != self._number:
            self._run += 1
        self._number = writing.number

    def find(
        self, writing: Writing, policy: CompiledPolicy, subject: str
    ) -> tuple[Person, Mapping[str, int]] | None:
        """Give the person a subject belongs to; None where they are not kept as they are stored."""
        kept = self._people.get(self._canonical.get(subject, ""))
        if kept is None or kept.person.policy is not policy or subject not in kept.versions:
            return None
        if kept.run != self._run:
            tenant = self._tenant
            for name, version in kept.versions.items():
                if writing.version((store_bucket(tenant, name), tenant), name) != version:
                    return None
        return kept.person, kept.versions

    def keep(self, person: Person, versions: Mapping[str, int]) -> None:
        """Keep a person whose documents were stored in these versions."""
        self._people[person.subject] = _Kept(person, versions, self._run)
        self._people.move_to_end(person.subject)
        for name in versions:
            self._canonical[name] = person.subject
        if len(self._people) > PEOPLE_KEPT:
            oldest, forgotten = self._people.popitem(last=False)
            for name in forgotten.versions:
                if self._canonical.get(name) == oldest:
                    del self._canonical[name]

    def forget(self) -> None:
        """Forget everybody: what was folded into them was not stored."""
        self._people.clear()
        self._canonical.clear()
