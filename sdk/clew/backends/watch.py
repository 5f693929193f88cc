"""
Whether somebody else has changed the store, so that what is kept of it must be looked at again.

What this process commits itself is known to it already; only its number must be told apart from
those of others. A transaction says which number it follows and which it will leave behind
(`clew.backends.base.Writing`), so both pass for the same state.
"""

import threading

from clew.backends.base import Store, Writing

__all__ = ["Watch"]


class Watch:
    """
    Counts how often a store was changed by somebody else.

    Args:
        count: where it begins, before it has looked.
    """

    def __init__(self, store: Store, count: int = 0) -> None:
        self.count = count
        self._store = store
        self._lock = threading.Lock()
        # The numbers that stand for the state that was seen last: of this process's last own
        # transaction, the one before it and the one after it.
        self._numbers: tuple[int | None, ...] = ()

    def changes(self) -> int:
        """Give the count; whoever has looked at the store since it was given knows all of it."""
        number = self._store.changes()
        if number not in self._numbers:
            with self._lock:
                if number not in self._numbers:
                    # In this order: who meets the number without the lock must get the new count.
                    self.count += 1
                    self._numbers = (number,)
        return self.count

    def own(self, writing: Writing) -> None:
        """Say inside of a transaction that all of it is known here once it is committed."""
        with self._lock:
            if writing.follows is not None and writing.follows in self._numbers:
                self._numbers = (writing.follows, writing.number)

    def lose(self) -> None:
        """Count a change: what is known here of the last transaction is not certain."""
        with self._lock:
            self.count += 1
            self._numbers = ()
