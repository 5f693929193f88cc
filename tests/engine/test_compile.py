"""What is worked out of a policy once: purposes, keys, epochs, fillings."""

import pytest

from clew.errors import DocumentError
from client.worlds import creative, policy, slot
from engine.situations import NOW, compiled


def test_purposes_of_signals():
    """A type serves what it states, else what reads it, else nothing (F5)."""
    law = compiled(
        policy(
            signals=[
                {"id": "product_viewed", "purposes": ["ads"]},
                {"id": "order_completed"},
                {"id": "newsletter_opened"},
            ]
        )
    )
    assert law.purposes_of("product_viewed") == ("ads",)
    assert law.purposes_of("order_completed") == ("personalise",)
    assert law.purposes_of("newsletter_opened") == ()
    assert law.known_signals == {
        "product_viewed",
        "order_completed",
        "newsletter_opened",
        "secret_told",
    }
    assert compiled().known_signals is None


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"serve": "nothing"}, True),
        ({"ends_at": "2030-01-01T00:00:00Z"}, True),
        ({"salt": "t"}, False),
        ({"share": 0.2}, False),
        ({"scope": ["hero"]}, False),
    ],
)
def test_epochs(change, same):
    """Salt, share and scope make an epoch, and nothing else does (M7)."""
    holdout = {"id": "half", "salt": "s", "share": 0.5}
    epochs = [
        compiled(policy(holdouts=[one])).holdouts["half"].epoch
        for one in (holdout, holdout | change)
    ]
    assert (epochs[0] == epochs[1]) is same


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"owner": "web"}, True),
        ({"exploration": {"gamma": 5}}, True),
        ({"features": ["context.channel"]}, False),
        ({"objective": [{"id": "orders", "weight": 2}]}, False),
    ],
)
def test_state_keys(change, same):
    """Features and reward make another arm, how it explores does not (L4)."""
    keys = [
        compiled(policy(slots=[one])).slots["hero"].options.state_keys
        for one in (slot(), slot(**change))
    ]
    assert (keys[0] == keys[1]) is same


def test_another_trait_is_folded_anew():
    """The digest of what is folded changes with the traits, not with their words (C45)."""
    traits = policy()["traits"]
    digests = [
        compiled(policy(traits=some)).fold_digest
        for some in (traits, traits[::-1], [{**traits[0], "plain": "x"}, *traits[1:]], traits[:1])
    ]
    assert digests[0] == digests[1] == digests[2] != digests[3]


@pytest.mark.parametrize(
    ("locale", "text"),
    [(None, "en"), ("de", "de"), ("de-CH", "de"), ("pt-BR", "br"), ("pt", "en"), ("fr", "en")],
)
def test_locales(locale, text):
    """The locale's own content, else its language's, else that of the policy's locale."""
    content = {
        name: {"headline": text} for name, text in (("en", "en"), ("de", "de"), ("pt-BR", "br"))
    }
    law = compiled(policy(creatives=[creative("plain", content=content)]))
    filling = law.slots["hero"].default.filling(locale, "en")
    assert filling.fill({}) == {"headline": text}


@pytest.mark.parametrize(
    ("when", "text", "contextual"),
    [
        (None, "x", False),
        ({"var": "context.rain"}, "x", True),
        ({"var": "computed.views"}, "x", False),
        ({"var": "context.rain"}, "{{ computed.views | default: 0 }}", False),
        ({"var": "context.rain"}, "{{ context.town | default: 'x' }}", True),
    ],
)
def test_what_is_contextual(when, text, contextual):
    """Only what looks at the request alone is contextual (D1)."""
    given = {"content": {"en": {"headline": text}}} | ({} if when is None else {"when": when})
    law = compiled(policy(creatives=[creative("plain"), creative("other", **given)]))
    found = {one.id: one for one in law.slots["hero"].creatives}["other"]
    assert found.contextual is contextual


def test_boundaries_are_in_order():
    """The instants at which a schedule changes are known beforehand, ascending (D4)."""
    late = creative("late", starts_at="2026-01-01T14:00:00Z", ends_at="2026-01-01T16:00:00Z")
    soon = creative("soon", ends_at="2026-01-01T13:00:00Z")
    law = compiled(policy(creatives=[creative("plain"), late, soon]))
    hours = [(edge - NOW) / 3600 for edge in law.slots["hero"].boundaries]
    assert hours == [1.0, 2.0, 4.0]


def test_a_rule_that_does_not_compile():
    """A faulty rule is named with its place."""
    with pytest.raises(DocumentError) as caught:
        compiled(policy(creatives=[creative("plain", when={"no_such": []})]))
    assert caught.value.problems[0].pointer.startswith("/creatives/0/when")
