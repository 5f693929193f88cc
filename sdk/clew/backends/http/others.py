"""
What was on its way to another address of a server, or with another key.

Each has a folder of its own (`Address.folder`), so what waits when a key is replaced, or a URL
corrected, would wait for ever, and nobody would know.
"""

import logging
from pathlib import Path

from clew.delivery.spool import left_behind

__all__ = ["others", "tell_of_others"]

logger = logging.getLogger("clew")


def others(spool: Path) -> list[Path]:
    """
    Give the folders beside a spool in which dead processes' facts for elsewhere wait.

    Args:
        spool: the folder of the address and the key that are in use.
    """
    beside = sorted(spool.parent.glob(f"clew-*{spool.suffix}"))
    return left_behind(each for each in beside if each != spool)


def tell_of_others(spool: Path) -> None:
    """Log where they wait."""
    for other in others(spool):
        logger.warning(
            "facts wait in %s that were on their way to another URL, or with another key; if the "
            "one in use has replaced it, deliver them by a client with spool=%r, or else by a "
            "client of their own",
            other.absolute(),
            str(other),
        )
