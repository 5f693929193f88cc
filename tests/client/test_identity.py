"""The rules of identity (RULES I, M7) through the public client."""

import pytest

from clew.engine.bucketing import point
from clew.errors import IdentityError
from client.worlds import embedded, people, policy, show

HALF = [{"id": "half", "salt": "s", "share": 0.5}]


def in_arm(arm: str, prefix: str) -> str:
    """A subject whom the holdout of these tests puts into an arm."""
    names = (f"{prefix}-{number}" for number in range(100))
    return next(name for name in names if (point("s", name) < 0.5) == (arm == "holdout"))


def trials(client):
    """The stored trials, by subject."""
    assert client.flush() == 0
    with embedded(client).store.read() as read:
        return {trial.subject: trial for trial in read.trials("default", "half")}


def allowed(client, subject):
    """The purposes that a person permits."""
    return {one.purpose for one in client.profile(subject).permissions if one.permitted}


def test_linked_ids_are_one_person(client):
    """What was done anonymously is known of the person after signing in (C43)."""
    people(client, ["a-1"])
    client.emit("product_viewed", subject="a-1")
    client.emit("product_viewed", subject="u-1")
    assert client.identify("a-1", "u-1") == "a-1"
    for subject in ("a-1", "u-1"):
        profile = client.profile(subject)
        assert (profile.subject, profile.anonymous_subjects) == ("u-1", ("a-1",))
        assert profile.computed["views"] == 2


def test_linking_twice_changes_nothing(client):
    """The same link again is none (I1)."""
    people(client, ["a-1"])
    client.emit("product_viewed", subject="a-1")
    for _ in range(2):
        assert client.identify("a-1", "u-1") == "a-1"
    assert client.profile("u-1").computed["views"] == 1


def test_a_shared_device_inherits_nothing(client):
    """A second person on the device goes on under a new anonymous id that knows nothing (I1)."""
    people(client, ["a-1", "u-2"])
    client.emit("product_viewed", subject="a-1")
    client.identify("a-1", "u-1")
    fresh = client.identify("a-1", "u-2")
    assert fresh != "a-1"
    assert client.profile("u-2").anonymous_subjects == (fresh,)
    assert client.profile("u-2").computed["views"] == 0
    assert client.profile("a-1").subject == "u-1"


def test_two_known_people_are_never_merged(client):
    """A subject to whom somebody is linked is linked to nobody (I1)."""
    client.identify("a-1", "u-1")
    client.identify("a-2", "u-2")
    with pytest.raises(IdentityError, match="known subjects"):
        client.identify("u-1", "u-2")
    with pytest.raises(IdentityError, match="anonymous"):
        client.identify("a-3", "a-1")


def test_logout_gives_another_anonymous_id(client):
    """Each time somebody signs out the device goes on under an id of its own (I1)."""
    assert len({client.logout() for _ in range(10)}) == 10


@pytest.mark.parametrize("reader", ["same", "other"])
def test_unmerge_restores_both(world, client, reader):
    """Undoing a link is exact: traits and permissions are what they were (I2, C43)."""
    people(client, ["a-1"])
    client.consent("a-1", withdraw=["ads"])
    world.clock.move(minutes=1)
    client.consent("u-1", grant=["ads"])
    client.emit("product_viewed", subject="a-1")
    client.emit("order_completed", subject="u-1", data={"total": 9})
    subjects = ("a-1", "u-1")
    before = [(client.profile(one).computed, allowed(client, one)) for one in subjects]
    client.identify("a-1", "u-1")
    assert client.profile("a-1").computed == client.profile("u-1").computed
    client.unmerge("a-1", "u-1")
    asked = client if reader == "same" else world.client()
    for order in (subjects, subjects[::-1]):
        known = {one: asked.profile(one) for one in order}
        assert [known[one].subject for one in subjects] == list(subjects)
        assert [(known[one].computed, allowed(asked, one)) for one in subjects] == before


def test_each_goes_on_alone_after_unmerge(client):
    """What one of the two does after the link was undone is not the other's (I2)."""
    people(client, ["a-1"])
    client.identify("a-1", "u-1")
    assert client.profile("a-1").subject == "u-1"
    client.unmerge("a-1", "u-1")
    assert client.profile("u-1").anonymous_subjects == ()
    client.emit("product_viewed", subject="a-1")
    assert client.profile("u-1").computed["views"] == 0
    assert client.profile("a-1").computed["views"] == 1


def test_unmerging_what_is_not_linked(client):
    """There must be a link to undo."""
    with pytest.raises(IdentityError, match="not linked"):
        client.unmerge("a-1", "u-1")


@pytest.mark.parametrize(
    ("anonymous", "known", "permitted"),
    [
        pytest.param("grant", "grant", True, id="both"),
        pytest.param("withdraw", "grant", False, id="the anonymous refuses"),
        pytest.param("grant", "withdraw", False, id="the known refuses"),
        pytest.param("object_to", "grant", False, id="the anonymous objects"),
        pytest.param(None, "grant", True, id="the anonymous said nothing"),
        pytest.param("grant", None, True, id="the known said nothing"),
        pytest.param(None, None, False, id="nobody said anything"),
    ],
)
def test_the_stricter_consent_holds(world, anonymous, known, permitted):
    """On a link the stricter of what each has said holds, and silence changes nothing (I3)."""
    client = world.client()
    for subject, said in (("a-1", anonymous), ("u-2", known)):
        if said is not None:
            client.consent(subject, **{said: ["personalise"]})
            world.clock.move(minutes=1)
    client.identify("a-1", "u-2")
    assert ("personalise" in allowed(client, "u-2")) is permitted
    assert ("personalise" in allowed(client, "a-1")) is permitted


def test_what_is_said_later_counts_for_both(world, client):
    """After a link the person can allow what the stricter side had refused (I3)."""
    client.consent("a-1", withdraw=["personalise"])
    client.identify("a-1", "u-1")
    assert "personalise" not in allowed(client, "u-1")
    world.clock.move(minutes=1)
    client.consent("u-1", grant=["personalise"])
    assert "personalise" in allowed(client, "u-1")


@pytest.mark.parametrize("speaker", ["a-1", "u-1"])
def test_a_linked_person_withdraws_through_either_id(world, client, speaker):
    """Whoever allowed it, a withdrawal after the link denies under both ids (I3)."""
    people(client, ["a-1", "u-1"])
    client.identify("a-1", "u-1")
    world.clock.move(minutes=1)
    client.consent(speaker, withdraw=["personalise"])
    assert not any("personalise" in allowed(client, subject) for subject in ("a-1", "u-1"))


@pytest.mark.parametrize("reader", ["same", "other"])
def test_unmerge_takes_what_was_said_while_linked(world, client, reader):
    """After a link is undone each has what was said through it, while linked too (I2)."""
    client.identify("a-1", "u-1")
    client.consent("a-1", grant=["ads"])
    client.consent("u-1", withdraw=["ads"])
    assert "ads" not in allowed(client, "a-1")
    client.unmerge("a-1", "u-1")
    asked = client if reader == "same" else world.client()
    found = [allowed(asked, subject) - {"service"} for subject in ("a-1", "u-1")]
    assert found == [{"ads"}, {"personalise"}]


def test_a_decision_keeps_both_ids(client):
    """A decision for an anonymous id names the person it belongs to and the id it came by (C43)."""
    client.identify("a-1", "u-1")
    decision = client.decide("hero", subject="a-1")
    assert (decision.subject, decision.anonymous_subject) == ("u-1", "a-1")


def test_an_outcome_follows_its_person(client):
    """A decision made before signing in still learns from an outcome reported after it."""
    people(client, ["a-1"])
    decision = client.decide("hero", subject="a-1")
    client.identify("a-1", "u-1")
    assert client.report(decision, "displayed") == "applied"
    assert client.report(decision, "converted") == "applied"


@pytest.mark.parametrize(
    ("anonymous", "known"), [("treated", "treated"), ("treated", "holdout"), ("holdout", "treated")]
)
def test_the_known_trial_stays(world, anonymous, known):
    """On a link the known subject's trial and arm stay, the other leaves, both arms alike (M7)."""
    client = world.client(policy(holdouts=HALF))
    left, right = people(client, [in_arm(anonymous, "a"), in_arm(known, "u")])
    client.decide("hero", subject=left)
    world.clock.move(minutes=1)
    client.decide("hero", subject=right)
    triggered_at = world.clock.now()
    world.clock.move(minutes=1)
    client.identify(left, right)
    found = trials(client)
    assert found[right].left_at is None
    assert (found[right].arm, found[right].triggered_at) == (known, triggered_at)
    assert found[left].left_at == world.clock.now()
    assert client.decide("hero", subject=left).holdout.arm == known
    (measured,) = client.measure()
    assert measured.crossovers == int(anonymous != known)
    assert sum(arm.subjects for arm in measured.arms) == 1
    client.unmerge(left, right)
    assert client.measure()[0].crossovers == 0
    client.identify(left, right)
    assert client.measure()[0].crossovers == int(anonymous != known)


def test_the_anonymous_trial_moves_where_the_known_has_none(world):
    """Who was triggered anonymously keeps that arm and that instant as a known person (M4, M7)."""
    client = world.client(policy(holdouts=HALF))
    left, right = people(client, [in_arm("treated", "a"), in_arm("holdout", "u")])
    client.decide("hero", subject=left)
    triggered_at = world.clock.now()
    world.clock.move(minutes=1)
    client.identify(left, right)
    found = trials(client)
    assert list(found) == [right]
    assert (found[right].arm, found[right].opened_by) == ("treated", left)
    assert found[right].triggered_at == triggered_at
    assert client.decide("hero", subject=right).holdout.arm == "treated"


def test_a_mature_trial_does_not_leave(world):
    """What has been measured to its end stays measured (M5, M7)."""
    client = world.client(policy(holdouts=HALF))
    left, right = people(client, [in_arm("treated", "a"), in_arm("holdout", "u")])
    client.decide("hero", subject=left)
    client.decide("hero", subject=right)
    world.clock.move(days=1, seconds=1)
    client.identify(left, right)
    assert [trial.left_at for trial in trials(client).values()] == [None, None]


def test_outcomes_of_the_pair_count_from_the_link_on(world):
    """A trial takes the other id's outcomes from the link on, not from before it (M7)."""
    client = world.client(policy(holdouts=HALF))
    left, right = people(client, [in_arm("treated", "a"), in_arm("treated", "u")])
    client.decide("hero", subject=right)
    world.clock.move(minutes=1)
    client.emit("order_completed", subject=left)
    world.clock.move(minutes=1)
    client.identify(left, right)
    assert trials(client)[right].values == {}
    client.emit("order_completed", subject=left)
    assert trials(client)[right].values["orders"][:2] == (1.0, 1)


def test_a_moved_trial_takes_no_earlier_outcome_of_the_known(world):
    """A late word of what the known subject did before the link is not the moved trial's (M7)."""
    client = world.client(policy(holdouts=HALF))
    left, right = people(client, [in_arm("treated", "a"), in_arm("treated", "u")])
    client.decide("hero", subject=left)
    before = world.clock.move(minutes=1).now()
    world.clock.move(minutes=1)
    client.identify(left, right)
    client.emit("order_completed", subject=right, at=before)
    assert trials(client)[right].values == {}


def test_unmerge_gives_trials_back(world):
    """After a link is undone each has the trial it had (I2, M7)."""
    client = world.client(policy(holdouts=HALF))
    left, right = people(client, [in_arm("treated", "a"), in_arm("holdout", "u")])
    client.decide("hero", subject=left)
    client.identify(left, right)
    client.unmerge(left, right)
    assert {name: trial.arm for name, trial in trials(client).items()} == {left: "treated"}
    client.decide("hero", subject=right)
    client.identify(left, right)
    client.unmerge(left, right)
    found = trials(client)
    assert {name: trial.arm for name, trial in found.items()} == {left: "treated", right: "holdout"}
    assert all(trial.left_at is None for trial in found.values())


def test_caps_and_figures_follow_the_shown_decision(client):
    """Displays of both ids are counted once each after the link."""
    people(client, ["a-1"])
    show(client, "a-1")
    client.identify("a-1", "u-1")
    show(client, "u-1")
    (measured,) = client.measure()
    assert sum(figures.displays for figures in measured.creatives) == 2


@pytest.mark.parametrize("delivered", [False, True], ids=["on its way", "stored"])
def test_an_id_is_of_one_subject(world, delivered):
    """An event that is told of two ids of one person is two, stored or on its way (W2.12)."""
    client = world.client()
    people(client, ["a-1", "u-1"])
    client.identify("a-1", "u-1")
    for subject in ("a-1", "u-1", "u-1"):
        client.emit("product_viewed", subject=subject, id="view-1")
        if delivered:
            client.flush(10)
        seen = client.profile("u-1").traits["views"]
    client.flush(10)
    assert (seen, client.profile("u-1").traits["views"]) == (2, 2)
