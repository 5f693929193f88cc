"""
Emitting: what the caller pays, and how many signals a second arrive.

The floor is the one write that survives a crash. Peers keep their events in memory alone.
"""

import os
import tempfile
from collections.abc import Mapping
from itertools import count
from statistics import median
from time import perf_counter

import orjson

from bench.counting import Counting, counting
from bench.harness import compare
from bench.peers import DATA, Sender, senders
from bench.worlds import client
from clew.engine.fold import fold_signal
from clew.engine.person import Person, empty

__all__ = ["main"]

FACT = {
    "id": "s-1",
    "type": "product_viewed",
    "subject": "u-1",
    "occurred_at": "2026-01-01T12:00:00.000000Z",
    "data": {"sku": "sku-1"},
    "purposes": ["personalise"],
}

#: How many signals are sent end to end in one round, and how many rounds there are.
MANY = 20_000
ROUNDS = 7


def main() -> None:
    """Compare `emit` with the floor, inside the process and beside peers at a server."""
    embedded()
    with (
        counting() as server,
        tempfile.TemporaryDirectory() as spool,
        senders(server, spool) as contenders,
    ):
        at_a_server(contenders)
        end_to_end(server, contenders)


def at_a_server(contenders: Mapping[str, Sender]) -> None:
    """Compare what a caller pays for a signal that goes to a server."""
    with tempfile.TemporaryFile(buffering=0) as file:
        number = file.fileno()
        compare(
            "emit: to a server",
            {
                "encode + write": lambda: os.write(number, orjson.dumps(FACT | {"data": DATA})),
                **{name: sender.send for name, sender in contenders.items()},
            },
            floor="encode + write",
            at_most={"clew": 15.0},
            between=lambda: [sender.flush() for sender in contenders.values()],
        )


def end_to_end(server: Counting, contenders: Mapping[str, Sender]) -> None:
    """Compare how many signals a second arrive, in turns; the best round of each counts."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, sender in contenders.items():
            rates[name].append(throughput(server, sender))
    print(f"\n{'end to end':<20}  {'best /s':>10}  {'median /s':>10}")
    for name, found in rates.items():
        print(f"{name:<20}  {max(found):>10,.0f}  {median(found):>10,.0f}")


def throughput(server: Counting, sender: Sender) -> float:
    """How many signals a second reach the server, from the first call to the last arrival."""
    before, start = server.count(), perf_counter()
    for _ in range(MANY):
        sender.send()
    sender.flush()
    return (server.count() - before) / (perf_counter() - start)


def embedded() -> None:
    """Compare `emit` and the fold of one signal with encoding and appending it."""
    with client() as opened, tempfile.TemporaryFile(buffering=0) as file:
        number = file.fileno()
        compiled = opened._core.backend.compiled()
        assert compiled is not None
        person = Person(compiled, "u-1", {"u-1": empty()})
        skus = count()
        compare(
            "emit: 3 traits",
            {
                "encode + write": lambda: os.write(number, orjson.dumps(FACT)),
                "fold": lambda: fold_signal(person, "u-1", FACT),
                "emit": lambda: opened.emit(
                    "product_viewed", subject="u-1", data={"sku": f"sku-{next(skus) % 4}"}
                ),
            },
            floor="encode + write",
            at_most={"fold": 8.0, "emit": 55.0},
            between=opened.flush,
        )


if __name__ == "__main__":
    main()
