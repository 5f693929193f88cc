"""What is refused, left out or answered with a default, whoever asks for it."""

from collections.abc import Callable

import orjson
import pytest

from clew import Client
from clew.clock import to_text
from client.worlds import World, creative, embedded, people, policy, show, slot

_TYPED = [
    {
        "id": "product_viewed",
        "fields": {"sku": {"type": "text", "max": 8, "required": True}},
    }
]


def _stored(client: Client, kind: str) -> list[dict[str, object]]:
    bodies = embedded(client).store.facts_of("default", kind)
    return [orjson.loads(body) for body in bodies]


def _append(client: Client, **fact: object) -> str:
    """Store a signal as somebody would who did not ask the policy."""
    at = to_text(client._core.clock.now())
    envelope = {"type": "product_viewed", "subject": "u-1", "occurred_at": at}
    (result,) = embedded(client).append([orjson.dumps({"signal": envelope | fact})])
    return f"{result.status} {result.errors[0].pointer}" if result.errors else result.status


def test_the_store_minimises_too(world: World) -> None:
    """Whatever way a signal comes, fields that nobody declared are not stored (C24)."""
    client = world.client(policy(signals=_TYPED))
    people(client, ["u-1"])
    assert _append(client, id="s-1", data={"sku": "a", "address": "Elm Street"}) == "applied"
    (signal,) = _stored(client, "signal")
    assert signal["data"] == {"sku": "a"}


@pytest.mark.parametrize("emitted", [True, False], ids=["emitted", "appended"])
def test_what_nobody_declared_is_dropped_to_the_last_field(world: World, *, emitted: bool) -> None:
    """Data of undeclared fields alone is stored as none (C24)."""
    optional = [{"id": "product_viewed", "fields": {"sku": {"type": "text"}}}]
    client = world.client(policy(signals=optional))
    people(client, ["u-1"])
    if emitted:
        client.emit("product_viewed", subject="u-1", data={"address": "Elm Street"})
        client.flush()
    else:
        assert _append(client, id="s-1", data={"address": "Elm Street"}) == "applied"
    (signal,) = _stored(client, "signal")
    assert signal["data"] == {}


@pytest.mark.parametrize(
    ("fact", "answer"),
    [
        pytest.param({"data": {}}, "refused /data/sku", id="a required field is missing"),
        pytest.param({"data": {"sku": "far too long"}}, "refused /data/sku", id="too long"),
        pytest.param({"type": "door_opened"}, "refused /type", id="an undeclared type"),
        pytest.param(
            {"data": {"sku": "a"}, "party": "third"}, "refused /party", id="a third party"
        ),
    ],
)
def test_the_store_checks_too(world: World, fact: dict[str, object], answer: str) -> None:
    """Whatever way a signal comes, what breaks the policy is refused with its place (C18)."""
    client = world.client(policy(signals=_TYPED))
    people(client, ["u-1"])
    assert _append(client, id="s-1", **fact) == answer
    assert _stored(client, "signal") == []


def test_a_denied_record_keeps_no_context(world: World) -> None:
    """Without permission a record keeps of the request what rendering needs, and no more (D1)."""
    member = creative("member", when={"==": [{"var": "context.mail"}, "ada@example.org"]})
    client = world.client(policy(creatives=[creative("plain"), member]))
    context = {"channel": "web", "mail": "ada@example.org"}
    decision = client.decide("hero", subject="u-9", context=context)
    assert (decision.reason, decision.creative) == ("consent_denied", "member")
    client.flush()
    (record,) = _stored(client, "decision")
    assert record["reads"] == {"context": {"context.channel": "web"}}


@pytest.mark.parametrize(
    "evil", ["javascript:alert(1)", " javascript:x", "java\nscript:x", "data:x"]
)
def test_no_address_runs_a_script(world: World, evil: str) -> None:
    """A template never fills an address with one that runs; another creative is shown."""
    link = creative("fresh", content={"en": {"headline": "x", "to": "{{ context.next }}"}})
    fields = {"headline": {"type": "text"}, "to": {"type": "url"}}
    client = world.client(
        policy(
            slots=[slot(strategy="priority", fields=fields)],
            creatives=[creative("plain"), {**link, "priority": 1}],
        )
    )
    people(client, ["u-1"])
    shown = {
        to: client.decide("hero", subject="u-1", context={"next": to}).get("to")
        for to in ("https://a.example/b?c:d", "/b", "b", evil)
    }
    assert shown == {to: None if to == evil else to for to in shown}


def test_a_stray_reversal_takes_nothing_away(client: Client) -> None:
    """Reversing what was never credited changes no figure (M2)."""
    decision = show(client, "u-1")
    client.report(decision, "converted", id="o-1")
    client.report(decision, "converted", reverses="o-never")
    client.flush()
    (measured,) = client.measure()
    assert measured.attributed == 1.0


def test_unseen_decisions_do_not_evict_a_seen_one(client: Client) -> None:
    """A purchase credits the decision that was seen, however many came after unseen (M1)."""
    show(client, "u-1")
    for _ in range(9):
        client.decide("hero", subject="u-1")
    client.emit("order_completed", subject="u-1")
    client.flush()
    assert client.measure()[0].attributed == 1.0


@pytest.mark.parametrize("subject", ["", "x" * 129], ids=["empty", "too long"])
def test_a_strange_id_gets_the_default(client: Client, subject: str) -> None:
    """An id that a visitor brought may be anything; the page is served, and it is counted (D2)."""
    decision = client.decide("hero", subject=subject)
    assert (decision.reason, decision.get("headline")) == ("error", "plain")
    assert client.losses["decide_failed"] == 1


def test_a_wrong_type_is_a_mistake_of_the_program(client: Client) -> None:
    """What no visitor could bring is told at once."""
    with pytest.raises(TypeError, match="subject is text, not 42"):
        client.decide("hero", subject=42)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"slot is text, not \['hero'\]"):
        client.decide(["hero"], subject="u-1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"traffic is one of human, bot, .*, not 'humans'"):
        client.decide("hero", subject="u-1", traffic="humans")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.decide_all("hero", subject="u-1"),
        lambda client: client.visitor("u-1").decide_all("hero"),
        lambda client: client.visitor("u-1").prepare("hero"),
    ],
    ids=["client", "visitor", "ahead"],
)
def test_one_slot_is_no_list(client: Client, ask: Callable[[Client], object]) -> None:
    """The letters of a slot's name are not taken for slots."""
    with pytest.raises(TypeError, match=r"write \['hero'\]"):
        ask(client)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda it: it.decide("hero", subject="u-1", deadline_ms="50"), "deadline_ms .*, not '50'"),
        (lambda it: it.decide("hero", subject="u-1", deadline_ms=True), "deadline_ms .*, not True"),
        (lambda it: it.report(it.decide("hero", subject="u-1"), 5), "type of an outcome .*, not 5"),
        (
            lambda it: it.report(it.decide("hero", subject="u-1"), b"displayed"),
            "type of an outcome",
        ),
        (lambda it: it.consent("u-1", grant=5), "purposes are a list of names, not 5"),
        (lambda it: it.profile(b"u-1"), "subject is text, not b'u-1'"),
        (lambda it: it.decisions(None), "subject is text, not None"),
    ],
    ids=[
        *["deadline as text", "deadline as truth", "outcome", "outcome as bytes", "one purpose"],
        *["profile of bytes", "decisions of none"],
    ],
)
def test_a_wrong_type_is_told_in_words(
    world: World, call: Callable[[Client], object], told: str
) -> None:
    """Misuse raises at once, and says what was meant."""
    client = world.client()
    people(client, ["u-1"])
    with pytest.raises(TypeError, match=told):
        call(client)


def test_nothing_is_nothing(world: World) -> None:
    """Whoever asks for no slot has no decision, and nothing is counted."""
    client = world.client()
    assert client.decide_all([], subject="u-1") == {}
    assert not client.losses
