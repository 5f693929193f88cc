"""
Deciding at a server: from what is kept, and by a request, beside a request by httpx alone.

The server is a `clew serve` of its own process on this machine, so a request costs both of them.
"""

import tempfile
from pathlib import Path

import httpx
import orjson

from bench.harness import compare
from bench.worlds import CONTEXT, shop
from clew import Client
from clew.backends.http.address import read_address
from clew.backends.http.full import HttpxTransport
from clew.model.request import DecisionRequest
from remote.serving import KEY, serving

__all__ = ["main"]

_DECIDE = "/clew/v1/decide"
#: So long that no answer misses it, in milliseconds.
_DEADLINE_MS = 60_000


def main() -> None:
    """Compare a client's decisions with the bare request and with an empty one."""
    with tempfile.TemporaryDirectory() as name, serving(Path(name), shop()) as server:
        url = f"{server.url}?deadline_ms={_DEADLINE_MS}"
        with (
            Client(url, spool=Path(name) / "spool") as client,
            httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as bare,
        ):
            client.consent("u-1", grant=["personalise"], source="bench")
            body = orjson.dumps({"slots": ["hero"], "subject": "u-1", "context": CONTEXT})
            headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
            backend = client._core.backend
            transport = backend._transport  # type: ignore[attr-defined]
            full = HttpxTransport(read_address(url))
            kind = {"Content-Type": "application/json"}

            def uncached() -> None:
                backend._deciding.told(lambda cache: cache.drop("u-1"))  # type: ignore[attr-defined]
                assert client.decide("hero", subject="u-1", context=CONTEXT).policy_version

            def kept() -> None:
                client.decide("hero", subject="u-1", context=CONTEXT)

            compare(
                "remote decide",
                {
                    "httpx alone": lambda: bare.post(_DECIDE, content=body, headers=headers),
                    "httpx transport": lambda: full.request(
                        "POST", _DECIDE, body=body, headers=kind, seconds=5.0
                    ),
                    "lean transport": lambda: transport.request(
                        "POST", _DECIDE, body=body, headers=kind, seconds=5.0
                    ),
                    "uncached": uncached,
                },
                floor="httpx alone",
                at_most={"lean transport": 0.8, "uncached": 1.0},
            )
            request = {"slots": ("hero",), "subject": "u-1", "context": CONTEXT}
            compare(
                "remote decide, kept",
                {"request alone": lambda: DecisionRequest(**request), "cached": kept},
                floor="request alone",
                at_most={"cached": 4.0},
            )


if __name__ == "__main__":
    main()
