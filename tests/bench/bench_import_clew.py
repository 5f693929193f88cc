"""What `import clew` costs a process, beside the two libraries that everything here needs."""

import subprocess
import sys

from bench.harness import compare

__all__ = ["main"]


def _start(statement: str) -> None:
    subprocess.run([sys.executable, "-c", statement], check=True)


def main() -> None:
    """Compare starting an interpreter that imports clew with one that imports attrs and orjson."""
    compare(
        "import (whole interpreter)",
        {
            "attrs, orjson": lambda: _start("import attrs, orjson"),
            "clew": lambda: _start("import attrs, orjson, clew"),
            "clew.Client": lambda: _start("import attrs, orjson; from clew import Client"),
        },
        floor="attrs, orjson",
        at_most={"clew": 1.3, "clew.Client": 5.0},
    )


if __name__ == "__main__":
    main()
