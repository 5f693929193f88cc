"""
What was on its way to a server with another key.

Each key has a folder of its own (`Address.folder`), so what waits when a key is replaced would wait
for ever, and nobody would know.
"""

import logging
from pathlib import Path

from clew.delivery.spool import left_behind

__all__ = ["tell_of_others"]

logger = logging.getLogger("clew")


def tell_of_others(spool: Path) -> None:
    """
    Log where facts wait that were on their way to the same host with another key.

    Args:
        spool: the folder of the key that is in use.
    """
    others = spool.parent.glob(f"{spool.stem.rpartition('-')[0]}-*{spool.suffix}")
    for other in left_behind(each for each in others if each != spool):
        logger.warning(
            "facts wait in %s that were on their way with another key; if that was replaced by "
            "the one in use, deliver them by a client with spool=%r, or else with their own key",
            other.absolute(),
            str(other),
        )
