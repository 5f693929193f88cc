"""What was decided for a person lately, for whoever asks why."""

from clew import Client
from client.worlds import DAY, HOUR, bundle, embedded, policy, slot


def test_the_newest_comes_first(world, client):
    """Decisions come with their explanation and token, newest first, also from another process."""
    made = []
    for _ in range(3):
        made.append(client.decide("hero", subject="u-1"))
        world.clock.move(60)
    found = world.client().decisions("u-1") if client.flush() == 0 else []
    assert found == client.decisions("u-1")
    assert [one.id for one in found] == [one.id for one in reversed(made)]
    assert [one.decided_at for one in found] == [one.decided_at for one in reversed(made)]
    assert found[0].explanation == made[-1].explanation
    assert found[0].content == made[-1].content
    assert client.report(found[0].token, "displayed") == "applied"


def test_so_far_back(world, client):
    """Only what was decided within the time asked for is given; by default, a day."""
    client.decide("hero", subject="u-1")
    world.clock.move(2 * HOUR)
    late = client.decide("hero", subject="u-1")
    assert [one.id for one in client.decisions("u-1", within_seconds=HOUR)] == [late.id]
    assert len(client.decisions("u-1", within_seconds=2 * HOUR)) == 2
    world.clock.move(DAY - HOUR)
    assert [one.id for one in client.decisions("u-1")] == [late.id]


def test_one_person_of_several_names(world, client):
    """What was decided for an anonymous id is the person's as long as it is linked (I2)."""
    client.consent("a-1", grant=["personalise"])
    first = client.decide("hero", subject="a-1")
    world.clock.move(1)
    client.identify("a-1", "u-1")
    second = client.decide("hero", subject="a-1")
    for name in ("u-1", "a-1"):
        assert [one.id for one in client.decisions(name)] == [second.id, first.id]
    client.unmerge("a-1", "u-1")
    assert [one.id for one in client.decisions("a-1")] == [first.id]
    assert [one.id for one in client.decisions("u-1")] == [second.id]


def test_what_nobody_saw_is_left_out(client):
    """A decision that was voided has shown nothing to anybody (D8)."""
    seen, void = (client.decide("hero", subject="u-1") for _ in range(2))
    client.report(seen, "displayed")
    client.report(void, "voided")
    assert [one.id for one in client.decisions("u-1")] == [seen.id]


def test_what_names_nobody_is_not_found(world, client):
    """Without permission a decision is nobody's, and no tenant has those of another (D1)."""
    client.decide("hero", subject="u-2")
    client.decide("hero", subject="u-1")
    assert client.decisions("u-2") == []
    assert world.client(tenant="other").decisions("u-1") == []


def test_under_another_policy(world, client):
    """A decision of a policy that is live no longer is shown by the policy that made it."""
    made = client.decide("hero", subject="u-1")
    client.flush()
    newer = policy(version="2", slots=[slot(), slot("strip")])
    other = world.client(newer)
    embedded(other).shelf.publish(bundle(newer))
    world.clock.move(1)
    again = other.decide("hero", subject="u-1")
    versions = [(one.id, one.policy_version) for one in other.decisions("u-1")]
    assert versions == [(again.id, "2"), (made.id, "1")]


def test_without_a_policy(world):
    """As long as no policy is live nothing was decided."""
    with Client("memory://", clock=world.clock) as empty:
        assert empty.decisions("u-1") == []
