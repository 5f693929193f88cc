"""What a list slot may offer to one person (C49)."""

from clew.engine.menu import menu
from client.test_deciding import LISTS
from engine.situations import NOW, Nothing, compiled, person, signal

LAW = compiled(LISTS)
ITEMS = LAW.slots["hero"].items


def ordered(*skus: str):
    """Somebody who ordered these."""
    return person(
        LAW,
        *(
            signal("item_ordered", name=f"s-{n}", sku=sku, order=f"o-{n}")
            for n, sku in enumerate(skus)
        ),
    )


def offered(whom, **tallies):
    """What they are offered, given counts of pairs."""
    counts = {ITEMS.pairs + (f":{name}" if name else ""): found for name, found in tallies.items()}
    totals = tallies.pop("totals", {})
    counts[ITEMS.pairs] = totals
    return menu(ITEMS, whom.view("personalise", NOW, {}), Nothing(counts))


def test_the_usual_is_pinned():
    """What a person takes most is offered first, and not again among the others."""
    found = offered(ordered("a", "a", "b"), totals={"a": 9, "b": 5, "c": 4})
    assert found.pinned == "a"
    assert set(found.candidates) == {"b", "c"}


def test_partners_come_before_the_popular():
    """What goes with the usual is stronger than what merely everybody takes."""
    totals = {"a": 10, "b": 10, "c": 1000}
    found = offered(ordered("a"), totals=totals, a={"b": 9})
    assert next(iter(found.candidates)) == "b"
    assert found.candidates["b"] > found.candidates["c"]


def test_somebody_new_is_offered_what_is_popular():
    """Without any history there is nothing usual, but something popular."""
    found = offered(ordered(), totals={"b": 2, "c": 7})
    assert found.pinned is None
    assert list(found.candidates) == ["c", "b"]
    assert all(0 < strength < 1 for strength in found.candidates.values())


def test_what_is_not_in_the_catalogue_is_not_offered():
    """An item that nobody lists, or that is sold out, is neither pinned nor drawn."""
    found = offered(ordered("z"), totals={"z": 9, "b": 1})
    assert (found.pinned, list(found.candidates)) == (None, ["b"])
    catalogue = [{"id": "menu", "items": [{"id": "a", "available": False}, {"id": "b"}]}]
    law = compiled({**LISTS, "catalogues": catalogue})
    items = law.slots["hero"].items
    view = ordered("a").view("personalise", NOW, {})
    assert menu(items, view, Nothing({items.pairs: {"a": 3, "b": 1}})).pinned is None


def test_never_more_than_asked_for():
    """The number of candidates is bounded by the slot."""
    totals = dict.fromkeys("abcdef", 5)
    law = compiled(
        {
            **LISTS,
            "slots": [
                {**LISTS["slots"][0], "items": {**LISTS["slots"][0]["items"], "candidates": 2}}
            ],
        }
    )
    items = law.slots["hero"].items
    view = ordered().view("personalise", NOW, {})
    assert len(menu(items, view, Nothing({items.pairs: totals})).candidates) == 2
