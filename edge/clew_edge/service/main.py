"""
What uvicorn runs: `uvicorn --factory clew_edge.service.main:create`.

The settings come by the environment, so that every worker process finds them:
`CLEW_SERVE_BACKEND` (a URL), `CLEW_SERVE_KEYS` and `CLEW_SERVE_POLICY` (files; the second may be
absent). `clew serve` sets them.
"""

import gc
import os
from functools import partial
from pathlib import Path

from clew.policy import build_bundle, load_policy
from clew_edge.service.app import Service
from clew_edge.service.keys import KeyFile
from clew_edge.service.tenants import Tenant

__all__ = ["create"]

#: After how many new objects the youngest are looked through, and how seldom the others.
_GARBAGE = (50_000, 20, 20)


def create() -> Service:
    """
    Make the application.

    Raises:
        KeyError: a setting is absent.
        DocumentError: the keys or the policy have faults.
        OSError: a file cannot be read.
    """
    # Much is kept here for long, in many small pieces: to look through the young ones after every
    # third decision, as Python does by default, takes a fifth of all time.
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    policy = os.environ.get("CLEW_SERVE_POLICY")
    bundle = None if policy is None else build_bundle(load_policy(Path(policy)))
    return Service(
        KeyFile(Path(os.environ["CLEW_SERVE_KEYS"])),
        partial(Tenant, os.environ["CLEW_SERVE_BACKEND"], policy=bundle),
    )
