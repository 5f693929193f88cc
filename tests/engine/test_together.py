"""What is taken together: the pairs that lines of baskets add, and what they propose."""

import csv
import gzip
import random
from collections import Counter
from itertools import permutations
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.engine.together import ALONE, BASKETS, ITEMS, propose
from engine.folds import START, Happened, compiled, happened

BY_LINE = compiled("together", of="data.sku", by="data.order", weight="data.n")
BY_ORDER = compiled("together", of="data.items[].sku", by="data.order")


def line(order: Any, sku: Any, n: Any = 1, at: float = 0.0) -> Happened:
    """One line of an order."""
    return happened(at, {"order": order, "sku": sku, "n": n})


def counted(
    signals: list[Happened], trait: Any = BY_LINE, state: Any = None
) -> Counter[tuple[str, str]]:
    """The sum of the pairs of one identity's signals, beginning with what is known already."""
    counts = Counter[tuple[str, str]]()
    for one in signals:
        state, pairs = trait.fold_pairs(state, one.at, one.signal)
        counts.update(pairs)
    return counts


def brute(orders: dict[str, set[str]]) -> Counter[tuple[str, str]]:
    """The same counts from whole baskets."""
    counts = Counter[tuple[str, str]]()
    for items in orders.values():
        counts.update(permutations(items, 2))
        counts.update((item, ALONE) for item in items)
    return counts


lines = st.lists(
    st.tuples(st.sampled_from(["o1", "o2", "o3"]), st.sampled_from("abcde")), max_size=20
)


@given(lines)
def test_pairs_are_those_of_the_baskets(drawn: list[tuple[str, str]]) -> None:
    """Line by line, in any order, every pair of a basket is counted once, both ways round (F6)."""
    orders: dict[str, set[str]] = {}
    for order, sku in drawn:
        orders.setdefault(order, set()).add(sku)
    signals = [line(order, sku, at=at) for at, (order, sku) in enumerate(drawn)]
    assert counted(signals) == counted(signals[::-1]) == brute(orders)


@given(st.lists(st.text("abcde", min_size=1, max_size=4), max_size=40), st.integers(0, 160))
def test_what_was_counted_is_not_counted_again(orders: list[str], known: int) -> None:
    """History that is folded on top of what is known adds the pairs of what is new alone."""
    signals = [
        line(f"o-{at}", sku, at=at + n / 10)
        for at, order in enumerate(orders)
        for n, sku in enumerate(order)
    ]
    state: Any = {}
    before = counted(signals[:known], state=state)
    after = counted(signals, state=state)
    assert before + after == counted(signals)


@given(st.lists(st.sampled_from("abcde"), max_size=8))
def test_a_list_is_as_its_lines(skus: list[str]) -> None:
    """An order that comes with all its items adds what its lines would add."""
    order = happened(0.0, {"order": "o", "items": [{"sku": sku} for sku in skus]})
    assert counted([order], BY_ORDER) == counted([line("o", sku) for sku in skus])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"order": "o", "sku": "a", "n": -1}, id="return"),
        pytest.param({"order": "o", "sku": "a", "n": 0}, id="nothing"),
        pytest.param({"sku": "a"}, id="no basket"),
        pytest.param({"order": "o"}, id="no item"),
        pytest.param({"order": "o", "sku": True}, id="no key"),
    ],
)
def test_what_is_in_no_basket_makes_no_pairs(data: dict[str, Any]) -> None:
    """Returns and lines without basket or item add nothing and are not remembered."""
    assert BY_LINE.fold_pairs(None, START, happened(0.0, data).signal) == (None, {})


def test_numbers_name_baskets() -> None:
    """An order number is a basket's name, too."""
    assert counted([line(7, 1), line(7, 2)]) == brute({"7": {"1", "2"}})


def test_a_state_is_json() -> None:
    """Baskets that were stored as JSON meet new lines as the ones that were not."""
    state, _ = BY_LINE.fold_pairs(None, START, line("o", "a").signal)
    stored = orjson.loads(orjson.dumps(state))
    assert stored == state
    _, pairs = BY_LINE.fold_pairs(stored, START, line("o", "b").signal)
    assert pairs == {("b", ALONE): 1.0, ("a", "b"): 1.0, ("b", "a"): 1.0}


def test_it_has_no_value_of_its_own() -> None:
    """Nothing can be read of a person's baskets, and rebuilding them counts no pair again."""
    state = BY_LINE.fold(None, START, line("o", "a").signal)
    assert BY_LINE.read([state], START) is None
    _, pairs = BY_LINE.fold_pairs(state, START, line("o", "a").signal)
    assert pairs == {}


def test_only_recent_baskets_are_remembered() -> None:
    """The 16 latest baskets are kept; a late line of an older one adds nothing."""
    signals = [line(f"o{n}", "a", at=n) for n in range(BASKETS + 4)]
    assert counted(signals) == {("a", ALONE): BASKETS + 4}
    kept = counted([*signals, line("o4", "b", at=4.5)])
    assert kept[("a", "b")] == 1
    assert counted([*signals, line("o3", "b", at=3.0)]) == counted(signals)


def test_a_late_line_does_not_age_its_basket() -> None:
    """A basket is as recent as its latest line, whichever line came last."""
    signals = [line(f"o{n}", "a", at=n) for n in range(BASKETS)]
    late = [line(f"o{BASKETS - 1}", "b", at=-1.0), line("new", "a", at=99.0)]
    again = line(f"o{BASKETS - 1}", "c", at=BASKETS)
    assert counted([*signals, *late, again])[("b", "c")] == 1


def test_a_basket_is_bounded() -> None:
    """The 129th item of a basket makes no pairs; one of the 128 before is as if said twice."""
    skus = [f"sku-{n}" for n in range(ITEMS)]
    full = [line("o", sku) for sku in skus]
    assert counted([*full, line("o", "late"), line("o", skus[0])]) == brute({"o": set(skus)})


def test_real_orders(retail_csv: Path) -> None:
    """The pairs of a shop's year of lines, shuffled within a day, are those of its whole orders."""
    with gzip.open(retail_csv, "rt", encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["Quantity"]) > 0][:5_000]
    people: dict[str, list[Happened]] = {}
    orders: dict[str, set[str]] = {}
    for at, row in enumerate(rows):
        # An order without customer is a person of its own.
        person = row["CustomerID"] or row["InvoiceNo"]
        one = line(row["InvoiceNo"], row["StockCode"], int(row["Quantity"]), at=at)
        people.setdefault(person, []).append(one)
        orders.setdefault(row["InvoiceNo"], set()).add(row["StockCode"])
    total = Counter[tuple[str, str]]()
    for signals in people.values():
        if len({one.signal["data"]["order"] for one in signals}) <= BASKETS:
            random.Random(1).shuffle(signals)
        total.update(counted(signals))
    assert total == brute(orders)


TOTALS = {"pizza": 100.0, "cola": 50.0, "water": 90.0, "basil": 4.0, "truffle": 1.0}


def test_the_telling_comes_first() -> None:
    """Neither what everybody takes nor what met once by chance outranks what belongs together."""
    together = {"cola": 45.0, "water": 45.0, "basil": 4.0, "truffle": 1.0}
    ranked = [item for item, _ in propose("pizza", together, TOTALS, n=10)]
    assert ranked == ["cola", "water", "basil", "truffle"]


def test_the_strength_is_a_damped_cosine() -> None:
    """Strength is n_ab / √(n_a · n_b) times n_ab / (n_ab + 5)."""
    [(item, strength)] = propose("pizza", {"cola": 45.0}, {"pizza": 100.0, "cola": 81.0}, n=1)
    assert (item, strength) == ("cola", pytest.approx(0.5 * 0.9))


def test_what_is_not_proposed() -> None:
    """The anchor, its own count, what is excluded and what is not positive are never proposed."""
    together = {"pizza": 9.0, ALONE: 9.0, "cola": 9.0, "water": 0.0, "basil": -1.0, "truffle": 1.0}
    proposed = propose("pizza", together, TOTALS, exclude={"cola"}, n=10)
    assert [item for item, _ in proposed] == ["truffle"]


def test_equals_are_ordered_by_id() -> None:
    """Items of one strength come by id, however the counts were ordered."""
    together = dict.fromkeys("cab", 3.0)
    assert [item for item, _ in propose("x", together, {}, n=2)] == ["a", "b"]


counts = st.floats(0.0, 1e6)


@given(
    st.dictionaries(st.sampled_from("abcdef"), counts),
    st.dictionaries(st.sampled_from("abcdefx"), counts),
)
def test_strengths_are_shares(together: dict[str, float], totals: dict[str, float]) -> None:
    """Whatever the counts, even incomplete ones, strengths fall from at most 1 and stay above 0."""
    strengths = [strength for _, strength in propose("x", together, totals, n=6)]
    assert strengths == sorted(strengths, reverse=True)
    assert all(0.0 <= strength < 1.0 for strength in strengths)
