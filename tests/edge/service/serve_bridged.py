"""
Serves the shop from a folder: `python -m edge.service.serve_bridged FOLDER`.

Says its port in the first line, and ends when its standard input does.
"""

import sys
from functools import partial
from pathlib import Path

from clew_edge.service.app import Service
from clew_edge.service.keys import KeyFile
from clew_edge.service.tenants import Tenant
from client.worlds import bundle
from edge.http.serve import run
from edge.service.asking import KEYS, write_keys
from edge.service.bridging import shop

__all__ = ["DATABASE"]

#: The store, in the folder.
DATABASE = "shop.db"


def main(folder: Path) -> None:
    """Serve over a database in the folder."""
    keys = folder / "keys.json"
    write_keys(keys, KEYS)
    tenant = partial(Tenant, f"sqlite:///{folder / DATABASE}", policy=bundle(shop()))
    run(Service(KeyFile(keys), tenant), "httptools")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
