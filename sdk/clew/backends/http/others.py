"""
What was on its way to another address of a server, or with another key.

Each has a folder of its own (`Address.folder`), so what waits when a key is replaced, or a URL
corrected, would wait for ever, and nobody would know.
"""

import logging
from pathlib import Path

from clew.delivery.spool import left_behind

__all__ = ["others", "tell_of_others"]

#: One of its own, which the commands silence: what waits for others is not what they are asked.
logger = logging.getLogger("clew.others")


def others(spool: Path) -> list[Path]:
    """
    Give the folders beside a spool in which dead processes' facts for elsewhere wait.

    Args:
        spool: the folder of the address and the key that are in use.
    """
    beside = sorted(spool.parent.glob(f"clew-*{spool.suffix}"))
    return left_behind(each for each in beside if each != spool)


def tell_of_others(spool: Path) -> None:
    """Log that some wait, in one line however many; `clew doctor` has the rest."""
    waiting = [other.name for other in others(spool)]
    if waiting:
        what = waiting[0] if len(waiting) == 1 else f"{len(waiting)} folders clew-*{spool.suffix}"
        logger.warning(
            "facts wait in %s of %s that were on their way to another URL, or with another key; "
            "`clew doctor` there says what to do",
            what,
            spool.parent.absolute(),
        )
