"""The rules of deciding (RULES D) through the public client."""

import logging
import math

import pytest

from clew import Client
from clew.errors import ClosedError
from client.worlds import DAY, bundle, creative, embedded, people, policy, show, slot, sums_of

ALL = [{"id": "all", "salt": "s", "share": 1.0}]
PLACES = policy(slots=[slot(), slot("banner", "priority")])


def test_unknown_means_no(world):
    """Without a word of the person the default is shown, and nothing of them is kept (D1, T01)."""
    client = world.client(policy(holdouts=ALL))
    decision = client.decide("hero", subject="u-9", session_id="s-9", anonymous_subject="a-9")
    assert (decision.reason, decision.creative) == ("consent_denied", "plain")
    assert (decision.subject, decision.measured, decision.holdout) == (None, False, None)
    assert decision.explanation.data_used == ()
    assert decision.propensity is None
    client.flush()
    store = embedded(client).store
    assert all(b"-9" not in body for body in store.facts_of("default", "decision"))
    assert client.profile("u-9").signals == 0
    with store.read() as read:
        assert list(read.trials("default", "all")) == []


def test_permission_leaves_nothing_waiting(world):
    """A decision without permission is dealt with once it is stored, like any other."""
    client = world.client()
    for _ in range(3):
        client.decide("hero", subject="u-9")
    client.flush()
    assert [hot.pending for hot in embedded(client)._people._hot.values()] == [{}]


def test_a_contextual_creative_needs_no_permission(world):
    """What looks at the request alone may be shown to anybody (D1)."""
    rainy = creative("rainy", when={"==": [{"var": "context.weather"}, "rain"]})
    keen = creative("keen", when={">": [{"var": "computed.views"}, -1]}, priority=9)
    client = world.client(policy(creatives=[creative("plain"), keen, rainy]))
    assert client.decide("hero", subject="u-9", context={"weather": "rain"}).creative == "rainy"
    assert client.decide("hero", subject="u-9", context={"weather": "sun"}).creative == "plain"


def test_withdrawing_holds_from_the_next_decision(client):
    """A kept decision does not outlive the consent it was made under (D3, T03, C25)."""
    assert client.decide("hero", subject="u-1").reason == "bandit"
    client._core.clock.move(minutes=1)
    client.consent("u-1", withdraw=["personalise"])
    assert client.decide("hero", subject="u-1").reason == "consent_denied"


def test_objection_beats_a_later_grant(world, client):
    """Whoever has objected is asked no more, whatever is granted afterwards (T04)."""
    client.consent("u-1", object_to=["personalise"])
    world.clock.move(days=1)
    client.consent("u-1", grant=["personalise"])
    assert client.decide("hero", subject="u-1").reason == "consent_denied"


@pytest.mark.parametrize(
    ("given", "eligible"),
    [
        pytest.param({"ends_at": "2026-01-01T12:00:00Z"}, False, id="over"),
        pytest.param({"starts_at": "2026-01-01T12:00:00Z"}, True, id="begun"),
        pytest.param({"starts_at": "2026-01-01T12:00:01Z"}, False, id="to come"),
        pytest.param({"channels": ["app"]}, False, id="another channel"),
        pytest.param({"channels": ["web"]}, True, id="this channel"),
        pytest.param({"when": {"==": [{"var": "context.channel"}, "app"]}}, False, id="condition"),
        pytest.param({"status": "draft"}, False, id="draft"),
        pytest.param({"content": {"de": {"headline": "neu"}}}, False, id="another language"),
        pytest.param(
            {"content": {"en": {"headline": "{{ context.name }}"}}}, False, id="would leave a gap"
        ),
    ],
)
def test_eligibility(world, given, eligible):
    """Schedule, channel, condition, language and fillable content decide on being shown (D1)."""
    document = policy(
        slots=[slot(strategy="priority")],
        creatives=[creative("plain"), creative("other", **given, priority=1)],
    )
    client = world.client(document)
    people(client, ["u-1"])
    shown = client.decide("hero", subject="u-1", context={"channel": "web"})
    assert shown.creative == ("other" if eligible else "plain")
    assert shown.reason == ("priority" if eligible else "no_eligible")
    assert shown.measured is eligible


def test_both_arms_are_triggered_alike(world):
    """Who belongs to the holdout is measured exactly when something else was eligible (D1, M4)."""
    keen = creative("keen", when={">": [{"var": "computed.views"}, 0]})
    document = policy(creatives=[creative("plain"), keen], holdouts=ALL)
    client = world.client(document)
    people(client, ["u-1"])
    before = client.decide("hero", subject="u-1")
    assert (before.reason, before.measured) == ("no_eligible", False)
    client.emit("product_viewed", subject="u-1")
    after = client.decide("hero", subject="u-1")
    assert (after.reason, after.measured, after.creative) == ("holdout", True, "plain")


@pytest.mark.parametrize(("serve", "shown"), [("default", "plain"), ("nothing", None)])
def test_what_a_holdout_is_served(world, serve, shown):
    """A holdout gets the default, or nothing where its policy says so (M7)."""
    client = world.client(policy(holdouts=[{**ALL[0], "serve": serve}]))
    people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1")
    assert (decision.reason, decision.creative, decision.propensity) == ("holdout", shown, 1.0)


def test_essential_creatives_ignore_holdouts(world):
    """What is owed to everybody is shown in every arm and never measured (D10)."""
    late = creative("late", essential=True)
    client = world.client(policy(creatives=[creative("plain"), late], holdouts=ALL))
    people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1")
    assert (decision.creative, decision.measured, decision.holdout) == ("late", False, None)


def test_an_unknown_slot(client, caplog):
    """A slot that the policy lacks gets the caller's default, is counted, and named once (D2)."""
    with caplog.at_level(logging.WARNING, "clew"):
        made = [client.decide("heroo", subject="u-1", default={"headline": "Hi"}) for _ in range(2)]
    for decision in made:
        assert (decision.reason, decision.get("headline")) == ("unknown_slot", "Hi")
        assert (decision.propensity, decision.token) == (None, None)
        assert client.report(decision, "displayed") == "applied"
    assert client.losses == {"unknown_slot": 2, "unattributed": 2}
    said = [record.getMessage() for record in caplog.records if "heroo" in record.getMessage()]
    assert len(said) == 1
    assert "'hero'" in said[0]


def test_without_a_policy(tmp_path):
    """A store without a policy answers with the caller's default (D2)."""
    with Client(f"sqlite:///{tmp_path}/new.db") as client:
        assert (
            client.decide("hero", subject="u-1", default={"headline": "Hi"}).get("headline") == "Hi"
        )
        client.emit("product_viewed", subject="u-1")
        assert client.losses["no_policy"] == 1


def test_get_never_raises(client):
    """A field that is not there gives the alternative (D2)."""
    decision = client.decide("hero", subject="u-1")
    assert decision.get("nothing", "else") == "else"
    assert decision.get([], "else") == "else"


def test_a_closed_client_raises(client):
    """Using a client after closing it is a mistake of the program."""
    client.close()
    with pytest.raises(ClosedError):
        client.decide("hero", subject="u-1")


@pytest.mark.parametrize(
    ("sticky", "moves", "same"),
    [
        pytest.param({"sticky": "none"}, [0], False, id="none"),
        pytest.param({"sticky": "session"}, [1_700, 1_700], True, id="session in use"),
        pytest.param({"sticky": "session"}, [1_801], False, id="session idle"),
        pytest.param({"sticky": "session"}, [1_700] * 51, False, id="session too long"),
        pytest.param({"sticky": "seconds", "sticky_seconds": 60}, [60], True, id="seconds"),
        pytest.param({"sticky": "seconds", "sticky_seconds": 60}, [61], False, id="seconds over"),
    ],
)
def test_how_long_a_decision_is_kept(world, sticky, moves, same):
    """A kept decision is the same one, with its id, propensity and token (D3)."""
    client = world.client(policy(slots=[slot(**sticky)]))
    people(client, ["u-1"])
    first = again = client.decide("hero", subject="u-1", session_id="s-1")
    for seconds in moves:
        world.clock.move(seconds)
        again = client.decide("hero", subject="u-1", session_id="s-1")
    assert (again.id == first.id) is same
    assert again.cache == ("hit" if same else "miss")
    if same:
        assert (again.propensity, again.token) == (first.propensity, first.token)
        assert again.content == first.content
        assert again.decided_at == first.decided_at


def test_a_view_keeps_its_decision(world):
    """A slot sticky for a view is drawn anew for the next view (D3)."""
    client = world.client(policy(slots=[slot(sticky="view")]))
    people(client, ["u-1"])
    ids = [client.decide("hero", subject="u-1", context={"view_id": view}).id for view in "aab"]
    assert ids[0] == ids[1] != ids[2]


def test_another_session_draws_anew(world):
    """A session's decision is not another session's (D3)."""
    client = world.client(policy(slots=[slot(sticky="session")]))
    people(client, ["u-1"])
    ids = [client.decide("hero", subject="u-1", session_id=name).id for name in ("s-1", "s-2")]
    assert len(set(ids)) == 2


@pytest.mark.parametrize("change", ["schedule", "condition", "policy", "withdrawn"])
def test_a_kept_decision_is_looked_at_again(world, change):
    """A hit stands only while permission, schedule, conditions and policy do (D3)."""
    fresh = creative(
        "fresh", ends_at="2026-01-01T12:01:00Z", when={"!=": [{"var": "context.mood"}, "sad"]}
    )
    document = policy(
        slots=[slot(strategy="priority", sticky="session")], creatives=[creative("plain"), fresh]
    )
    fresh["priority"] = 1
    client = world.client(document)
    people(client, ["u-1"])
    first = client.decide("hero", subject="u-1")
    assert first.creative == "fresh"
    assert client.decide("hero", subject="u-1").id == first.id
    if change == "schedule":
        world.clock.move(minutes=2)
    elif change == "policy":
        embedded(client).shelf.publish(bundle({**document, "version": "2"}))
    elif change == "withdrawn":
        world.clock.move(seconds=1)
        client.consent("u-1", withdraw=["personalise"])
    mood = "sad" if change == "condition" else "gay"
    assert client.decide("hero", subject="u-1", context={"mood": mood}).id != first.id


def test_validity_ends_with_a_schedule(world):
    """A decision is valid for 5 s, less where a schedule begins or ends (D4)."""
    soon = creative("soon", starts_at="2026-01-01T12:00:02Z")
    client = world.client(policy(creatives=[creative("plain"), creative("fresh"), soon]))
    people(client, ["u-1"])
    now = world.clock.now()
    assert client.decide("hero", subject="u-1").valid_until.timestamp() == now + 2
    world.clock.move(seconds=2)
    assert client.decide("hero", subject="u-1").valid_until.timestamp() == now + 7


@pytest.mark.parametrize("who", ["same", "other"])
def test_a_repeated_request_is_not_drawn_again(world, client, who):
    """The same request gets the same decision for 24 hours, from any process (D5)."""
    first = client.decide("hero", subject="u-1", request_id="r-1")
    client.flush()
    asked = client if who == "same" else world.client()
    world.clock.move(hours=23)
    again = asked.decide("hero", subject="u-1", request_id="r-1")
    assert (again.id, again.content, again.propensity) == (
        first.id,
        first.content,
        first.propensity,
    )
    world.clock.move(hours=2)
    assert asked.decide("hero", subject="u-1", request_id="r-1").id != first.id


def test_a_request_is_repeated_by_slot(world):
    """One request may fill several slots, each of which is kept for itself (D5)."""
    client = world.client(PLACES)
    people(client, ["u-1"])
    once, again = (
        client.decide_all(["hero", "banner"], subject="u-1", request_id="r-1") for _ in range(2)
    )
    assert {name: one.id for name, one in once.items()} == {
        name: one.id for name, one in again.items()
    }


def test_processes_that_decided_at_once_agree_once_it_is_stored(world):
    """Of what two processes made of one request the first that is stored is both's (D5)."""
    one, other = world.client(), world.client(seed=1)
    people(one, ["u-1"])
    made = [client.decide("hero", subject="u-1", request_id="r-1") for client in (one, other)]
    for client in (one, other):
        client.flush(10)
    assert made[0].id != made[1].id
    for client in (one, other):
        assert client.decide("hero", subject="u-1", request_id="r-1").id == made[0].id


@pytest.mark.parametrize("known", [False, True], ids=["anonymous", "known"])
def test_a_request_is_found_again_under_each_id_of_its_person(world, known):
    """Whoever was linked meanwhile, or asks in another process, gets the same decision (D5)."""
    client = world.client()
    people(client, ["a-1", "u-1"])
    if known:
        client.identify("a-1", "u-1")
    first = client.decide("hero", subject="a-1", request_id="r-1")
    client.identify("a-1", "u-1")
    client.flush(10)
    for asked in ("a-1", "u-1"):
        again = world.client().decide("hero", subject=asked, request_id="r-1")
        assert (again.id, again.cache) == (first.id, "hit")


def test_a_request_id_shows_nobody_elses_decision(client):
    """Whoever repeats another person's request id gets a decision of their own (D5)."""
    people(client, ["u-2"])
    client.emit("product_viewed", subject="u-1")
    mine = client.decide("hero", subject="u-1", request_id="r-1")
    theirs = client.decide("hero", subject="u-2", request_id="r-1")
    assert (theirs.subject, theirs.id == mine.id) == ("u-2", False)


def test_a_repeated_request_looks_at_permission_again(world, client):
    """A repeated request shows nothing personal after the person has withdrawn (D3, D5, T03)."""
    client.decide("hero", subject="u-1", request_id="r-1")
    world.clock.move(minutes=1)
    client.consent("u-1", withdraw=["personalise"])
    assert client.decide("hero", subject="u-1", request_id="r-1").reason == "consent_denied"


def test_an_outbound_run_is_repeatable(client):
    """A send that is started again decides for nobody twice (D5)."""
    subjects = people(client, [f"u-{n}" for n in range(5)])
    runs = [list(client.decide_many("hero", subjects, request_prefix="may")) for _ in range(2)]
    assert [one.id for one in runs[0]] == [one.id for one in runs[1]]
    assert [one.subject for one in runs[0]] == subjects


def test_the_record_is_readable_at_once(client):
    """What a decision rests on is with the decision before anything is stored (D7)."""
    client.emit("product_viewed", subject="u-1")
    decision = client.decide("hero", subject="u-1")
    client.flush()
    stored = embedded(client).decision(decision.id)
    assert stored.draws == decision.draws
    assert stored.reads == decision.reads
    assert (stored.content, stored.token) == (decision.content, decision.token)
    assert stored.explanation == decision.explanation


def test_propensities_add_up_to_one(client):
    """A draw's probabilities, of which the drawn one is logged, sum to one (L3)."""
    for _ in range(20):
        decision = show(client, "u-1")
        (draw,) = decision.draws
        probabilities = {one.creative: one.probability for one in draw.candidates}
        assert math.fsum(probabilities.values()) == pytest.approx(1.0, abs=1e-12)
        assert probabilities[decision.creative] == decision.propensity


@pytest.mark.parametrize("kind", ["voided", "overridden"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_voided_decision_teaches_nothing(world, client, kind, when):
    """A decision that was not used teaches nothing, told early or late (D8, L6)."""
    decision = client.decide("hero", subject="u-1")
    if when == "before":
        client.report(decision, kind)
    client.report(decision, "displayed")
    client.report(decision, "converted")
    if when == "after":
        client.report(decision, kind)
    assert all(abs(a) < 1e-12 for a in sums_of(client, decision.creative).values())
    client.flush()
    other = world.client()
    assert all(abs(a) < 1e-12 for a in sums_of(other, decision.creative).values())


class Slow:
    """A clock that moves on by a tenth of a second whenever it is read."""

    def __init__(self, clock):
        self.clock = clock

    def now(self):
        return self.clock.move(0.1).now()


def test_a_deadline_that_has_passed(world):
    """Too late is the default; what was decided is in no figure, but its trigger row stays (D8)."""
    slow = world.client(policy(holdouts=[{"id": "few", "salt": "s", "share": 0.001}]))
    people(slow, ["u-1"])
    slow._core.answers._clock = Slow(world.clock)
    decision = slow.decide("hero", subject="u-1", deadline_ms=50, default={"headline": "Hi"})
    assert (decision.reason, decision.creative, decision.token) == ("deadline", "plain", None)
    assert slow.decide("hero", subject="u-1", deadline_ms=500).reason == "bandit"
    (measured,) = slow.measure()
    assert sum(one.decisions for one in measured.creatives) == 1
    assert sum(arm.subjects for arm in measured.arms) == 1


def test_a_kept_decision_is_not_voided_by_a_deadline(world):
    """A decision shown before is not taken back because reading it once took too long (D3, D8)."""
    document = policy(slots=[slot(sticky="session")])
    client = world.client(document)
    people(client, ["u-1"])
    shown = show(client, "u-1")
    taught = sums_of(client, shown.creative)
    client._core.answers._clock = Slow(world.clock)
    assert client.decide("hero", subject="u-1", deadline_ms=50).reason == "deadline"
    assert sums_of(client, shown.creative) == taught
    assert client.decide("hero", subject="u-1").id == shown.id


def test_slots_are_filled_by_declared_priority(world):
    """Several slots are decided in declared order, never in the order of drawn values (D9)."""
    places = [slot("low", "priority"), slot("high", "priority", priority=5)]
    client = world.client(policy(slots=places, creatives=[creative("plain", "low", "high")]))
    people(client, ["u-1"])
    made = client.decide_all(["low", "high", "none"], subject="u-1")
    assert list(made) == ["low", "high", "none"]
    assert made["high"].id < made["low"].id


LISTS = policy(
    traits=[
        {
            "id": "usual",
            "signal": "item_ordered",
            "aggregate": "affinity",
            "of": "data.sku",
            "purpose": "personalise",
            "half_life_seconds": 90 * DAY,
            "catalogue": "menu",
        },
        {
            "id": "pairs",
            "signal": "item_ordered",
            "aggregate": "together",
            "of": "data.sku",
            "by": "data.order",
            "purpose": "personalise",
            "catalogue": "menu",
        },
    ],
    catalogues=[{"id": "menu", "items": [{"id": each, "name": each.title()} for each in "abcdef"]}],
    slots=[
        slot(
            items={
                "catalogue": "menu",
                "count": 4,
                "pinned": "computed.usual",
                "together": "pairs",
                "content": {"headline": "{{ item.name }}"},
            }
        )
    ],
    creatives=[creative("plain")],
)


def test_a_list_multiplies_its_propensities(world):
    """Items are drawn without replacement; the list's propensity is the product (D9, C49)."""
    client = world.client(LISTS)
    people(client, ["u-1", "u-2"])
    for order, items in enumerate(["abc", "abd", "aef", "abe"]):
        for item in items:
            client.emit("item_ordered", subject="u-2", data={"sku": item, "order": f"o-{order}"})
    client.emit("item_ordered", subject="u-1", data={"sku": "a", "order": "o-9"})
    seen = set()
    for _ in range(20):
        decision = client.decide("hero", subject="u-1")
        names = [item.item for item in decision.items]
        assert (names[0], decision.items[0].reason, decision.items[0].propensity) == (
            "a",
            "pinned",
            1.0,
        )
        assert len(set(names)) == len(names) == 4
        assert decision.propensity == math.prod(item.propensity for item in decision.items)
        assert decision.items[1].content["headline"] == names[1].title()
        for item, draw in zip(decision.items[1:], decision.draws, strict=True):
            probabilities = {one.creative: one.probability for one in draw.candidates}
            assert math.fsum(probabilities.values()) == pytest.approx(1.0, abs=1e-12)
            assert probabilities[item.item] == item.propensity
            assert not set(names[: item.position]) & set(probabilities)
        seen.add(tuple(names))
    assert len(seen) > 1


def test_of_a_list_only_the_taken_item_earns(world):
    """An order credits the item that was ordered, and a refund takes exactly that back (D9, L2)."""
    objectives = [{"id": "orders", "signal": "item_ordered", "window_seconds": DAY}]
    client = world.client({**LISTS, "objectives": objectives})
    people(client, ["u-1", "u-2"])
    for order in range(3):
        for item in "abcd":
            client.emit("item_ordered", subject="u-2", data={"sku": item, "order": f"o-{order}"})
    decision = show(client, "u-1")
    assert len(decision.items) == 4
    names = [item.item for item in decision.items]
    before = {name: sums_of(client, name) for name in names}
    order = client.emit("item_ordered", subject="u-1", data={"sku": names[1], "order": "o-9"})
    after = {name: sums_of(client, name) for name in names}
    assert [name for name in names if after[name] != before[name]] == [names[1]]
    client.report(decision, "converted", reverses=order)
    assert {name: sums_of(client, name) for name in names} == {
        name: pytest.approx(sums) for name, sums in before.items()
    }


def test_a_kept_decision_explains_itself_as_at_first(world):
    """Asked for again, drained or not, a decision says the same of why it was made (C22, D3)."""
    client = world.client(policy(slots=[slot(sticky="session")]))
    people(client, ["u-1"])
    first = client.decide("hero", subject="u-1")
    for _ in range(2):
        again = client.decide("hero", subject="u-1")
        assert (again.id, again.cache) == (first.id, "hit")
        assert again.explanation == first.explanation
        assert again.draws == first.draws != ()
        client.flush()
    assert first.explanation.because == (
        "we are trying this with some visitors to learn what helps",
    )
