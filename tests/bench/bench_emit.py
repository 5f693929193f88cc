"""Emitting with process durability, and folding, beside the one write that survives a crash."""

import os
import tempfile
from itertools import count

import orjson

from bench.harness import compare
from bench.worlds import client
from clew.engine.fold import fold_signal
from clew.engine.person import Person, empty

__all__ = ["main"]


def main() -> None:
    """Compare `emit` and the fold of one signal with encoding and appending it."""
    with client() as opened, tempfile.TemporaryFile(buffering=0) as file:
        fact = {
            "id": "s-1",
            "type": "product_viewed",
            "subject": "u-1",
            "occurred_at": "2026-01-01T12:00:00.000000Z",
            "data": {"sku": "sku-1"},
            "purposes": ["personalise"],
        }
        number = file.fileno()
        compiled = opened._core.backend.compiled()
        assert compiled is not None
        person = Person(compiled, "u-1", {"u-1": empty()})
        skus = count()

        def floor() -> None:
            os.write(number, orjson.dumps(fact))

        compare(
            "emit: 3 traits",
            {
                "encode + write": floor,
                "fold": lambda: fold_signal(person, "u-1", fact),
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
