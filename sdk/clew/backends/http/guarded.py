"""
The decisions that a client keeps, behind their lock.

Whoever tells of something that changes what is kept never waits for the lock: a signal handler may
do so in the middle of a decision, whose lock is its own thread's. It leaves word, and whoever takes
the lock next hears of it before anything is looked up; so does whoever lets the lock go.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import TypeAlias

from clew.cache import DecisionCache
from clew.model.decision import Decision

__all__ = ["Change", "GuardedCache"]

Change: TypeAlias = Callable[[DecisionCache], object]


class GuardedCache:
    """
    A `DecisionCache` that several threads use.

    Whoever takes `lock` calls `hear` before all else, and `catch_up` once it is free again.

    Args:
        void: takes decisions that were dropped and that nobody got; called without the lock.
    """

    def __init__(self, void: Callable[[Decision], None]) -> None:
        self.lock = threading.Lock()
        self.cache = DecisionCache()
        self._void = void
        self._told: deque[Change] = deque()

    def tell(self, change: Change) -> None:
        """Have something changed before anything is looked up again; does not wait."""
        self._told.append(change)
        self.catch_up()

    def drop(self, subject: str) -> None:
        """Have nothing kept of a subject, as `tell`; for every signal that is emitted."""
        if self.lock.locked():
            self.tell(lambda cache: cache.drop(subject))
            return
        with self.lock:  # for a moment, if another thread was quicker: not by this one's own
            self.hear()
            self.cache.drop(subject)
        if self.cache.unused or self._told:
            self.catch_up()

    def hear(self) -> None:
        """Change what was told; for who holds the lock."""
        while self._told:
            self._told.popleft()(self.cache)

    def catch_up(self) -> None:
        """Change what was told while somebody held the lock, and void what nobody got."""
        while self._told and not self.lock.locked():
            with self.lock:
                self.hear()
        if self.cache.unused and not self.lock.locked():
            with self.lock:
                unused, self.cache.unused = self.cache.unused, []
            for each in unused:
                self._void(each)
