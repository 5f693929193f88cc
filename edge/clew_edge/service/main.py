"""
What uvicorn runs: `uvicorn --factory clew_edge.service.main:create`.

The settings come by the environment, so that every worker process finds them:
`CLEW_SERVE_BACKEND` (a URL), `CLEW_SERVE_KEYS` and `CLEW_SERVE_POLICY` (files; the second may be
absent). `clew serve` sets them.
"""

import os
from functools import partial
from pathlib import Path

from clew.policy import build_bundle, load_policy
from clew_edge.service.app import Service
from clew_edge.service.keys import KeyFile
from clew_edge.service.tenants import Tenant

__all__ = ["create"]


def create() -> Service:
    """
    Make the application.

    Raises:
        KeyError: a setting is absent.
        DocumentError: the keys or the policy have faults.
        OSError: a file cannot be read.
    """
    policy = os.environ.get("CLEW_SERVE_POLICY")
    bundle = None if policy is None else build_bundle(load_policy(Path(policy)))
    return Service(
        KeyFile(Path(os.environ["CLEW_SERVE_KEYS"])),
        partial(Tenant, os.environ["CLEW_SERVE_BACKEND"], policy=bundle),
    )
