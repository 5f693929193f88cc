"""Serve the shop: `python -m shop [--port 8000] [--database shop.db]`."""

import argparse
import os

import uvicorn

from clew import Client

from .app import POLICY, create_app

options = argparse.ArgumentParser(prog="python -m shop", description="Forno, a pizza place.")
options.add_argument("--port", type=int, default=8000)
options.add_argument("--database", default="shop.db", help="An SQLite file; made when absent.")
given = options.parse_args()

with Client(f"sqlite:///{given.database}", policy=POLICY) as client:
    app = create_app(client, partner_key=os.environ.get("FORNO_PARTNER_KEY", ""))
    uvicorn.run(app, host="127.0.0.1", port=given.port)
