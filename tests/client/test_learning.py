"""The rules of learning (RULES L) through the public client."""

import math

import pytest

from client.worlds import (
    DAY,
    HOUR,
    World,
    bundle,
    creative,
    embedded,
    people,
    policy,
    show,
    slot,
    sums_of,
)

NAMES = ("plain", "fresh", "usual")


def everything(client, place="hero"):
    """The sums of every arm of a slot."""
    return {name: sums_of(client, name, place) for name in NAMES}


def test_an_outcome_changes_the_next_decision(client):
    """After `report` returns, the next decision is drawn on another state, unflushed (C07)."""
    shown = show(client, "u-1")
    before = client.decide("hero", subject="u-1").draws[0]
    client.report(shown, "converted")
    after = client.decide("hero", subject="u-1").draws[0]

    def score(draw):
        return {one.creative: one.score for one in draw.candidates}[shown.creative]

    assert score(after) > score(before)


def test_another_client_learns_from_it(world, client):
    """What one process has stored, the next decision of another one draws on (C07)."""
    other = world.client()
    shown = show(client, "u-1")
    client.report(shown, "converted", wait=5)
    assert sums_of(other, shown.creative) == pytest.approx(sums_of(client, shown.creative))


def test_learning_is_the_rule(client):
    """Counting and converting add exactly the two halves of the update (L2)."""
    decision = client.decide("hero", subject="u-1")
    (draw,) = decision.draws
    m, p = draw.means["1"], draw.predicted
    w = p * (1 - p)
    assert everything(client) == {name: {} for name in NAMES}
    client.report(decision, "displayed")
    assert sums_of(client, decision.creative) == pytest.approx({"p:1": w, "e:1": w * m - p})
    client.report(decision, "converted")
    assert sums_of(client, decision.creative) == pytest.approx({"p:1": w, "e:1": w * m - p + 1})


@pytest.mark.parametrize("counts_on", ["displayed", "sent", "served"])
@pytest.mark.parametrize("reported", ["displayed", "sent", "interacted", "dismissed", None])
def test_what_a_slot_counts_on(world, counts_on, reported):
    """A decision teaches when what its slot counts on has happened, and by nothing else (L1)."""
    client = world.client(policy(slots=[slot(counts_on=counts_on)]))
    people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1")
    if reported:
        client.report(decision, reported)
    counted = counts_on in {reported, "served"}
    assert bool(sums_of(client, decision.creative)) is counted


def test_a_decision_counts_once(client):
    """A second display of the same decision teaches nothing more (L2)."""
    decision = client.decide("hero", subject="u-1")
    client.report(decision, "displayed", view_id="v-1")
    once = everything(client)
    client.report(decision, "displayed", view_id="v-2")
    assert everything(client) == once


def test_it_converts_once(client):
    """Of an objective that is reached or not, the first outcome in the window counts (L2)."""
    decision = show(client, "u-1")
    client.report(decision, "converted")
    once = everything(client)
    client.report(decision, "converted")
    client.emit("order_completed", subject="u-1")
    assert everything(client) == once


@pytest.mark.parametrize(
    ("seconds", "learned"),
    [(0, True), (DAY, True), (DAY + 1, False)],
    ids=["at once", "last", "late"],
)
@pytest.mark.parametrize("way", ["report", "signal"])
def test_the_window_of_an_outcome(world, client, seconds, learned, way):
    """An outcome is learned from while its window is open, either way it is told (L2, M1)."""
    decision = show(client, "u-1")
    before = everything(client)
    world.clock.move(seconds)
    if way == "signal":
        client.emit("order_completed", subject="u-1")
    else:
        status = client.report(decision, "converted")
        assert status == ("applied" if learned else "late")
    assert (everything(client) != before) is learned


def test_a_reversal_takes_back_what_was_learned(client):
    """A refund leaves the arm as it was before the purchase, and no more than once (L2, M2)."""
    decision = show(client, "u-1")
    before = everything(client)
    client.report(decision, "converted", id="o-1")
    assert everything(client) != before
    for _ in range(2):
        client.report(decision, "converted", reverses="o-1")
        after = everything(client)
        assert after == {name: pytest.approx(sums) for name, sums in before.items()}


def test_a_reversal_leaves_another_purchase(client):
    """When one of two purchases is given back, the person still has bought (L2)."""
    decision = show(client, "u-1")
    client.report(decision, "converted", id="o-1")
    bought = everything(client)
    client.report(decision, "converted", id="o-2")
    client.report(decision, "converted", reverses="o-1")
    assert everything(client) == {name: pytest.approx(sums) for name, sums in bought.items()}
    (measured,) = client.measure()
    assert measured.attributed == 1.0


def test_a_signal_credits_the_last_counted_decision(world, client):
    """A purchase without a token credits the last decision that was seen, per slot (M1)."""
    first = show(client, "u-1")
    world.clock.move(60)
    second = show(client, "u-1")
    world.clock.move(60)
    client.decide("hero", subject="u-1")
    client.emit("order_completed", subject="u-1")
    p = second.draws[0].predicted
    m = second.draws[0].means["1"]
    own = p * (1 - p) * m - p + 1.0
    if first.creative == second.creative:
        p1, m1 = first.draws[0].predicted, first.draws[0].means["1"]
        own += p1 * (1 - p1) * m1 - p1
    assert sums_of(client, second.creative)["e:1"] == pytest.approx(own)


def test_an_id_counts_by_one_way_only(world):
    """An outcome that is told as a signal too, under one id, counts once (M1)."""
    objectives = [{"id": "orders", "signal": "order_completed", "count": "every"}]
    client = world.client(policy(objectives=objectives))
    people(client, ["u-1"])
    for order in ("signal first", "report first"):
        decision = show(client, "u-1")
        client.flush()
        ways = [
            lambda name=order: client.emit("order_completed", subject="u-1", id=name),
            lambda name=order, one=decision: client.report(one, "converted", id=name),
        ]
        ways[order != "signal first"]()
        once = everything(client)
        ways[order == "signal first"]()
        assert everything(client) == once
        client.flush()
        assert everything(world.client()) == {
            name: pytest.approx(sums) for name, sums in once.items()
        }
    assert client.profile("u-1").signals == 2


def learned(world, tenant, kind, first, ids, *, stored):
    """What an order and an outcome of these ids teach: seen at once, and by a new client later."""
    counts_on = "sent" if kind == "sent" else "displayed"
    client = world.client(policy(slots=[slot(counts_on=counts_on)]), tenant=tenant)
    people(client, ["u-1"])
    decision = client.decide("hero", subject="u-1")
    client.report(decision, counts_on)
    acts = {
        "signal": lambda: client.emit("order_completed", subject="u-1", id=ids[0]),
        "outcome": lambda: client.report(decision, kind, id=ids[1]),
    }
    statuses = {}
    for act in sorted(acts, key=lambda name: name != first):
        statuses[act] = acts[act]()
        if stored:
            client.flush()
    at_once = everything(client)
    client.flush()
    later = everything(world.client(tenant=tenant))
    return statuses["outcome"], at_once, everything(client), later


@pytest.mark.parametrize("stored", [True, False], ids=["stored", "on-its-way"])
@pytest.mark.parametrize("first", ["signal", "outcome"])
@pytest.mark.parametrize("kind", ["displayed", "sent", "interacted", "dismissed"])
def test_what_is_no_conversion_is_another_event(world, kind, first, stored):
    """An order counts whatever else was told under its id of its decision, and that, too (M1)."""
    apart = learned(world, "apart", kind, first, ("order-1", "o-1"), stored=stored)
    assert learned(world, "same", kind, first, ("order-1", "order-1"), stored=stored) == apart
    assert apart[0] == "applied"
    assert any(sums.get("e:1", 0.0) > 0.0 for sums in apart[1].values())


@pytest.mark.parametrize("first", ["signal", "outcome"])
@pytest.mark.parametrize("kind", ["interacted", "converted"])
def test_the_same_event_counts_once(world, kind, first):
    """An outcome that counts for an objective, told as a signal of that kind too, counts once."""
    objectives = [{"id": "orders", "signal": kind, "count": "every"}]
    client = world.client(policy(objectives=objectives))
    people(client, ["u-1"])
    decision = show(client, "u-1")
    client.flush()
    acts = {
        "signal": lambda: client.emit(kind, subject="u-1", id="one"),
        "outcome": lambda: client.report(decision, kind, id="one"),
    }
    one, other = sorted(acts, key=lambda name: name != first)
    acts[one]()
    once = everything(client)
    acts[other]()
    assert everything(client) == once
    client.flush()
    assert everything(world.client()) == {name: pytest.approx(s) for name, s in once.items()}


def test_an_id_given_again_later_is_known(client):
    """An id that clew made, given back as one's own, is the same fact still (F1)."""
    name = client.emit("product_viewed", subject="u-1")
    client.flush()
    client.emit("product_viewed", subject="u-1", id=name)
    assert client.profile("u-1").computed["views"] == 1


@pytest.mark.parametrize("traffic", ["bot", "preview", "internal"])
def test_nothing_is_learned_from_other_traffic(client, traffic):
    """What bots and previews are shown teaches nothing (L6)."""
    decision = client.decide("hero", subject="u-1", traffic=traffic)
    client.report(decision, "displayed")
    client.report(decision, "converted")
    assert everything(client) == {name: {} for name in NAMES}


def test_nothing_is_learned_from_the_holdout(world):
    """Those who are held out teach nothing, whatever they do (L6)."""
    client = world.client(policy(holdouts=[{"id": "all", "salt": "s", "share": 1.0}]))
    people(client, ["u-1"])
    decision = show(client, "u-1")
    client.report(decision, "converted")
    client.emit("order_completed", subject="u-1")
    assert decision.reason == "holdout"
    assert everything(client) == {name: {} for name in NAMES}


def test_a_sticky_repeat_is_one_unit(world):
    """A kept decision that is shown again and again is learned from once (L6, D3)."""
    client = world.client(policy(slots=[slot(sticky="session")]))
    people(client, ["u-1"])
    show(client, "u-1")
    once = everything(client)
    for number in range(5):
        client.report(client.decide("hero", subject="u-1"), "displayed", view_id=f"v-{number}")
    assert everything(client) == once


def test_rounds_are_counted_decisions(client):
    """Exploration sharpens with decisions that were seen, not with those that were made (L3)."""
    for _ in range(3):
        client.decide("hero", subject="u-1")
    assert client.decide("hero", subject="u-1").draws[0].rounds == 0
    for _ in range(3):
        show(client, "u-1")
    draw = client.decide("hero", subject="u-1").draws[0]
    assert draw.rounds == 3
    assert draw.gamma == 30.0


def test_a_lone_candidate_is_no_round(world):
    """Where there is nothing to choose from, exploration learns nothing of choosing (L3)."""
    client = world.client(
        policy(creatives=[creative("plain", channels=["app"]), creative("fresh")])
    )
    people(client, ["u-1"])
    for _ in range(3):
        decision = show(client, "u-1", context={"channel": "web"})
        assert (decision.propensity, decision.draws[0].rounds) == (1.0, 0)


def test_a_new_creative_is_shown_more(world):
    """The floor of a creative that was seldom shown is the higher one (L3)."""
    exploration = {"floor": 0.03, "new_floor": 0.6, "new_displays": 2, "gamma": 1000}
    client = world.client(policy(slots=[slot(exploration=exploration)]))
    people(client, ["u-1"])
    assert client.decide("hero", subject="u-1").draws[0].floors == pytest.approx([0.2] * 3)
    shown: dict[str, int] = {}
    for _ in range(40):
        decision = show(client, "u-1")
        shown[decision.creative] = shown.get(decision.creative, 0) + 1
    draw = client.decide("hero", subject="u-1").draws[0]
    names = [one.creative for one in draw.candidates]
    assert draw.floors == pytest.approx([0.2 if shown.get(n, 0) < 2 else 0.01 for n in names])


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        pytest.param(
            {"creatives": [creative(name, version="2") for name in NAMES]}, True, id="typo"
        ),
        pytest.param({"slots": [slot(features=["context.channel"])]}, False, id="features"),
        pytest.param(
            {"objectives": [{"id": "orders", "signal": "order_completed", "count": "every"}]},
            False,
            id="reward",
        ),
    ],
)
def test_what_an_arm_outlives(world: World, client, change, kept):
    """A new version of the text keeps what was learned; another reward or feature does not (L4)."""
    shown = show(client, "u-1")
    client.flush()
    embedded(client).shelf.publish(bundle(policy(version="2", **change)))
    assert bool(sums_of(client, shown.creative)) is kept


def test_creatives_with_one_key_learn_together(world):
    """Creatives of one learning key, and slots of one group, share their arms (L4, C08)."""
    document = policy(
        slots=[slot(slot_group="all"), slot("mail", slot_group="all", counts_on="sent")],
        creatives=[
            creative("plain", "hero", "mail"),
            creative("fresh", "hero", learning_key="spring"),
            creative("usual", "mail", learning_key="spring"),
        ],
    )
    client = world.client(document)
    people(client, ["u-1"])
    mail = client.decide("mail", subject="u-1")
    while mail.creative != "usual":
        mail = client.decide("mail", subject="u-1")
    client.report(mail, "sent")
    client.report(mail, "converted")
    scores = {
        one.creative: one.score for one in client.decide("hero", subject="u-1").draws[0].candidates
    }
    assert scores["fresh"] > scores["plain"]


VALUED = {
    "id": "revenue",
    "signal": "order_completed",
    "count": "sum",
    "value": {"var": "data.total"},
    "value_max": 50,
    "scale": 10,
    "currency": "EUR",
    "window_seconds": DAY,
}


@pytest.mark.parametrize(
    ("data", "reward", "refused"),
    [
        pytest.param({"total": 20}, 2.0, False, id="value"),
        pytest.param({"total": 500}, 5.0, False, id="clipped"),
        pytest.param({"total": 20, "currency": "EUR"}, 2.0, False, id="its currency"),
        pytest.param({"total": 20, "currency": "CHF"}, 0.0, True, id="another currency"),
        pytest.param({}, 0.0, True, id="no number"),
    ],
)
def test_valued_rewards(world, data, reward, refused):
    """A valued objective learns clip(value) / scale and takes no foreign money (L5)."""
    client = world.client(policy(objectives=[VALUED], slots=[slot(objective="revenue")]))
    people(client, ["u-1"])
    shown = show(client, "u-1")
    before = sums_of(client, shown.creative)
    client.emit("order_completed", subject="u-1", data=data)
    after = sums_of(client, shown.creative)
    earned = after.get("e:1", 0.0) - before.get("e:1", 0.0)
    assert earned == pytest.approx(reward)
    (measured,) = client.measure()
    assert measured.attributed == pytest.approx(reward * 10)
    assert any("1 outcomes say no amount in EUR" in note for note in measured.notes) is refused
    with embedded(client).store.read() as read:
        assert read.sums("default", "objective:revenue").get("refused", 0.0) == float(refused)


def test_weighted_objectives_add_up(world):
    """Several objectives teach their weighted sum (L5, C14)."""
    objectives = [VALUED, {"id": "visits", "signal": "product_viewed", "window_seconds": HOUR}]
    weights = [{"id": "revenue", "weight": 0.75}, {"id": "visits", "weight": 0.25}]
    client = world.client(policy(objectives=objectives, slots=[slot(objective=weights)]))
    people(client, ["u-1"])
    shown = show(client, "u-1")
    before = sums_of(client, shown.creative).get("e:1", 0.0)
    client.emit("order_completed", subject="u-1", data={"total": 20})
    client.emit("product_viewed", subject="u-1")
    after = sums_of(client, shown.creative)["e:1"]
    assert math.isclose(after - before, 0.75 * 2.0 + 0.25)
