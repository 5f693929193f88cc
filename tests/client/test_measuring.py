"""The rules of measuring (RULES M) through the public client."""

from collections import Counter

import pytest
from attrs import evolve

from clew.errors import ConfigurationError
from client.worlds import DAY, bundle, creative, embedded, people, policy, show, slot

HALF = [{"id": "half", "salt": "s", "share": 0.5}]
REVENUE = {
    "id": "orders",
    "signal": "order_completed",
    "count": "sum",
    "value": {"var": "data.total"},
    "value_max": 50,
    "currency": "EUR",
    "window_seconds": DAY,
}


@pytest.fixture
def client(world):
    """A client whose policy holds out one half; `u-1` and `u-2` have allowed to personalise."""
    client = world.client(policy(holdouts=HALF))
    people(client, ["u-1", "u-2"])
    return client


def trials(client, holdout="half"):
    """The stored trials, by subject."""
    assert client.flush() == 0
    with embedded(client).store.read() as read:
        return {trial.subject: trial for trial in read.trials("default", holdout)}


def value(client, subject="u-1", objective="orders"):
    """What a subject's trial has counted: value in the window, outcomes, value before."""
    return trials(client)[subject].values.get(objective, (0.0, 0, 0.0))


def test_the_first_measured_decision_opens_one_trial(world, client):
    """A subject is triggered once, and keeps that instant and arm (M4)."""
    first = client.decide("hero", subject="u-1")
    triggered_at = world.clock.now()
    for _ in range(3):
        world.clock.move(hours=1)
        assert client.decide("hero", subject="u-1").holdout == first.holdout
    (trial,) = trials(client).values()
    assert (trial.subject, trial.triggered_at) == ("u-1", triggered_at)
    assert trial.arm == first.holdout.arm
    assert trial.policy_version == "1"


@pytest.mark.parametrize("given", [{"subject": None}, {"subject": "u-9"}], ids=["nobody", "denied"])
def test_who_is_never_triggered(client, given):
    """Neither somebody without an id nor somebody without a basis is measured (D1, M7)."""
    decision = client.decide("hero", **given)
    assert (decision.measured, decision.holdout) == (False, None)
    assert trials(client) == {}


@pytest.mark.parametrize("way", ["signal", "report"])
def test_outcomes_count_in_the_trial(client, way):
    """An outcome counts for the subject, however it is told and whichever arm it is (M1, M3)."""
    for subject in ("u-1", "u-2"):
        decision = client.decide("hero", subject=subject)
        if way == "signal":
            client.emit("order_completed", subject=subject)
        else:
            client.report(decision, "converted")
        assert value(client, subject) == (1.0, 1, 0.0)


@pytest.mark.parametrize(
    ("objective", "values", "counted"),
    [
        pytest.param({"id": "orders", "signal": "order_completed"}, [5, 5], (1.0, 2), id="first"),
        pytest.param(
            {"id": "orders", "signal": "order_completed", "count": "every"},
            [5, 5],
            (2.0, 2),
            id="every",
        ),
        pytest.param(REVENUE, [5, 500], (55.0, 2), id="sum, clipped"),
        pytest.param(REVENUE, [5, -3], (5.0, 2), id="sum, below nothing"),
        pytest.param({**REVENUE, "value_min": -50}, [5, -3], (2.0, 2), id="sum, with less"),
        pytest.param({**REVENUE, "value_min": -50}, [-500], (-50.0, 1), id="sum, clipped below"),
    ],
)
def test_what_an_objective_counts(world, objective, values, counted):
    """The first, every one, or the clipped value of each counts as the objective says (M1, L5)."""
    client = world.client(policy(holdouts=HALF, objectives=[objective]))
    people(client, ["u-1"])
    client.decide("hero", subject="u-1")
    for total in values:
        client.emit("order_completed", subject="u-1", data={"total": total})
    assert value(client)[:2] == counted
    (measured,) = client.measure()
    least, most = objective.get("value_min", 0), objective.get("value_max", 1)
    is_sum = "value" in objective
    assert measured.clipped == sum(is_sum and not least <= one <= most for one in values)


@pytest.mark.parametrize(
    "given", [{}, {"value": 20}, {"value": -20}], ids=["as it was", "told", "told as a loss"]
)
@pytest.mark.parametrize("first", ["purchase", "refund"])
def test_a_refund_is_taken_off(world, given, first):
    """What is reversed is taken off the trial by its own value, once, in either order (M2, F6)."""
    client = world.client(policy(holdouts=HALF, objectives=[REVENUE]))
    people(client, ["u-1"])
    decision = show(client, "u-1")
    client.report(decision, "converted", id="o-2", value=7, currency="EUR")
    tell = {
        "purchase": lambda: client.report(
            decision, "converted", id="o-1", value=20, currency="EUR"
        ),
        "refund": lambda: client.report(decision, "converted", reverses="o-1", **given),
    }
    for name in sorted(tell, key=lambda name: name != first):
        tell[name]()
    tell["refund"]()
    assert value(client)[:2] == (7.0, 1)
    (measured,) = client.measure()
    assert measured.clipped == 0


def test_a_loss_is_taken_back(world):
    """The reversal of an outcome that took away gives it back (M2)."""
    objective = {**REVENUE, "value_min": -50}
    client = world.client(policy(holdouts=HALF, objectives=[objective]))
    people(client, ["u-1"])
    decision = show(client, "u-1")
    for number, worth in enumerate([7, -20, -3]):
        client.report(decision, "converted", id=f"o-{number}", value=worth, currency="EUR")
    client.report(decision, "converted", reverses="o-1")
    client.report(decision, "converted", reverses="o-2", value=3)
    assert value(client)[:2] == (7.0, 1)


@pytest.mark.parametrize("fate", ["late", "clipped"])
def test_an_outcome_is_one_in_however_many_trials(world, fate):
    """What is late or clipped is counted once per outcome, not once per trial (M5, L5)."""
    shares = {"fresh": 0.5, "usual": 0.5}
    slots = [slot(strategy="split", shares=shares)]
    few = [{**HALF[0], "share": 0.01}]
    client = world.client(policy(holdouts=few, objectives=[REVENUE], slots=slots))
    people(client, ["u-1"])
    assert client.decide("hero", subject="u-1").reason == "split"
    at = world.clock.now()
    if fate == "late":
        world.clock.move(days=30)
    client.emit("order_completed", subject="u-1", data={"total": 500}, at=at)
    assert trials(client).keys() == trials(client, "slot:hero").keys()
    found = client.measure()[0]
    assert (found.late, found.clipped) == (int(fate == "late"), int(fate == "clipped"))


def test_a_refund_of_one_of_two_purchases(client):
    """Who gave one of two purchases back has still bought (M2)."""
    decision = show(client, "u-1")
    client.report(decision, "converted", id="o-1")
    client.report(decision, "converted", id="o-2")
    client.report(decision, "converted", reverses="o-1")
    assert value(client)[:2] == (1.0, 1)


@pytest.mark.parametrize("which", ["before", "inside", "after", "told late"])
def test_the_window_of_a_trial(world, client, which):
    """Only outcomes from the trigger to the end of the window count, if known by then (M5)."""
    before = world.clock.now()
    world.clock.move(hours=1)
    client.decide("hero", subject="u-1")
    inside = world.clock.move(hours=1).now()
    if which in {"after", "told late"}:
        world.clock.move(days=2)
    at = {"before": before, "inside": inside, "after": world.clock.now(), "told late": inside}[
        which
    ]
    client.emit("order_completed", subject="u-1", at=at)
    assert value(client)[:2] == ((1.0, 1) if which == "inside" else (0.0, 0))
    (measured,) = client.measure()
    assert measured.late == int(which == "told late")


def test_a_subject_matures_once(world, client):
    """Until its window has closed a subject is maturing and enters no figure (M5)."""
    decision = client.decide("hero", subject="u-1")
    client.emit("order_completed", subject="u-1")

    def figures():
        (measured,) = client.measure()
        arm = next(one for one in measured.arms if one.arm == decision.holdout.arm)
        return arm.subjects, arm.maturing, arm.converting, arm.mean

    assert figures() == (1, 1, 0, None)
    world.clock.move(DAY)
    assert figures() == (1, 1, 0, None)
    world.clock.move(1)
    assert figures() == (1, 0, 1, 1.0)
    client.emit("order_completed", subject="u-1")
    assert figures() == (1, 0, 1, 1.0)


def test_what_was_done_before_is_frozen(world, client):
    """The covariate is the same objective over 28 days before the trigger (M11)."""
    now = world.clock.now()
    client.emit("order_completed", subject="u-1", at=now - 29 * DAY)
    client.decide("hero", subject="u-1")
    assert value(client) == (0.0, 0, 0.0)
    client.emit("order_completed", subject="u-2", at=now - 27 * DAY)
    client.decide("hero", subject="u-2")
    assert value(client, "u-2") == (0.0, 0, 1.0)
    client.emit("order_completed", subject="u-2", at=now - 26 * DAY)
    assert value(client, "u-2") == (0.0, 0, 1.0)


def test_the_arm_survives_a_new_policy(world, client):
    """A stored arm is kept while salt, share and scope are; else a new epoch begins (M7)."""
    first = client.decide("hero", subject="u-1").holdout
    shelf = embedded(client).shelf
    shelf.publish(bundle(policy(version="2", holdouts=HALF)))
    assert client.decide("hero", subject="u-1").holdout == first
    shelf.publish(bundle(policy(version="3", holdouts=[{**HALF[0], "salt": "t"}])))
    assert client.decide("hero", subject="u-1").holdout.epoch != first.epoch
    client.flush()
    with embedded(client).store.read() as read:
        assert len(list(read.trials("default", "half"))) == 2


def test_the_general_holdout_leaves_every_other(world):
    """Who is held out of everything is in no other experiment (M7)."""
    document = policy(
        holdouts=[
            {"id": "all", "salt": "a", "share": 0.5},
            {"id": "hero_only", "salt": "b", "share": 0.5, "scope": ["hero"]},
        ]
    )
    client = world.client(document)
    for subject in people(client, [f"u-{n}" for n in range(40)]):
        decision = client.decide("hero", subject=subject)
        arms = {one.id: one.arm for one in decision.assignments}
        assert decision.reason == ("holdout" if "holdout" in arms.values() else "bandit")
        if arms["all"] == "holdout":
            assert arms == {"all": "holdout"}
            assert decision.holdout.id == "all"
    counts = {name: len(trials(client, name)) for name in ("all", "hero_only")}
    assert counts["all"] == 40
    assert 0 < counts["hero_only"] < 40


def test_a_holdout_covers_its_slots(world):
    """A holdout holds out of the slots in its scope alone (M7)."""
    holdouts = [{"id": "hero_only", "salt": "b", "share": 1.0, "scope": ["hero"]}]
    places = [slot(), slot("banner")]
    document = policy(
        slots=places,
        holdouts=holdouts,
        creatives=[creative("plain", "hero", "banner"), creative("fresh", "hero", "banner")],
    )
    client = world.client(document)
    people(client, ["u-1"])
    made = client.decide_all(["hero", "banner"], subject="u-1")
    assert {name: one.reason for name, one in made.items()} == {
        "hero": "holdout",
        "banner": "bandit",
    }


@pytest.mark.parametrize(("share", "holds"), [(0.0, False), (1.0, True)])
def test_extreme_shares(world, share, holds):
    """A share of nothing holds nobody out, a share of one everybody (M7)."""
    client = world.client(policy(holdouts=[{**HALF[0], "share": share}]))
    for subject in people(client, [f"u-{n}" for n in range(10)]):
        assert (client.decide("hero", subject=subject).reason == "holdout") is holds


@pytest.mark.parametrize(
    ("at", "holds"), [("11:59", False), ("12:00", True), ("13:59", True), ("14:00", False)]
)
def test_a_holdout_has_a_time(world, at, holds):
    """A holdout begins and ends when its policy says (M7)."""
    when = {"starts_at": "2026-01-01T12:00:00Z", "ends_at": "2026-01-01T14:00:00Z"}
    client = world.client(policy(holdouts=[{**HALF[0], "share": 1.0, **when}]))
    world.clock.set("2026-01-01T11:00:00Z")
    people(client, ["u-1"])
    world.clock.set(f"2026-01-01T{at}:00Z")
    assert client.decide("hero", subject="u-1").reason == ("holdout" if holds else "bandit")


def test_split_shares_are_fixed(world):
    """In a split slot each person has one creative for good, in the shares declared (M9)."""
    places = [slot(strategy="split", shares={"fresh": 0.5, "usual": 0.3})]
    client = world.client(policy(slots=places))
    shown = {}
    for subject in people(client, [f"u-{n}" for n in range(300)]):
        made = [client.decide("hero", subject=subject) for _ in range(2)]
        assert made[0].creative == made[1].creative
        assert made[0].propensity == pytest.approx(
            {"fresh": 0.5, "usual": 0.3, "plain": 0.2}[made[0].creative]
        )
        shown[subject] = made[0].creative
    counts = {name: list(shown.values()).count(name) / 300 for name in ("fresh", "usual", "plain")}
    assert counts == pytest.approx({"fresh": 0.5, "usual": 0.3, "plain": 0.2}, abs=0.08)


def test_it_speaks_late_and_says_why(world, client):
    """No interval before twenty of each arm have converted (M6)."""
    subjects = people(client, [f"v-{n}" for n in range(120)])
    for subject in subjects:
        show(client, subject)
    for number, subject in enumerate(subjects):
        if number % 2:
            client.emit("order_completed", subject=subject)
    (early,) = client.measure()
    assert (early.state, early.absolute) == ("still_measuring", None)
    assert "20 converting" in early.notes[0]
    world.clock.move(DAY + 1)
    (late,) = client.measure()
    assert late.state == "measured"
    assert late.absolute is not None
    assert sum(arm.converting for arm in late.arms) == 60
    assert late.sample_ratio.trustworthy


def test_an_arm_that_is_missing_is_not_trusted(world, client):
    """Where subjects of one arm are lost, no lift is shown and the note says so (M8)."""
    client.decide("hero", subject="u-1")
    (trial,) = trials(client).values()
    with embedded(client).store.write() as write:
        for number in range(600):
            lone = evolve(trial, subject=f"v-{number}", arm="treated")
            write.put_trial((number, "default"), "default", lone)
    (measured,) = client.measure()
    assert (measured.state, measured.absolute) == ("not_trustworthy", None)
    assert "arms have sizes" in measured.notes[0]


def test_without_a_holdout_there_is_no_lift(world):
    """Where nobody is held out the measurement says so instead of guessing (M3)."""
    client = world.client()
    people(client, ["u-1"])
    show(client, "u-1")
    client.emit("order_completed", subject="u-1")
    (measured,) = client.measure()
    assert (measured.state, measured.absolute, measured.arms) == ("no_holdout", None, ())
    assert measured.attributed == 1.0


def test_figures_are_counted_per_creative(client):
    """Shares, displays and a weighted mean describe a creative; nothing is tested (M9)."""
    shown = Counter()
    for subject in people(client, [f"v-{n}" for n in range(30)]):
        decision = show(client, subject)
        client.report(decision, "converted")
        shown[decision.creative] += decision.reason == "bandit"
    (measured,) = client.measure()
    assert {one.creative: one.displays for one in measured.creatives} == dict(shown)
    assert sum(one.share for one in measured.creatives) == pytest.approx(1.0)
    assert [one.mean for one in measured.creatives] == pytest.approx([1.0] * len(shown))


def test_fallbacks_are_told(client):
    """The share of decisions that fell back is part of every measurement (C12)."""
    client.decide("hero", subject="u-1")
    client.decide("hero", subject="u-9")
    (measured,) = client.measure()
    assert measured.fallbacks == {"consent_denied": 0.5}


def test_one_objective_or_one_holdout(client):
    """A measurement can be asked for by objective and holdout; unknown ones are refused."""
    assert len(client.measure("orders", holdout="half")) == 1
    with pytest.raises(ConfigurationError, match="no objective 'none'; it has: orders"):
        client.measure("none")
    with pytest.raises(ConfigurationError, match="no holdout 'none'; it has: half"):
        client.measure("orders", holdout="none")


@pytest.mark.parametrize("reported", [True, False], ids=["in both arms", "of the treated alone"])
def test_displays_of_the_arms_are_compared(world, *, reported: bool):
    """Displays that are reported of one arm alone are noticed, and said (M8)."""
    client = world.client(policy(holdouts=[{"id": "half", "salt": "s", "share": 0.5}]))
    for name in people(client, [f"u-{number}" for number in range(300)]):
        decision = client.decide("hero", subject=name)
        if reported or decision.reason != "holdout":
            client.report(decision, "displayed")
            client.report(decision, "displayed")
    (measured,) = client.measure()
    assert any("not displayed alike" in note for note in measured.notes) is not reported
    assert measured.state == "still_measuring"


@pytest.mark.parametrize(
    ("counts_on", "reported", "said"),
    [
        pytest.param("displayed", False, True, id="nothing seen"),
        pytest.param("displayed", True, False, id="seen"),
        pytest.param("served", False, False, id="what is served counts"),
    ],
)
def test_displays_that_nobody_reports(world, *, counts_on: str, reported: bool, said: bool):
    """Where displays count and none was reported, the notes say what that means (L1)."""
    client = world.client(policy(holdouts=HALF, slots=[slot(counts_on=counts_on)]))
    for name in people(client, ["u-1", "u-2"]):
        decision = client.decide("hero", subject=name)
        if reported:
            client.report(decision, "displayed")
    (measured,) = client.measure()
    assert any("nothing to learn from" in note for note in measured.notes) is said


def test_before_anything_is_decided_no_display_is_missed(world):
    """Nothing is said of displays where nothing was decided."""
    (measured,) = world.client(policy(holdouts=HALF)).measure()
    assert measured.notes == ("no interval before each arm has 20 converting subjects",)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(DAY, "1 day"), (7 * DAY, "7 days"), (5_400, "90 minutes"), (30, "30 seconds")],
)
def test_the_estimand_says_the_window_in_words(world, seconds: float, words: str):
    """The window of an objective is told in the largest unit that fits."""
    objective = {"id": "orders", "signal": "order_completed", "window_seconds": seconds}
    (measured,) = world.client(policy(holdouts=HALF, objectives=[objective])).measure()
    assert f"within {words} of the first decision" in measured.estimand


def test_a_slot_whose_every_decision_was_voided_is_measured_as_empty(world):
    """A decision that was late is no decision, and there is no share of none (D8)."""
    client = world.client()
    people(client, ["u-1"])
    client.report(client.decide("hero", subject="u-1"), "voided")
    (found,) = client.measure("orders")
    assert found.creatives == ()
    assert found.fallbacks == {}
