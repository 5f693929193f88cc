"""Content is a function of the record and the policy, so it renders the same later (D7)."""

import pytest

from clew.engine.decide import decide
from clew.engine.record import record
from clew.engine.render import content
from client.worlds import creative, policy, slot
from engine.situations import compiled, person, signal, situation

TEXT = (
    "{{ computed.views }} pages, {{ traits.spent | default: 0 }} spent, "
    "{{ context.town | default: 'here' }}"
)


def recorded(text: str, **context: str):
    """The law and the record of a decision which shows a text."""
    law = compiled(
        policy(
            slots=[slot(strategy="priority")],
            creatives=[
                creative("plain"),
                creative("told", priority=1, content={"en": {"headline": text}}),
            ],
        )
    )
    whom = person(law, signal("product_viewed"), signal("order_completed", name="s-2", total=9.5))
    place = law.slots["hero"]
    at = situation(whom, context=context)
    raw = decide(law, place, at)
    return law, record(law, place, raw, at, id="d-1", request={"subject": "u-1"})


def test_it_renders_from_the_record_alone():
    """What was read when deciding is all that rendering needs."""
    law, made = recorded(TEXT, town="Basel")
    assert content(law, made) == {"headline": "1 pages, 9.5 spent, Basel"}
    assert made["reads"]["profile"]["computed.views"] == 1
    assert made["reads"]["context"]["context.town"] == "Basel"


@pytest.mark.parametrize(
    "change", [{"slot": "gone"}, {"creative": "gone"}, {"creative": None}], ids=str
)
def test_what_is_gone_renders_to_nothing(change):
    """A slot or creative that is no longer in the policy leaves nothing to show, and no error."""
    law, made = recorded(TEXT)
    assert content(law, made | change) == {}


def test_a_gap_falls_back_to_its_default():
    """A field without a value shows what its template says instead (C47)."""
    law, made = recorded(TEXT)
    assert content(law, made)["headline"].endswith("here")
