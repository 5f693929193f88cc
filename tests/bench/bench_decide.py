"""A whole decision on SQLite, hot and cold, beside the write it cannot do without."""

import os
import tempfile
from itertools import count

import orjson

from bench.harness import compare
from bench.worlds import CONTEXT, client
from clew import Client

__all__ = ["main"]

#: People whom only the database knows; as many as there are calls.
_STRANGERS = 2_400


def _decide(opened: Client, subject: str = "u-1") -> None:
    opened.decide("hero", subject=subject, context=CONTEXT)


def main() -> None:
    """Compare a decision with encoding its record and appending it to a file."""
    with client() as opened, tempfile.TemporaryFile(buffering=0) as file:
        for number in range(_STRANGERS):
            opened.consent(f"s-{number}", grant=["personalise"], source="bench")
            opened.emit("product_viewed", subject=f"s-{number}", data={"sku": "sku-1"})
        opened.flush(60)
        stored = opened._core.backend.store.facts_of("default", "decision")  # type: ignore[attr-defined]
        record = orjson.loads(next(iter(stored)))
        opened._core.backend._people._hot.clear()  # type: ignore[attr-defined]
        number_of_file = file.fileno()
        strangers = count()

        def floor() -> None:
            os.write(number_of_file, orjson.dumps(record))

        def explained() -> None:
            assert opened.decide("hero", subject="u-1", context=CONTEXT).explanation.because

        compare(
            "decide: bandit, 5 creatives",
            {
                "encode + write": floor,
                "hot": lambda: _decide(opened),
                "hot, content": lambda: (
                    opened.decide("hero", subject="u-1", context=CONTEXT).content
                ),
                "hot, explanation": explained,
                "hot, token": lambda: opened.decide("hero", subject="u-1", context=CONTEXT).token,
                "cold": lambda: _decide(opened, f"s-{next(strangers) % _STRANGERS}"),
            },
            floor="encode + write",
            at_most={"hot": 45.0, "cold": 65.0},
            between=opened.flush,
        )


if __name__ == "__main__":
    main()
