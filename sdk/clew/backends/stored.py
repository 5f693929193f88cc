"""
People as this process has stored them last, ready to have the next facts folded into them.

Reading a person takes a read and a parse per document, and most of those whom facts are stored for
were stored a moment ago. A version says whether what is kept is what is stored still. Used inside
of transactions only, which take turns.
"""

from collections import OrderedDict
from collections.abc import Mapping

from clew.backends.base import Reading
from clew.engine.bucketing import store_bucket
from clew.engine.compiled import CompiledPolicy
from clew.engine.person import Person

__all__ = ["Stored"]

#: People kept; beyond this those stored longest ago are forgotten.
PEOPLE_KEPT = 2_000


class Stored:
    """The people of one tenant."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        #: By canonical subject, with the version of each of their documents.
        self._people: OrderedDict[str, tuple[Person, Mapping[str, int]]] = OrderedDict()
        self._canonical: dict[str, str] = {}

    def find(
        self, reading: Reading, policy: CompiledPolicy, subject: str
    ) -> tuple[Person, Mapping[str, int]] | None:
        """Give the person a subject belongs to; None where they are not kept as they are stored."""
        found = self._people.get(self._canonical.get(subject, ""))
        if found is None or found[0].policy is not policy or subject not in found[1]:
            return None
        tenant = self._tenant
        for name, version in found[1].items():
            if reading.version((store_bucket(tenant, name), tenant), name) != version:
                return None
        return found

    def keep(self, person: Person, versions: Mapping[str, int]) -> None:
        """Keep a person whose documents were stored in these versions."""
        self._people[person.subject] = (person, versions)
        self._people.move_to_end(person.subject)
        for name in versions:
            self._canonical[name] = person.subject
        if len(self._people) > PEOPLE_KEPT:
            oldest, (_, names) = self._people.popitem(last=False)
            for name in names:
                if self._canonical.get(name) == oldest:
                    del self._canonical[name]

    def forget(self) -> None:
        """Forget everybody: what was folded into them was not stored."""
        self._people.clear()
        self._canonical.clear()
