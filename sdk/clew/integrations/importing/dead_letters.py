"""Where bad rows go: one JSON object per line, with the row, its number and what is wrong."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from clew.integrations.importing.columns import BadRowError
from clew.integrations.importing.reading import Row

__all__ = ["DeadLetters"]


class DeadLetters:
    """A file of bad rows; it is made, or made anew, with the first of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: TextIO | None = None

    def add(self, row: Row, error: BadRowError) -> None:
        """
        Keep a row.

        Raises:
            OSError: the file cannot be written.
        """
        if self._file is None:
            self._file = self.path.open("w", encoding="ascii")
        letter = {
            "row": row.number,
            "reason": str(error),
            "problems": [
                {"pointer": p.pointer, "keyword": p.keyword, "message": p.message}
                for p in error.problems
            ],
            "content": row.cells,
        }
        # Escaped, because what could not be decoded is no valid text in any encoding.
        print(json.dumps(letter, ensure_ascii=True), file=self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
