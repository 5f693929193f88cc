"""A person is the merge of the documents of all their identities, seen through permission."""

import pytest
from hypothesis import given
from hypothesis.strategies import floats, lists

from clew.engine.person import Person, empty
from client.worlds import policy
from engine.situations import NOW, compiled, fold, granted, person, signal

KINDS = ("declared", "observed", "computed", "predicted")


def wish(kind: str) -> dict:
    """A trait `wish` of one kind, which keeps the last word of its own signal."""
    return {
        "id": "wish",
        "kind": kind,
        "signal": f"{kind}_told",
        "aggregate": "last",
        "of": "data.word",
        "purpose": "personalise",
    }


LAW = compiled(policy(traits=[wish(kind) for kind in KINDS]))


@pytest.mark.parametrize("silent", range(len(KINDS)))
def test_what_the_person_declared_wins(silent):
    """Of one name's kinds the declared one wins, then observed, computed, predicted (C41)."""
    told = KINDS[silent:]
    facts = [
        {**signal(f"{kind}_told", name=f"s-{kind}", word=kind), "party": "zero"} for kind in told
    ]
    view = person(LAW, *facts).view("personalise", NOW, {})
    assert view["traits"]["wish"] == told[0]
    assert view["traits"].get("wish") == told[0]


def test_names_that_are_not_there():
    """An unknown trait is absent, one without a value is None."""
    view = person(LAW).view("personalise", NOW, {})
    assert view["traits"]["wish"] is None
    assert view["traits"].get("nothing", "else") == "else"
    with pytest.raises(KeyError):
        view["traits"]["nothing"]


def test_identities_are_summed_when_read():
    """Counts of several identities add up, and each keeps its own (I2)."""
    law = compiled()
    parts = [person(law, signal("product_viewed"), subject=name) for name in ("u-1", "a-1")]
    both = Person(law, "u-1", {part.subject: part.documents[part.subject] for part in parts})
    assert both.view("personalise", NOW, {})["computed"]["views"] == 2
    assert [part.view("personalise", NOW, {})["computed"]["views"] for part in parts] == [1, 1]


def test_a_denied_trait_is_noted_not_read():
    """A trait of another purpose is not there, and asking for it is noted (T10)."""
    law = compiled()
    view = person(law, signal("secret_told", word="canary")).view("personalise", NOW, {})
    assert view["computed"].get("secret") is None
    assert "secret" not in view["computed"]
    assert view["computed"].withheld == {"secret"}
    assert view["computed"].used == {}


@pytest.mark.parametrize("aggregate", ["count", "sum", "decayed", "recency"])
@given(after=lists(floats(0.0, 3e6), min_size=2, max_size=6))
def test_a_value_read_again_is_what_it_would_be_read_anew(aggregate, after):
    """However often a value was read before, time passes for it, forwards and backwards."""
    trait = {
        "id": "spent",
        "signal": "ordered",
        "aggregate": aggregate,
        "purpose": "personalise",
        **({"of": "data.word"} if aggregate in {"sum", "decayed"} else {}),
        **({"half_life_seconds": 86_400} if aggregate == "decayed" else {"window_seconds": 1e6}),
    }
    law = compiled(policy(traits=[trait]))
    fact = signal("ordered", word=3)

    def read(whom, later):
        return whom.view("personalise", NOW + later, {})["computed"]["spent"]

    often = person(law, fact)
    assert [read(often, later) for later in after] == [
        read(person(law, fact), later) for later in after
    ]


@pytest.mark.parametrize("window", [{}, {"window_seconds": 1e6}], ids=["ever", "lately"])
def test_traits_of_one_meaning_take_a_signal_once(window):
    """Two names for the same are read alike, before and after each signal."""
    trait = {"signal": "seen", "aggregate": "count", "purpose": "personalise", **window}
    law = compiled(policy(traits=[{"id": name, **trait} for name in ("one", "other")]))
    whom = person(law)
    for count in range(4):
        view = whom.view("personalise", NOW, {})["computed"]
        assert (view["one"], view["other"]) == (count, count)
        fold(whom, signal("seen", name=f"s-{count}"))


def test_permission_is_read_anew():
    """What the person says changes what the next view holds (C25)."""
    law = compiled()
    whom = person(law, signal("product_viewed"))
    assert whom.view("personalise", NOW, {})["computed"].get("views") == 1
    fold(whom, granted("withdrawn"))
    assert whom.view("personalise", NOW, {})["computed"].get("views") is None
    assert whom.permitted(("personalise", "service", "unknown")) == ("service",)


def test_nobody_was_seen():
    """Of somebody new nothing is known."""
    new = Person(LAW, "u-1", {"u-1": empty()})
    assert (new.seen, new.latest("hero"), new.entry("d-1"), new.trials) == (0.0, None, None, {})
