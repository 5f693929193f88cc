"""Arms stay what they were assigned to be, whatever was shown and whoever is linked."""

import orjson
import pytest

from clew.engine.bucketing import point, store_bucket
from clew.engine.credit import OUTCOMES_KEPT
from client.worlds import HOUR, creative, embedded, people, policy, show, slot


def arms_of(client, experiment):
    """The stored arm of each subject."""
    client.flush(10)
    with embedded(client).store.read() as read:
        return {trial.subject: trial.arm for trial in read.trials("default", experiment)}


SPLIT = policy(
    segments=[{"id": "keen", "when": {">=": [{"var": "computed.views"}, 1]}}],
    slots=[slot(strategy="split", shares={"plain": 0.4, "fresh": 0.3, "usual": 0.3})],
    creatives=[
        creative("plain"),
        creative("fresh"),
        creative("usual", when={"in": ["keen", {"var": "segments"}]}),
    ],
)


def share_of(subject):
    """Whose share of the split slot a subject falls into."""
    place = point("split:hero", subject)
    return "fresh" if place < 0.3 else "plain" if place < 0.7 else "usual"


def test_the_default_is_not_joined_by_those_for_whom_a_share_is_not_eligible(world):
    """
    Creatives of a split slot are compared over the same kind of people (M3, M9).

    Were who cannot see `usual` counted with the default, the default's arm would hold more of those
    who are not keen than `usual` does, and being keen would look like an effect of `usual`.
    """
    client = world.client(SPLIT)
    names = people(client, [f"u-{n}" for n in range(60)])
    for name in names[::2]:
        client.emit("product_viewed", subject=name)
    shown = {name: show(client, name).creative for name in names}
    assert arms_of(client, "slot:hero") == {name: share_of(name) for name in names}
    fallen_back = [name for name in names[1::2] if share_of(name) == "usual"]
    assert fallen_back
    assert {shown[name] for name in fallen_back} == {"plain"}


def test_a_linked_subject_keeps_its_split_arm(world):
    """The arm of the anonymous trial moves with the link and is what is served (M7)."""
    client = world.client(SPLIT)
    for n in range(20):
        anonymous, known = people(client, [f"anon-{n}", f"u-{n}"])
        for each in (anonymous, known):
            client.emit("product_viewed", subject=each)
        before = show(client, anonymous).creative
        client.identify(anonymous, known)
        assert show(client, known).creative == before


@pytest.mark.parametrize("serve", ["default", "nothing"])
def test_a_link_to_a_held_out_subject_ends_what_was_kept(world, serve):
    """After the link the known subject's arm is served, not what the visitor kept (M7, D3)."""
    holdout = {"id": "global", "salt": "s", "share": 0.5, "scope": "all", "serve": serve}
    client = world.client(policy(slots=[slot(sticky="session")], holdouts=[holdout]))
    names = [f"u-{n}" for n in range(40)]
    known = next(name for name in names if point("s", name) < 0.5)
    anonymous = next(name for name in names if point("s", name) >= 0.5)
    people(client, [known, anonymous])
    assert show(client, known).reason == "holdout"
    world.clock.move(hours=1)
    assert show(client, anonymous).reason == "bandit"
    client.identify(anonymous, known)
    assert client.decide("hero", subject=known).reason == "holdout"
    assert client.decide("hero", subject=anonymous).reason == "holdout"


def test_a_voided_decision_is_not_repeated(world):
    """A request that is tried again after its decision was voided gets one that counts (D5, D8)."""
    client = world.client()
    people(client, ["u-1"])
    first = client.decide("hero", subject="u-1", request_id="r-1")
    client.report(first, "voided")
    again = client.decide("hero", subject="u-1", request_id="r-1")
    assert again.id != first.id
    assert client.decide("hero", subject="u-1", request_id="r-1").id == again.id


def test_what_the_held_out_see_is_no_share_of_a_creative(world):
    """Displays and weighted means describe what was chosen, not the default of the holdout (M9)."""
    holdout = {"id": "global", "salt": "s", "share": 0.5, "scope": "all"}
    client = world.client(policy(holdouts=[holdout]))
    names = people(client, [f"u-{n}" for n in range(40)])
    chosen = sum(show(client, name).reason == "bandit" for name in names)
    client.flush(10)
    creatives = client.measure("orders")[0].creatives
    assert 0 < chosen < len(names)
    assert sum(one.displays for one in creatives) == chosen
    assert [one.displays for one in creatives] == [one.decisions for one in creatives]


def test_a_slot_remembers_so_many_outcomes(world):
    """However often somebody converts and takes it back, the profile stays small."""
    objective = {
        "id": "orders",
        "signal": "order_completed",
        "window_seconds": HOUR,
        "count": "every",
    }
    client = world.client(policy(objectives=[objective]))
    people(client, ["u-1"])
    decision = show(client, "u-1")
    for n in range(OUTCOMES_KEPT + 20):
        client.emit("order_completed", subject="u-1")
        client.report(decision, "converted", reverses=f"never-{n}")
    client.flush(10)
    place = store_bucket("default", "u-1"), "default"
    with embedded(client).store.read() as read:
        _, body = read.person(place, "u-1")
    document = orjson.loads(body)
    assert len(document["outcomes"]["hero"]["orders"]) == OUTCOMES_KEPT
    assert len(document["reversed"]["orders"]) == OUTCOMES_KEPT
