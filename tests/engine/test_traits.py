"""Compiling a trait: what it takes, how it is named, and what is refused."""

from typing import Any

import pytest

from clew.engine.traits import compile_trait
from clew.errors import ConfigurationError, DocumentError
from clew.model.policy import Trait
from engine.folds import START, compiled, fold, happened, value

VIEWS = {
    "id": "views_30d",
    "signal": "product_viewed",
    "aggregate": "count",
    "window_seconds": 2_592_000,
    "purpose": "personalise",
    "plain": "pages you viewed",
}


def test_it_says_what_it_is() -> None:
    """A compiled trait carries what is needed to route, to permit and to explain it."""
    trait = compile_trait(Trait(**VIEWS))
    assert trait.path == "computed.views_30d"
    assert (trait.id, trait.kind, trait.purpose) == ("views_30d", "computed", "personalise")
    assert (trait.signal, trait.plain) == ("product_viewed", "pages you viewed")
    assert trait.fold_pairs is None


@pytest.mark.parametrize("kind", ["declared", "observed", "computed", "predicted"])
@pytest.mark.parametrize("party", ["zero", "first", "partner", "third", None])
def test_declared_is_what_the_person_said(kind: str, party: str | None) -> None:
    """A declared trait takes signals of party zero alone, any other takes those of every party."""
    envelope = {} if party is None else {"party": party}
    signal = {"id": "s-1", "type": "item_ordered", "data": {}, **envelope}
    trait = compiled("count", kind=kind)
    taken = party == "zero" or kind != "declared"
    assert trait.read([trait.fold(None, START, signal)], START) == int(taken)
    assert trait.path == f"{kind}.t"


BIG = {">": [{"var": "data.total"}, 10]}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        pytest.param(None, 3, id="none"),
        pytest.param(BIG, 2, id="data"),
        pytest.param({"==": [{"var": "channel"}, "app"]}, 1, id="channel"),
        pytest.param({"==": [{"var": "source"}, "till"]}, 1, id="source"),
        pytest.param({"and": [BIG, {"!=": [{"var": "party"}, "third"]}]}, 1, id="party"),
        pytest.param(False, 0, id="never"),
        pytest.param({"var": "ext"}, 1, id="an object is true"),
    ],
)
def test_where(where: Any, expected: int) -> None:
    """Only signals for which the rule holds are taken."""
    signals = [
        happened(1.0, {"total": 5}, channel="app"),
        happened(2.0, {"total": 50}, source="till"),
        happened(3.0, {"total": 15}, party="third", ext={}),
    ]
    assert value(compiled("count", where=where), signals, after=4.0) == expected


@pytest.mark.parametrize("party", ["zero", "first"])
@pytest.mark.parametrize("total", [5, 50])
def test_where_and_declared(party: str, total: int) -> None:
    """A declared trait with a rule asks for both."""
    trait = compiled("count", kind="declared", where=BIG)
    signals = [happened(0.0, {"total": total}, party=party)]
    assert value(trait, signals, after=0.0) == int(party == "zero" and total == 50)


def test_where_guards_baskets() -> None:
    """A trait over baskets takes only signals for which its rule holds."""
    trait = compiled("together", of="data.sku", by="data.order", where=BIG)
    for total, pairs in ((5, {}), (50, {("a", ""): 1.0})):
        signal = happened(0.0, {"sku": "a", "order": "o", "total": total}).signal
        assert trait.fold_pairs(None, START, signal)[1] == pairs


def test_a_wrong_rule_is_placed() -> None:
    """The fault of a rule is reported at its place in the policy."""
    trait = Trait(**VIEWS, where={"nonsense": 1})
    with pytest.raises(DocumentError) as caught:
        compile_trait(trait, pointer="/traits/0")
    assert caught.value.problems[0].pointer.startswith("/traits/0/where")


@pytest.mark.parametrize(
    ("declared", "missing"),
    [
        *(
            pytest.param({"aggregate": name}, "of", id=name)
            for name in ("sum", "min", "max", "first", "last", "distinct", "affinity")
        ),
        pytest.param({"aggregate": "together", "by": "data.order"}, "of", id="together of"),
        pytest.param({"aggregate": "together", "of": "data.sku"}, "by", id="together by"),
    ],
)
def test_a_missing_path_is_refused(declared: dict[str, Any], missing: str) -> None:
    """An aggregate that needs a path says which one, and of which trait."""
    with pytest.raises(ConfigurationError, match=rf"'t': '{declared['aggregate']}' .* '{missing}'"):
        compiled(**declared)


@pytest.mark.parametrize(
    ("declared", "idle"),
    [
        pytest.param({"aggregate": "count", "half_life_seconds": 1}, "half_life", id="half-life"),
        pytest.param(
            {"aggregate": "together", "of": "a", "by": "b", "window_seconds": 1},
            "window",
            id="window",
        ),
    ],
)
def test_an_idle_duration_is_refused(declared: dict[str, Any], idle: str) -> None:
    """A duration without effect is an error, not a surprise."""
    with pytest.raises(ConfigurationError, match=f"no use for '{idle}_seconds'"):
        compiled(**declared)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "observed"},
        {"signal": "item_viewed"},
        {"aggregate": "sum"},
        {"of": "data.n"},
        {"weight": "data.n"},
        {"where": {"var": "data.n"}},
        {"window_seconds": 60},
        {"half_life_seconds": 60},
        {"purpose": "advertise"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_follows_the_meaning(change: dict[str, Any]) -> None:
    """Whatever changes what a state means changes the digest."""
    declared = {"aggregate": "decayed", "of": "data.x", "where": {"var": "data.x"}}
    changed = {**declared, **change}
    assert compiled(**declared).digest != compiled(**changed).digest


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"plain": "other words"},
        {"owner": "crm"},
        {"top": 3},
        {"half_life_seconds": 7_776_000},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_ignores_the_words(change: dict[str, Any]) -> None:
    """What only names, explains or shows a state leaves the digest, and so the state, as it is."""
    declared = {"aggregate": "affinity", "of": "data.x"}
    assert compiled(**declared).digest == compiled(**declared, **change).digest


def test_integral_and_floating_durations_are_one() -> None:
    """A duration read as 60 and one read as 60.0 give the same digest."""
    one, other = (compiled("count", window_seconds=seconds).digest for seconds in (60, 60.0))
    assert one == other


def test_unlinking_is_exact() -> None:
    """What is left after an identity is taken away is what was there before it came (I2)."""
    trait = compiled("affinity", of="data.sku")
    known = fold(trait, [happened(0.0, {"sku": "a"})])
    guest = fold(trait, [happened(9.0, {"sku": sku}, id=sku) for sku in "ab"])
    alone = trait.read([known], START + 10)
    assert trait.read([known, guest], START + 10) != alone
    assert trait.read([known], START + 10) == alone
