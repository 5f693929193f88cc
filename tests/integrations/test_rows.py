"""A row becomes facts whose ids are its own, however often and with whatever else it is read."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.engine.compile import compile_policy
from clew.integrations.importing import CompiledMap, load_map
from clew.integrations.importing.columns import BadRowError
from clew.integrations.importing.reading import Row
from clew.integrations.importing.rows import Facts, RowReader
from clew.policy import load_policy
from integrations.tills import HEADER, NOW, POLICY, line, write_map

COMPILED = compile_policy(load_policy(POLICY).policy)


def compiled(**changes: Any) -> CompiledMap:
    """Compile the till's map with changes."""
    with TemporaryDirectory() as folder:
        return load_map(write_map(Path(folder), **changes))


HOW = compiled()


def read(*lines: str, how: CompiledMap = HOW) -> list[Facts]:
    """Read rows as of one file."""
    reader = RowReader(how, COMPILED, "default", NOW)
    return [
        reader.read(Row(number, dict(zip(HEADER.split(","), text.split(","), strict=True))))
        for number, text in enumerate(lines, 1)
    ]


def facts(found: Facts, kind: str) -> list[Any]:
    """The facts of one kind that a row became."""
    documents = [orjson.loads(item) for item in found.items]
    return [document[kind] for document in documents if kind in document]


def ids(found: list[Facts]) -> list[str]:
    """The ids of all signals."""
    return [signal["id"] for one in found for signal in facts(one, "signal")]


def test_a_row_becomes_a_signal() -> None:
    """The signal has the row's person, instant and computed fields, and the map as its source."""
    [found] = read(line(n=2))
    [signal] = facts(found, "signal")
    assert {name: signal[name] for name in ("type", "subject", "occurred_at", "source")} == {
        "type": "item_ordered",
        "subject": "u1",
        "occurred_at": "2026-03-01T09:00:00.000000Z",
        "source": "till",
    }
    assert signal["data"] == {"sku": "tea", "quantity": 2, "value": 5.0}


ROWS = st.lists(
    st.builds(line, card=st.sampled_from(["u1", "u2"]), n=st.integers(1, 3)), max_size=12
)


@given(ROWS)
def test_the_same_file_gives_the_same_facts(rows: list[str]) -> None:
    """Reading again gives the same bytes, and no two rows of a file share an id (F1)."""
    first = read(*rows)
    assert [one.items for one in read(*rows)] == [one.items for one in first]
    assert len(set(ids(first))) == len(rows)


@given(ROWS, st.randoms())
def test_ids_do_not_depend_on_other_rows(rows: list[str], chance: Any) -> None:
    """Rows in another order, or among others, keep their ids."""
    mixed = [*rows, line(card="somebody-else")]
    chance.shuffle(mixed)
    assert set(ids(read(*rows))) <= set(ids(read(*mixed)))


def test_a_repeated_row_is_its_own() -> None:
    """A row that stands in the file twice is two signals, and said to repeat."""
    first, second = read(line(), line())
    assert (first.repeated, second.repeated) == (False, True)


def test_another_map_gives_other_ids() -> None:
    """The same row under another map is another fact."""
    assert ids(read(line())) != ids(read(line(), how=compiled(id="other")))


def test_the_ground_is_recorded_once_for_each_person() -> None:
    """The first row of a person brings a consent record as of that row, before its signal."""
    first, again, other = read(line(), line(n=2), line(card="u2", sold_at="02.03.2026 10:00"))
    [consent] = facts(first, "consent")
    assert {name: value for name, value in consent.items() if name != "id"} == {
        "subject": "u1",
        "purpose": "personalise",
        "state": "granted",
        "basis": "contract",
        "source": "import:till",
        "occurred_at": "2026-03-01T09:00:00.000000Z",
    }
    assert list(orjson.loads(first.items[0])) == ["consent"]
    assert facts(again, "consent") == []
    assert facts(other, "consent")[0]["occurred_at"] == "2026-03-02T09:00:00.000000Z"


def test_without_a_ground_nothing_is_granted() -> None:
    """A map that names no ground makes no consent record (F5)."""
    [found] = read(line(), how=compiled(ground=None))
    assert facts(found, "consent") == []


def test_nobody_becomes_one_anonymous_subject_per_receipt() -> None:
    """Rows without a person share an anonymous subject by the declared columns."""
    one, same, other = read(line(card=""), line(card="", n=2), line(card="", receipt="r2"))
    assert one.subject == same.subject == "anonymous:till:r1"
    assert other.subject == "anonymous:till:r2"
    assert one.anonymous


def test_a_kind_without_a_signal_is_left_out() -> None:
    """Rows of such a kind become no fact, not even a ground."""
    [found] = read(line(sku="bag"))
    assert (found.kind.kind.name, found.items) == ("bag", ())


@pytest.mark.parametrize(
    ("row", "pointer", "keyword"),
    [
        pytest.param(line(n="two"), "/n", "type", id="no-number"),
        pytest.param(line(sold_at="yesterday"), "/sold_at", "format", id="no-instant"),
        pytest.param(line(sold_at=""), "/sold_at", "required", id="no-time"),
        pytest.param(line(card="", receipt=""), "/card", "no_subject", id="nobody"),
        pytest.param(line(card="x" * 129), "/card", "maxLength", id="long-subject"),
        pytest.param(line(sku="?"), "", "no_kind", id="fits-no-kind"),
        pytest.param(line(sku=""), "/data/sku", "required", id="field-the-policy-requires"),
        pytest.param(line(sku="x" * 9), "/data/sku", "max", id="field-beyond-the-policy"),
        pytest.param(line(sold_at="01.03.2027 10:00"), "/occurred_at", "future", id="from-ahead"),
        pytest.param(line(sku="\udcff"), "/sku", "encoding", id="undecodable"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(row: str, pointer: str, keyword: str) -> None:
    """A bad row is refused with pointer and keyword."""
    with pytest.raises(BadRowError) as caught:
        read(row)
    assert [(p.pointer, p.keyword) for p in caught.value.problems] == [(pointer, keyword)]
