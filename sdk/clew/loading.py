"""
Modules that are loaded late, by whichever thread needs them first; not while the process forks.
Some are of an extra, which an installation may lack.

A child that is forked in the middle of an import has half of a module, and a lock on it that nobody
gives back: whoever needs it there waits for ever, or fails.
"""

import os
from threading import RLock

__all__ = ["lacking", "loading"]

#: Held while a module is loaded late. A fork waits for it.
loading = RLock()
os.register_at_fork(
    before=loading.acquire, after_in_parent=loading.release, after_in_child=loading.release
)


def lacking(module: str | None, extra: str) -> str:
    """
    Say that a module is absent, and how it is installed: from clew's folder, for the name of clew
    alone is somebody else's at the package index until clew is published.
    """
    return (
        f"{module} is not installed; clew's extra `{extra}` has it: "
        f"pip install '.[{extra}]' in clew's folder"
    )
