"""Files of rows are read as they are: gzip, marks, quotes, and rows that are broken."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from clew.errors import DocumentError
from clew.integrations.importing.reading import Row, open_rows
from clew.model.import_map import ImportMap, RowKind, TimeColumn


def read(folder: Path, content: bytes, **changes: Any) -> list[Row]:
    """Read a file of these bytes with two columns."""
    path = folder / "rows"
    path.write_bytes(content)
    how = {
        "id": "two",
        "columns": {"a": "text", "b": "text"},
        "time": TimeColumn(column="a"),
        "subject": "a",
        "kinds": (RowKind(name="all"),),
        **changes,
    }
    with open_rows(path, ImportMap(**how)) as rows:
        return list(rows)


def cells(rows: list[Row]) -> list[dict[str, Any]]:
    """The cells of rows that have no fault."""
    assert [row.fault for row in rows] == [None] * len(rows)
    return [row.cells for row in rows]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"a,b\n1,2\n", [{"a": "1", "b": "2"}], id="plain"),
        pytest.param(b"a,b\r\n1,2\r\n", [{"a": "1", "b": "2"}], id="crlf"),
        pytest.param(b"a,b\n1,2", [{"a": "1", "b": "2"}], id="no-last-line-break"),
        pytest.param(b"\xef\xbb\xbfa,b\n1,2\n", [{"a": "1", "b": "2"}], id="byte-order-mark"),
        pytest.param(gzip.compress(b"a,b\n1,2\n"), [{"a": "1", "b": "2"}], id="gzip"),
        pytest.param(b'a,b\n"x\ny","1,""2"\n', [{"a": "x\ny", "b": '1,"2'}], id="quoted"),
        pytest.param(b"b,z,a\n2,9,1\n", [{"a": "1", "b": "2", "z": "9"}], id="other-columns"),
        pytest.param(b"a,b\n\n1,2\n\n", [{"a": "1", "b": "2"}], id="blank-lines"),
        pytest.param(b"a,b\n", [], id="no-rows"),
    ],
)
def test_csv_is_read(tmp_path: Path, content: bytes, expected: Any) -> None:
    """CSV is read by RFC 4180, with and without gzip and byte order mark."""
    assert cells(read(tmp_path, content)) == expected


def test_ndjson_is_read(tmp_path: Path) -> None:
    """NDJSON is one object per line; blank lines are none."""
    content = b'{"a": 1, "b": null}\n\n{"a": "x"}\n'
    assert cells(read(tmp_path, content, format="ndjson")) == [{"a": 1, "b": None}, {"a": "x"}]


def test_the_encoding_is_the_maps(tmp_path: Path) -> None:
    """Text is decoded as the map says."""
    rows = read(tmp_path, "a,b\né,ß\n".encode("latin-1"), encoding="latin-1")
    assert cells(rows) == [{"a": "é", "b": "ß"}]


@pytest.mark.parametrize(
    ("content", "how", "keyword"),
    [
        pytest.param(b"a,b\n1\n3,4\n", "csv", "cells", id="too-few-cells"),
        pytest.param(b"a,b\n1,2,3\n3,4\n", "csv", "cells", id="too-many-cells"),
        pytest.param(b'a,b\n1,"' + b"x" * 140_000 + b'"\n3,4\n', "csv", "csv", id="endless-cell"),
        pytest.param(b'{"a": \n{"a": "3", "b": "4"}\n', "ndjson", "json", id="no-json"),
        pytest.param(b'[1]\n{"a": "3", "b": "4"}\n', "ndjson", "type", id="no-object"),
    ],
)
def test_a_broken_row_does_not_end_the_file(
    tmp_path: Path, content: bytes, how: str, keyword: str
) -> None:
    """A row that cannot be read is handed on with its fault, and the next one is read."""
    broken, *_, sound = read(tmp_path, content, format=how)
    assert broken.fault is not None
    assert (broken.number, broken.fault.keyword) == (1, keyword)
    assert (sound.number, sound.cells, sound.fault) == (2, {"a": "3", "b": "4"}, None)


@pytest.mark.parametrize(
    ("content", "keyword", "named"),
    [
        pytest.param(b"a,c\n1,2\n", "missing_column", "`b`", id="column-absent"),
        pytest.param(b"", "missing_column", "`a`", id="empty-file"),
        pytest.param(b"a,b,b\n1,2,3\n", "duplicate_column", "`b`", id="column-twice"),
        pytest.param(gzip.compress(b"a,b\n1,2\n")[:-6], "gzip", "damaged", id="cut-off-gzip"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    tmp_path: Path, content: bytes, keyword: str, named: str
) -> None:
    """A file without a declared column, or that breaks off, is refused as a whole."""
    with pytest.raises(DocumentError) as caught:
        read(tmp_path, content)
    assert caught.value.problems[0].keyword == keyword
    assert named in caught.value.problems[0].message
