"""
Runs the shop on a real server: `python -m browser.serve_shop DATABASE POLICY`.

Says its port in the first line, and ends when its standard input does.
"""

import logging
import sys
from pathlib import Path

from clew import Client
from edge.http.serve import run

#: For a decision, in milliseconds: what is tested here is what is shown, not how fast.
PATIENCE = 60_000.0


def main(database: str, policy: str) -> None:
    """Serve the shop out of its folder, as `python -m shop` beside it does."""
    sys.path.append(str(Path(__file__).parents[2] / "examples"))
    from shop.app import create_app

    logging.basicConfig(level=logging.WARNING)
    with Client(f"sqlite:///{database}", policy=policy) as client:
        run(create_app(client, deadline_ms=PATIENCE), "httptools")


if __name__ == "__main__":
    main(*sys.argv[1:])
