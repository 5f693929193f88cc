"""One decide request under way: who waits for it, and what it brings."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

from clew.cache import Key
from clew.model.decision import Decision

__all__ = ["Flight"]


class Flight:
    """
    A request for some slots of one person.

    Its state is changed by whoever holds the lock of the cache; waiting takes no lock.

    Args:
        keys: what is asked for.
        ahead: those of them that are asked for before anybody needs them.
        id: the request's own, by which all of it can be voided; None where somebody may ask for the
            same again, and get it.
    """

    def __init__(self, keys: Iterable[Key], ahead: Iterable[Key], id: str | None) -> None:
        self.keys = frozenset(keys)
        self.ahead = frozenset(ahead)
        self.id = id
        #: Whether others than who began it have waited for it.
        self.is_shared = False
        #: Whether it has left, so that the server may decide.
        self.is_sent = False
        #: How many callers wait for each key.
        self.waiting: Counter[Key] = Counter()
        #: What it brought; a slot that the policy does not have is not among it.
        self.made: Mapping[Key, Decision] = {}
        #: Why it brought nothing.
        self.error: Exception | None = None
        self._landed = threading.Event()

    @property
    def is_wanted(self) -> bool:
        """Whether its answer is of use to anybody."""
        return bool(self.ahead) or any(self.waiting.values())

    @property
    def is_in_vain(self) -> bool:
        """Whether the server may decide what nobody waits for, or asks for again."""
        is_lost = self.is_sent and not self.has_landed and not self.is_wanted
        return is_lost and self.id is not None

    @property
    def has_landed(self) -> bool:
        """Whether it is over, well or not."""
        return self._landed.is_set()

    def land(self) -> None:
        """End it; whoever waits goes on."""
        self._landed.set()

    def wait(self, seconds: float) -> None:
        """Wait until it is over, so many seconds at most."""
        self._landed.wait(max(0.0, seconds))
