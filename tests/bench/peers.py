"""Event SDKs beside which clew is timed, where the dependency group `bench` is installed."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec

from attrs import frozen

from bench.counting import Counting
from clew import Client

__all__ = ["Sender", "senders"]

#: What a shop tells of a view, besides who and what.
DATA = {"sku": "margherita", "price": 8.9, "channel": "web"}

_QUEUE = 200_000


@frozen
class Sender:
    """One way to send signals to the counting server."""

    send: Callable[[], object]
    flush: Callable[[], object]


@contextmanager
def senders(server: Counting, spool: str) -> Iterator[dict[str, Sender]]:
    """Open clew and each peer that is installed; queues are as large as they may be."""
    with ExitStack() as opened:
        found = {"clew": _clew(opened.enter_context(Client(server.url, spool=spool)))}
        if find_spec("segment") is not None:
            found["segment"] = _segment(server)
        if find_spec("posthog") is not None:
            found["posthog"] = _posthog(server)
        yield found


def _clew(client: Client) -> Sender:
    return Sender(
        lambda: client.emit("product_viewed", subject="u-1", data=DATA),
        lambda: client.flush(60.0),
    )


def _segment(server: Counting) -> Sender:
    from segment.analytics.client import Client as Segment

    logging.getLogger("segment").setLevel(logging.CRITICAL)
    peer = Segment("key", host=server.host, max_queue_size=_QUEUE, upload_interval=0.05)
    return Sender(lambda: peer.track("u-1", "Product Viewed", DATA), peer.flush)


def _posthog(server: Counting) -> Sender:
    from posthog import Posthog

    peer = Posthog("key", host=server.host, max_queue_size=_QUEUE, flush_interval=0.05)
    return Sender(
        lambda: peer.capture("Product Viewed", distinct_id="u-1", properties=DATA), peer.flush
    )
