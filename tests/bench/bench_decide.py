"""A whole decision on SQLite, hot and cold, beside the writes it cannot do without."""

import os
import tempfile

import orjson

from bench.harness import compare
from bench.worlds import CONTEXT, client
from clew import Client

__all__ = ["main"]


def _decide(opened: Client) -> None:
    opened.decide("hero", subject="u-1", context=CONTEXT)


def _cold(opened: Client) -> None:
    opened._core.backend._people.forget()  # type: ignore[attr-defined]
    _decide(opened)


def main() -> None:
    """Compare a decision with encoding its record and appending it to a file."""
    with client() as opened, tempfile.TemporaryFile(buffering=0) as file:
        made = opened.decide("hero", subject="u-1", context=CONTEXT)
        opened.flush()
        stored = opened._core.backend.store.facts_of("default", "decision")  # type: ignore[attr-defined]
        record = orjson.loads(next(iter(stored)))
        number = file.fileno()

        def floor() -> None:
            os.write(number, orjson.dumps(record))

        compare(
            "decide: bandit, 5 creatives",
            {
                "encode + write": floor,
                "hot": lambda: _decide(opened),
                "hot, content": lambda: opened.decide(
                    "hero", subject="u-1", context=CONTEXT
                ).content,
                "hot, explanation": lambda: opened.decide(
                    "hero", subject="u-1", context=CONTEXT
                ).explanation,
                "hot, token": lambda: opened.decide("hero", subject="u-1", context=CONTEXT).token,
                "cold": lambda: _cold(opened),
            },
            floor="encode + write",
            at_most={"hot": 10.0, "cold": 60.0},
        )
        assert made.reason == "bandit"


if __name__ == "__main__":
    main()
