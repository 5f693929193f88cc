"""
Forks and the end of the process, for every outbox that is alive.

The hooks are registered once and hold outboxes weakly. Around a fork every outbox's lock is held,
so that the child copies a consistent state; it then starts with an empty queue, new locks and no
worker.
"""

import atexit
import os
import threading
import time
from typing import Protocol
from weakref import WeakSet

__all__ = ["Member", "register"]

#: How long all outboxes together may hold up the end of the process, in seconds: with what the
#: interpreter itself takes, 0.2 s are not exceeded.
EXIT_SECONDS = 0.1


class Member(Protocol):
    """What lives through forks and the end of the process."""

    def before_fork(self) -> None:
        """Acquire what must be consistent in the child."""
        ...

    def after_fork_in_parent(self) -> None:
        """Release it."""
        ...

    def after_fork_in_child(self) -> None:
        """Start anew."""
        ...

    def at_exit(self, seconds: float, /) -> None:
        """Make safe what is left, in so many seconds at most."""
        ...


_members: WeakSet[Member] = WeakSet()
# Held around a fork, so that two forks at once take the members' locks one after the other.
_lock = threading.Lock()
_forking: list[Member] = []


def register(member: Member) -> None:
    """Call this member's hooks as long as it is alive."""
    with _lock:
        _members.add(member)


def _before_fork() -> None:
    _lock.acquire()
    _forking.extend(_members)
    for member in _forking:
        member.before_fork()


def _after_fork_in_parent() -> None:
    for member in _forking:
        member.after_fork_in_parent()
    _forking.clear()
    _lock.release()


def _after_fork_in_child() -> None:
    for member in _forking:
        member.after_fork_in_child()
    _forking.clear()
    _lock.release()


def _at_exit() -> None:
    end = time.monotonic() + EXIT_SECONDS
    for member in tuple(_members):
        member.at_exit(max(0.0, end - time.monotonic()))


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
atexit.register(_at_exit)
