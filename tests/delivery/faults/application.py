"""
The part of an application that is the same wherever it runs: a client, opened at the import.

So it is open before a server or a pool forks the processes that use it. CLEW_URL says where its
facts go, CLEW_SPOOL where they wait.
"""

import os

from clew import Client
from delivery.faults.programs import emit_all

client = Client(spool=os.environ["CLEW_SPOOL"])
opened_by = os.getpid()


def emit(name: str, count: int) -> int:
    """Emit signals `<name>-0` …; gives the process that did."""
    emit_all(client, name, count)
    return os.getpid()
