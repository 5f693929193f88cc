"""
Files of rows: CSV (RFC 4180) and NDJSON, plain or gzipped, one row at a time.

A row that cannot be read does not end the file: it is handed on with the reason. Only a file that
is no such file at all, or lacks a declared column, is refused as a whole.
"""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

import orjson
from attrs import frozen

from clew.errors import DocumentError, Problem
from clew.integrations.importing.columns import Cell
from clew.model.import_map import ImportMap
from clew.schema import nearest, pointer

__all__ = ["Row", "Rows", "open_rows"]

_GZIP = b"\x1f\x8b"


@frozen
class Row:
    """One row as it stands in the file."""

    #: From 1, without the header.
    number: int
    cells: dict[str, Cell]
    #: Why it cannot be read, if so; then the cells are what can be shown of it.
    fault: Problem | None = None


class Rows:
    """
    The rows of an open file, in its order.

    Raises while iterating:
        DocumentError: the header lacks a declared column, or the file ends in the middle of its
            compressed data.
    """

    def __init__(self, file: BinaryIO, text: TextIO, how: ImportMap, name: str) -> None:
        self._file = file
        self._text = text
        self._how = how
        self._name = name

    @property
    def position(self) -> int:
        """How many bytes of the file have been read."""
        return self._file.tell()

    def __iter__(self) -> Iterator[Row]:
        rows = self._csv() if self._how.format == "csv" else self._ndjson()
        try:
            yield from rows
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            message = f"the compressed data is damaged: {error}"
            raise DocumentError(self._name, [Problem("", "gzip", message)]) from None

    def _csv(self) -> Iterator[Row]:
        reader = csv.reader(self._text)
        header = next(reader, [])
        self._check_header(header)
        number = 0
        while True:
            number += 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                fault = Problem("", "csv", f"line {reader.line_num} cannot be read: {error}")
                yield Row(number, {}, fault)
                continue
            if not cells:  # a blank line is no row
                number -= 1
                continue
            yield Row(number, dict(zip(header, cells, strict=False)), _miscut(header, cells))

    def _ndjson(self) -> Iterator[Row]:
        filled = (line for line in self._text if line.strip())
        for number, line in enumerate(filled, 1):
            try:
                cells = orjson.loads(line)
            except ValueError as error:
                yield Row(number, {"line": line}, Problem("", "json", f"this is no JSON: {error}"))
                continue
            if isinstance(cells, dict):
                yield Row(number, cells)
            else:
                fault = Problem("", "type", "a row is one JSON object")
                yield Row(number, {"line": line}, fault)

    def _check_header(self, header: list[str]) -> None:
        problems = [
            Problem(
                pointer(["columns", name]),
                "missing_column",
                f"the file has no column `{name}`{nearest(name, header)}; it has: "
                f"{', '.join(header) or 'none'}",
            )
            for name in self._how.columns
            if name not in header
        ]
        problems += [
            Problem("", "duplicate_column", f"the header has `{name}` more than once")
            for name in dict.fromkeys(header)
            if header.count(name) > 1
        ]
        if problems:
            raise DocumentError(self._name, problems)


@contextmanager
def open_rows(path: Path, how: ImportMap) -> Iterator[Rows]:
    """
    Open a file of rows; gzip is told by its first bytes (RFC 1952), not by the name.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        packed = file.peek(2)[:2] == _GZIP
        plain = gzip.GzipFile(fileobj=file) if packed else file
        # Bytes that are not of this encoding are kept, so that only their own row is refused.
        with io.TextIOWrapper(
            plain,
            encoding=_without_mark(how.encoding),
            errors="surrogateescape",
            newline="" if how.format == "csv" else None,
        ) as text:
            yield Rows(file, text, how, path.name)


def _without_mark(encoding: str) -> str:
    """UTF-8 may begin with a byte order mark, as spreadsheets write it."""
    return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding


def _miscut(header: Iterable[str], cells: Iterable[str]) -> Problem | None:
    wanted, found = len(list(header)), len(list(cells))
    if wanted == found:
        return None
    return Problem("", "cells", f"the row has {found} cells and the header {wanted}")
