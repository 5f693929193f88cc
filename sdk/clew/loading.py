"""
Modules that are loaded late, by whichever thread needs them first; not while the process forks.

A child that is forked in the middle of an import has half of a module, and a lock on it that nobody
gives back: whoever needs it there waits for ever, or fails.
"""

import os
from threading import RLock

__all__ = ["loading"]

#: Held while a module is loaded late. A fork waits for it.
loading = RLock()
os.register_at_fork(
    before=loading.acquire, after_in_parent=loading.release, after_in_child=loading.release
)
