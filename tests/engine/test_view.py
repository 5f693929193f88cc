"""The lazy view of traits: computed when asked for, and only what is permitted."""

from typing import Any

import pytest

from clew.engine.panes import State
from clew.engine.traits import CompiledTrait
from clew.engine.view import Reader, TraitView
from clew.logic import compile_rule
from engine.folds import START, compiled, fold, happened


def reader(trait: CompiledTrait, states: list[State]) -> Reader:
    """What a person gives the view for one trait."""
    return lambda now: trait.read(states, now)


def view() -> TraitView:
    """Two views and the sku of one; the policy has a trait more, which is not permitted."""
    orders = compiled("count", id="orders")
    usual = compiled("last", id="usual", of="data.sku")
    signals = [happened(1.0, {"sku": "a"}, id="s-1"), happened(2.0, {"sku": "b"}, id="s-2")]
    states = {trait: [fold(trait, signals)] for trait in (orders, usual)}
    return TraitView(
        {trait.id: reader(trait, states[trait]) for trait in states}, START + 3.0, {"income"}
    )


def test_it_computes_what_is_asked_for() -> None:
    """Subscribing and `get` compute one trait each, once."""
    traits = view()
    assert traits.used == {}
    assert traits["orders"] == 2
    assert traits.used == {"orders": 2}
    assert traits.get("usual") == "b"
    assert traits.used == {"orders": 2, "usual": "b"}


def test_a_value_is_remembered() -> None:
    """What was read once stays as it was within the view, and is the same object."""
    trait = compiled("affinity", of="data.sku")
    state = fold(trait, [happened(1.0, {"sku": "a"})])
    traits = TraitView({"usual": reader(trait, [state])}, START)
    seen = traits["usual"]
    fold(trait, [happened(2.0, {"sku": "b"})], state)
    assert traits["usual"] is seen


def test_the_withheld_is_absent_and_noted() -> None:
    """A trait that is not permitted is as one that does not exist, but for the note."""
    traits = view()
    with pytest.raises(KeyError, match="income"):
        traits["income"]
    assert traits.get("income", 7) == 7
    assert "income" not in traits
    assert traits.withheld == {"income"}
    assert "income" not in {**traits}


def test_the_unknown_is_absent() -> None:
    """A name that the policy does not have is absent and no note is taken."""
    traits = view()
    with pytest.raises(KeyError, match="nonsense"):
        traits["nonsense"]
    assert traits.get("nonsense") is None
    assert traits.withheld == set()


def test_names_cost_nothing() -> None:
    """Membership, length and names compute no trait."""
    traits = view()
    assert "orders" in traits
    assert len(traits) == 2
    assert bool(traits)
    assert list(traits) == list(traits.keys()) == ["orders", "usual"]
    assert traits.used == {}


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(dict, id="dict"),
        pytest.param(lambda traits: {**traits}, id="unpacking"),
        pytest.param(lambda traits: dict(traits.items()), id="items"),
        pytest.param(lambda traits: dict(zip(traits, traits.values(), strict=True)), id="values"),
    ],
)
def test_everything_is_computed_on_demand(read: Any) -> None:
    """Items, values and copies compute all that is permitted, and all counts as used."""
    traits = view()
    assert read(traits) == {"orders": 2, "usual": "b"}
    assert traits.used == {"orders": 2, "usual": "b"}


def test_a_trait_without_value_is_there() -> None:
    """A permitted trait that nothing was folded into is a key whose value is None."""
    traits = TraitView({"usual": reader(compiled("last", of="data.sku"), [None])}, START)
    assert "usual" in traits
    assert traits["usual"] is None
    assert traits.used == {"usual": None}


def test_rules_read_it_lazily() -> None:
    """A rule that looks at one trait computes that one, and notes what it was refused."""
    traits = view()
    rule = compile_rule(
        {"and": [{">": [{"var": "computed.orders"}, 1]}, {"!": {"var": "computed.income"}}]}
    )
    assert rule({"computed": traits}) is True
    assert traits.used == {"orders": 2}
    assert traits.withheld == {"income"}
