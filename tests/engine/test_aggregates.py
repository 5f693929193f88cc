"""Every aggregate: its value, and that neither order nor identity nor storage changes it."""

import math
import random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.folds import DAY, START, Happened, compiled, fold, happened, value

SKU, TOTAL = "data.sku", "data.total"

#: Every aggregate that has a value, as a policy would declare it.
DECLARED = {
    "count": {},
    "sum": {"of": TOTAL},
    "min": {"of": TOTAL},
    "max": {"of": TOTAL},
    "first": {"of": SKU},
    "last": {"of": SKU},
    "distinct": {"of": SKU},
    "recency": {},
    # Days have many epochs of 256 minutes: landmarks move within the examples.
    "decayed": {"weight": TOTAL, "half_life_seconds": 60.0},
    "affinity": {"of": SKU, "weight": TOTAL, "half_life_seconds": 60.0},
}
HORIZON = 10 * DAY
WINDOWS = {"all time": {}, "a window": {"window_seconds": 4 * DAY}}

#: All of them over all time and within a window, by name.
TRAITS = {
    f"{name} in {which}": compiled(name, **declared, **window)
    for name, declared in DECLARED.items()
    for which, window in WINDOWS.items()
}


@st.composite
def histories(draw: st.DrawFn, least: int = 0) -> list[Happened]:
    """Up to 30 signals of one person over the horizon, several at one instant among them."""
    ats = st.one_of(
        st.sampled_from([0.0, 1.0, 60.0, DAY]), st.floats(0.0, HORIZON, allow_subnormal=False)
    )
    amounts = st.one_of(st.integers(-3, 9), st.sampled_from([0.1, 0.2, -0.3, 12.5]), st.none())
    drawn = draw(
        st.lists(st.tuples(ats, st.sampled_from("abcdef"), amounts), min_size=least, max_size=30)
    )
    return [
        happened(at, {"sku": sku, "total": total}, id=f"s-{number:02}")
        for number, (at, sku, total) in enumerate(drawn)
    ]


def mass(signals: list[Happened]) -> float:
    """The sum of all amounts without sign, which the rounding of sums is judged by."""
    return sum(abs(one.signal["data"]["total"] or 1.0) for one in signals)


def same(one: Any, other: Any, scale: float) -> bool:
    """Whether two values are equal, sums within 1e-9 of the scale."""
    if isinstance(one, float) or isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9 * scale)
    if isinstance(one, dict) and isinstance(other, dict):
        near = {key: pytest.approx(share, abs=2e-9) for key, share in other["shares"].items()}
        return one["top"] == other["top"] and one["shares"] == near
    return bool(one == other)


@given(signals=histories(), rng=st.randoms(use_true_random=False), later=st.floats(0.0, 5 * DAY))
def test_order_does_not_matter(signals: list[Happened], rng: random.Random, later: float) -> None:
    """Late signals are right: any order of the same signals gives the same value (F6)."""
    now = START + HORIZON + later
    shuffled = rng.sample(signals, len(signals))
    for name, trait in TRAITS.items():
        expected = trait.read([fold(trait, signals)], now)
        assert same(trait.read([fold(trait, shuffled)], now), expected, mass(signals)), name


@given(signals=histories(), rng=st.randoms(use_true_random=False), later=st.floats(0.0, 5 * DAY))
def test_identities_add_up(signals: list[Happened], rng: random.Random, later: float) -> None:
    """Signals spread over identities, in any order, read as if one had sent them all (I2)."""
    now = START + HORIZON + later
    parts: list[list[Happened]] = [[], [], []]
    for one in signals:
        rng.choice(parts).append(one)
    for name, trait in TRAITS.items():
        expected = trait.read([fold(trait, signals)], now)
        one, two, three = (fold(trait, part) for part in parts)
        both = fold(trait, [*parts[0], *parts[1]])
        for states in ([one, two, three], [three, two, one], [both, three]):
            assert same(trait.read(states, now), expected, mass(signals)), name


@given(signals=histories(), later=histories())
def test_a_state_is_json(signals: list[Happened], later: list[Happened]) -> None:
    """A state that was stored as JSON goes on exactly as the one that was not."""
    for name, trait in TRAITS.items():
        state = fold(trait, signals)
        stored = orjson.loads(orjson.dumps(state))
        assert stored == state, name
        assert fold(trait, later, stored) == fold(trait, later, state), name


@given(signals=histories(least=1), more=histories(least=1))
def test_reading_changes_nothing(signals: list[Happened], more: list[Happened]) -> None:
    """Reading, even over several identities, leaves every state as it was (I2)."""
    for name, trait in TRAITS.items():
        states = [fold(trait, signals), fold(trait, more)]
        before = orjson.dumps(states)
        trait.read(states, START + HORIZON)
        assert orjson.dumps(states) == before, name


@given(ats=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_a_window_is_at_most_64_panes(ats: list[float]) -> None:
    """Panes are kept in the order of time, 64 at most, and none that is older than the newest's."""
    trait = compiled("count", window_seconds=63e3)
    panes = [pane for pane, _ in fold(trait, map(happened, ats))]
    every = sorted({(START + at) // 1e3 for at in ats})
    assert panes == [pane for pane in every if pane > every[-1] - 64]


ORDERS = [
    happened(3 * DAY, {"sku": "b", "total": 5}, id="s-3"),
    happened(1 * DAY, {"sku": "a", "total": 2.5}, id="s-1"),
    happened(1 * DAY, {"sku": "c", "total": -1}, id="s-0"),
    happened(4 * DAY, {"total": True}, id="s-4"),
    happened(2 * DAY, {"sku": "a", "total": "9"}, id="s-2"),
]


@pytest.mark.parametrize(
    ("aggregate", "declared", "expected"),
    [
        pytest.param("count", {}, 5, id="count"),
        pytest.param("sum", {"of": TOTAL}, 6.5, id="sum"),
        pytest.param("min", {"of": TOTAL}, -1, id="min"),
        pytest.param("max", {"of": TOTAL}, 5, id="max"),
        pytest.param("first", {"of": SKU}, "c", id="first"),
        pytest.param("last", {"of": SKU}, "b", id="last"),
        pytest.param("distinct", {"of": SKU}, 3, id="distinct"),
        pytest.param("recency", {}, DAY, id="recency"),
        pytest.param("decayed", {"half_life_seconds": DAY}, 1.0, id="decayed"),
        pytest.param(
            "affinity",
            {"of": SKU, "half_life_seconds": DAY, "top": 2},
            {"top": "b", "shares": {"b": 0.5, "a": 0.375}},
            id="affinity",
        ),
    ],
)
def test_values(aggregate: str, declared: dict[str, Any], expected: Any) -> None:
    """Each aggregate says what its name says; what is no number counts as no number."""
    assert value(compiled(aggregate, **declared), ORDERS, after=5 * DAY) == expected


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        pytest.param("count", 0, id="count"),
        pytest.param("sum", 0, id="sum"),
        pytest.param("distinct", 0, id="distinct"),
        pytest.param("decayed", 0.0, id="decayed"),
        *(
            pytest.param(name, None, id=name)
            for name in ("min", "max", "first", "last", "recency", "affinity")
        ),
    ],
)
@pytest.mark.parametrize("window", WINDOWS.values(), ids=WINDOWS)
@pytest.mark.parametrize("states", [[], [None], [None, None]], ids=["no one", "one", "two"])
def test_nothing_happened(
    aggregate: str, expected: Any, window: dict[str, float], states: list[None]
) -> None:
    """Of nothing there are zero and the sum is zero; there is no smallest, last or favourite."""
    trait = compiled(aggregate, **DECLARED[aggregate], **window)
    assert trait.read(states, START) == expected


@pytest.mark.parametrize("aggregate", DECLARED)
def test_a_window_forgets(aggregate: str) -> None:
    """Once the window and a pane have passed, it is as if nothing had happened."""
    trait = compiled(aggregate, **DECLARED[aggregate], **WINDOWS["a window"])
    state = fold(trait, [happened(0.0, {"sku": "a", "total": 7})])
    assert trait.read([state], START) != trait.read([], START)
    assert trait.read([state], START + 4 * DAY * 64 / 63) == trait.read([], START)


@pytest.mark.parametrize(
    ("age", "counted"),
    [
        pytest.param(-120.0, True, id="ahead"),
        pytest.param(0.0, True, id="now"),
        pytest.param(62.999, True, id="just inside"),
        pytest.param(64.0, False, id="a pane outside"),
        pytest.param(1e9, False, id="long ago"),
    ],
)
@given(start=st.floats(0.0, 1e6))
def test_the_window_errs_by_less_than_a_pane(start: float, age: float, *, counted: bool) -> None:
    """All inside the window counts, nothing that is older by a pane or more does."""
    trait = compiled("count", window_seconds=63.0)
    now = 2e9 + start
    state = trait.fold(None, now - age, happened(0.0).signal)
    assert trait.read([state], now) == counted


@pytest.mark.parametrize("aggregate", ["last", "recency", "distinct"])
@pytest.mark.parametrize(("age", "counted"), [(62.999, True), (63.0, False)])
def test_what_keeps_instants_has_an_exact_window(
    aggregate: str, age: float, *, counted: bool
) -> None:
    """The latest, its age and the different things keep to (now - window, now] to the instant."""
    trait = compiled(aggregate, **DECLARED[aggregate], window_seconds=63.0)
    signals = [happened(0.0, {"sku": "a"})]
    assert (value(trait, signals, after=age) == trait.read([], START)) != counted


@pytest.mark.parametrize("aggregate", ["last", "recency", "distinct"])
def test_what_keeps_instants_needs_no_panes(aggregate: str) -> None:
    """An aggregate that keeps instants has one state, with a window as without."""
    whole, windowed = (compiled(aggregate, **DECLARED[aggregate], **w) for w in WINDOWS.values())
    assert fold(windowed, ORDERS) == fold(whole, ORDERS)


def test_recency_is_never_negative() -> None:
    """A signal dated ahead of the present happened just now."""
    assert value(compiled("recency"), [happened(9.0)], after=5.0) == 0.0


def test_whole_sums_are_integers() -> None:
    """A sum without fraction is written without one, so that text shows 3 and not 3.0."""
    state = fold(compiled("sum", of=TOTAL), [happened(0.0, {"total": 1.5}, id=i) for i in "ab"])
    seen = compiled("sum", of=TOTAL).read([state], START)
    assert (seen, type(seen)) == (3, int)


@pytest.mark.parametrize(
    "total", [math.nan, math.inf, -math.inf, 10**400, 1e300, True, "5", None, [1]], ids=repr
)
@pytest.mark.parametrize("aggregate", ["sum", "min", "max"])
def test_what_is_no_amount_is_ignored(aggregate: str, total: Any) -> None:
    """A value that is no finite number of ordinary size leaves no trace."""
    assert fold(compiled(aggregate, of=TOTAL), [happened(0.0, {"total": total})]) is None


@given(st.integers(1, 512))
def test_distinct_is_exact_up_to_512(n: int) -> None:
    """Up to 512 keys, each seen twice, the number of keys is exact."""
    trait = compiled("distinct", of="data.skus")
    skus = [f"sku-{number}" for number in range(n)]
    assert value(trait, [happened(0.0, {"skus": skus}), happened(1.0, {"skus": skus})], 2.0) == n


def test_distinct_is_estimated_above() -> None:
    """Above 512 keys the estimate is within 20 % (over four standard errors), in bounded memory."""
    trait = compiled("distinct", of=SKU)
    signals = [happened(n, {"sku": f"sku-{n}"}) for n in range(5_000)]
    state = fold(trait, signals)
    assert len(state) == 513
    assert trait.read([state], START) == pytest.approx(5_000, rel=0.2)
    random.Random(5).shuffle(signals)
    assert fold(trait, signals) == state
    halves = [fold(trait, signals[:2_000]), fold(trait, signals[1_000:])]
    assert trait.read(halves, START) == trait.read([state], START)


def test_distinct_minds_the_window_above_512() -> None:
    """Above 512 keys the share of keys inside the window is estimated too."""
    trait = compiled("distinct", of=SKU, window_seconds=2_500.0)
    signals = [happened(n, {"sku": f"sku-{n}"}) for n in range(5_000)]
    assert value(trait, signals, after=5_000.0) == pytest.approx(2_500, rel=0.25)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        pytest.param(
            [("a", 2), ("b", 1)], {"top": "a", "shares": {"a": 2 / 3, "b": 1 / 3}}, id="2"
        ),
        pytest.param([("b", 1), ("a", 1)], {"top": "a", "shares": {"a": 0.5, "b": 0.5}}, id="tie"),
        pytest.param(
            [("a", 2), ("b", 1), ("a", -2)], {"top": "b", "shares": {"b": 1}}, id="cancel"
        ),
        pytest.param([("a", 0.1), ("a", 0.2), ("a", -0.3)], None, id="cancelled in parts"),
        pytest.param([("a", -1)], None, id="negative"),
        pytest.param(
            [("a", None), ("b", "x"), (None, 1)], {"top": "a", "shares": {"a": 1}}, id="odd"
        ),
    ],
)
def test_affinity_subtracts(lines: list[tuple[Any, Any]], expected: Any) -> None:
    """A cancelled line takes its weight back; a favourite is what something positive is left of."""
    trait = compiled("affinity", of=SKU, weight="data.n")
    signals = [happened(0.0, {"sku": sku, "n": n}, id=str(i)) for i, (sku, n) in enumerate(lines)]
    seen = value(trait, signals, after=1.0)
    assert seen == (expected and {**expected, "shares": pytest.approx(expected["shares"])})


def test_affinity_prefers_the_recent() -> None:
    """Two old orders weigh as one that is a half-life younger, and less than one younger still."""
    trait = compiled("affinity", of=SKU, half_life_seconds=10.0)
    old = [happened(0.0, {"sku": "old"}, id=i) for i in "ab"]
    assert value(trait, [*old, happened(10.0, {"sku": "new"})], 10.0)["shares"]["new"] == 0.5
    assert value(trait, [*old, happened(11.0, {"sku": "new"})], 11.0)["top"] == "new"


def test_affinity_is_bounded() -> None:
    """Of 600 keys the 512 heaviest stay, whatever comes after them."""
    trait = compiled("affinity", of=SKU, weight="data.n", top=100)
    signals = [happened(0.0, {"sku": f"{600 - n:03}", "n": 1 + n}) for n in range(600)]
    state = fold(trait, signals[::-1])
    assert sorted(state[2]) == [f"{n:03}" for n in range(1, 513)]
    assert trait.read([state], START)["top"] == "001"


@pytest.mark.parametrize("aggregate", ["decayed", "affinity"])
def test_the_half_life_is_90_days_by_default(aggregate: str) -> None:
    """Without a declared half-life a weight counts half after 90 days."""
    declared = {**DECLARED[aggregate], "weight": None}
    implied = compiled(aggregate, **{**declared, "half_life_seconds": None})
    explicit = compiled(aggregate, **{**declared, "half_life_seconds": 90 * DAY})
    assert implied.digest == explicit.digest
    assert implied.fold(None, START, ORDERS[0].signal) == explicit.fold(
        None, START, ORDERS[0].signal
    )


@pytest.mark.parametrize("aggregate", ["decayed", "affinity"])
@pytest.mark.parametrize("gap", [1e3, 1e6, 1e12], ids=["1e3", "1e6", "1e12"])
def test_decay_survives_any_gap(aggregate: str, gap: float) -> None:
    """However many half-lives lie between two signals, in whatever order, nothing overflows."""
    trait = compiled(aggregate, of=SKU, half_life_seconds=1.0)
    signals = [happened(gap, {"sku": "new"}), happened(0.0, {"sku": "old"})]
    expected = 1.0 if aggregate == "decayed" else {"top": "new", "shares": {"new": 1.0}}
    assert value(trait, signals, after=gap) == expected
    assert value(trait, signals[::-1], after=-gap) == expected


def test_an_affinity_outlives_any_silence() -> None:
    """Shares stand however long ago all was; a weight of zero long after does not touch them."""
    trait = compiled("affinity", of=SKU, weight="data.n", half_life_seconds=1.0)
    taken = [happened(0.0, {"sku": sku, "n": n}) for sku, n in (("a", 1), ("b", 3))]
    nothing = happened(1_100.0, {"sku": "c", "n": 0})
    expected = {"top": "b", "shares": {"b": 0.75, "a": 0.25}}
    assert value(trait, taken, after=1e9) == expected
    assert value(trait, [*taken, nothing], after=1_100.0) == expected


def test_the_least_weights_have_shares() -> None:
    """Weights at the end of the range of doubles are shared out like any others."""
    trait = compiled("affinity", of=SKU, weight="data.n")
    least = [happened(0.0, {"sku": sku, "n": 5e-324}) for sku in "ab"]
    assert value(trait, least, after=0.0) == {"top": "a", "shares": {"a": 0.5, "b": 0.5}}


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        pytest.param("data.skus", {"skus": ["a", "b", "a"]}, 2, id="list"),
        pytest.param(
            "data.items[].sku", {"items": [{"sku": "a"}, {}, 7, {"sku": 5}]}, 2, id="each"
        ),
        pytest.param("data.skus[]", {"skus": ["a", 1, 1.0]}, 2, id="numbers are names"),
        pytest.param("data.items[].sku", {"items": {"sku": "a"}}, 0, id="no list"),
        pytest.param("data.sku.name", {"sku": "a"}, 0, id="no object"),
        pytest.param(
            "data.skus", {"skus": ["", "x" * 513, True, None, 2**65, {}]}, 0, id="no keys"
        ),
        pytest.param("channel", {}, 1, id="envelope"),
    ],
)
def test_paths(path: str, data: Any, expected: int) -> None:
    """A path reads objects, lists and every element of a list; what is not there is nothing."""
    assert (
        value(compiled("distinct", of=path), [happened(0.0, data, channel="web")], 0.0) == expected
    )


@pytest.mark.parametrize("weights", [[2, -1, 3], 1], ids=["each its own", "one for all"])
def test_lists_pair_with_their_weights(weights: Any) -> None:
    """Keys and weights of one signal's lists align even where a key is missing."""
    trait = compiled("affinity", of="data.items[].sku", weight="data.weights")
    data = {"items": [{"sku": "a"}, {"name": "?"}, {"sku": "b"}], "weights": weights}
    a = 0.4 if isinstance(weights, list) else 0.5
    assert value(trait, [happened(0.0, data)], 0.0)["shares"] == {"a": a, "b": 1 - a}
